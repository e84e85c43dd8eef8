//go:build heavy || soak

package crash_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio's signature
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// hear lets the provider report deliveries, in turns to the nodes. Who is away or
// answers with an error gets no second call: a report may never come.
func (w *town) hear() {
	if !w.reports {
		return
	}
	var turn atomic.Int64
	client := &http.Client{Timeout: 5 * time.Second}
	w.t.Cleanup(client.CloseIdleConnections)
	w.texts.report = func(callback string, form url.Values) {
		path, ok := strings.CutPrefix(callback, public)
		if !ok {
			return
		}
		// It goes on beside the sink's answer, and is over before the next test.
		ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
		defer cancel()
		n := w.nodes[int(turn.Add(1))%len(w.nodes)]
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+n.listen+path, strings.NewReader(form.Encode()))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("X-Twilio-Signature", signature(callback, form))
		if resp, err := client.Do(req); err == nil {
			w.reported.Add(1)
			_ = resp.Body.Close()
		}
	}
}

// signature is Twilio's: https://www.twilio.com/docs/usage/security
func signature(callback string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(twilioToken))
	mac.Write([]byte(callback))
	for _, k := range slices.Sorted(maps.Keys(form)) {
		mac.Write([]byte(k + form.Get(k)))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
