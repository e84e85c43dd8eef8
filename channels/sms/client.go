package sms

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"otklik/channels"
)

// maxAnswer bounds what is read of one answer. A page of 50 messages of 1,600
// escaped characters fits.
const maxAnswer = 1 << 20

// call is the client.BaseClient of one call to the API. twilio-go builds requests
// without a context; an object per call is how ours reaches them.
type call struct {
	ch  *Channel
	ctx context.Context
	// begun is true while the request may have reached the provider.
	begun atomic.Bool
	// check is that of the message which the call hands over, nil for none.
	check func() error
}

var _ client.BaseClient = (*call)(nil)

// api gives the generated API bound to this call. The handler is a literal
// because its constructor reads TWILIO_EDGE and TWILIO_REGION.
func (k *call) api() *api.ApiService {
	return api.NewApiService(&client.RequestHandler{Client: k})
}

// AccountSid is what twilio-go puts into paths.
func (k *call) AccountSid() string { return k.ch.config.AccountSID }

// SetTimeout does nothing: the call's context bounds it.
func (k *call) SetTimeout(time.Duration) {}

// SetOauth does nothing: accounts log in with SID and token.
func (k *call) SetOauth(client.OAuth) {}

// OAuth is always nil.
func (k *call) OAuth() client.OAuth { return nil }

// SendRequest makes one request and gives the whole answer when its status is
// 2xx, else a *refusal.
func (k *call) SendRequest(method, rawURL string, data url.Values, headers map[string]any, _ ...byte) (*http.Response, error) {
	req, err := k.request(method, rawURL, data, headers)
	if err != nil {
		return nil, err
	}
	resp, err := k.ch.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	success := resp.StatusCode >= 200 && resp.StatusCode <= 299
	if !success {
		// A broken body takes nothing from what the status says.
		return nil, k.ch.refusal(resp, body)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func (k *call) request(method, rawURL string, data url.Values, headers map[string]any) (*http.Request, error) {
	rest, ok := strings.CutPrefix(rawURL, defaultBase)
	if !ok {
		return nil, errors.New("the api asked for another host")
	}
	target := k.ch.base + rest
	var body io.Reader
	switch {
	case method != http.MethodGet:
		body = strings.NewReader(data.Encode())
	case len(data) > 0:
		target += "?" + data.Encode()
	}
	// net/http asks for a connection again only when it is sure that nothing
	// was written to the last one, so GetConn clears the mark.
	ctx := httptrace.WithClientTrace(k.ctx, &httptrace.ClientTrace{
		GetConn: func(string) { k.begun.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { k.begun.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, method, target, body)
	if err != nil {
		return nil, fmt.Errorf("building the request: %w", err)
	}
	for name, v := range headers {
		req.Header.Set(name, fmt.Sprint(v))
	}
	channels.Guard(req, k.check, &k.begun)
	req.Header.Set("User-Agent", "otklik")
	req.Header.Set("Accept", "application/json")
	req.SetBasicAuth(k.ch.config.AccountSID, k.ch.config.AuthToken)
	return req, nil
}

// failure turns what the API returned into an *channels.Error.
func (k *call) failure(doing string, err error) error {
	var r *refusal
	if errors.As(err, &r) {
		e := r.classify()
		e.Err = fmt.Errorf("%s: %w", doing, r)
		return e
	}
	// *url.Error repeats the whole URL, and with it the recipient in a list.
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	class := channels.Transient
	if k.begun.Load() {
		class = channels.Uncertain
	}
	return &channels.Error{Class: class, Err: fmt.Errorf("%s: %w", doing, err)}
}

// refusal is an answer other than 2xx.
type refusal struct {
	status  int
	code    int
	message string
	// after is the Retry-After header; asked says that there was one.
	after time.Duration
	asked bool
}

// Error gives status, code and Twilio's words without addresses and credentials.
func (r *refusal) Error() string {
	s := fmt.Sprintf("twilio answered %d", r.status)
	if r.code != 0 {
		s += fmt.Sprintf(", code %d", r.code)
	}
	if r.message != "" {
		s += ": " + r.message
	}
	return s
}

func (c *Channel) refusal(resp *http.Response, body []byte) *refusal {
	r := &refusal{status: resp.StatusCode}
	r.after, r.asked = retryAfter(resp.Header)
	var said struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &said) == nil {
		r.code, r.message = said.Code, c.scrub(said.Message)
	}
	return r
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3). A date counts from the
// answer's own Date, so that our clock's error does not matter.
func retryAfter(h http.Header) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if v == "" {
		return 0, false
	}
	if s, err := strconv.Atoi(v); err == nil && s >= 0 && s <= int(24*time.Hour/time.Second) {
		return time.Duration(s) * time.Second, true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return min(max(at.Sub(now), 0), 24*time.Hour), true
}

// phone is anything in Twilio's words that can be somebody's number.
var phone = regexp.MustCompile(`\+?\d[\d ()-]{4,}\d`)

// longestMessage bounds what of Twilio's words goes into an error, in bytes.
const longestMessage = 300

// scrub removes what must not reach a log: numbers of people and the token.
func (c *Channel) scrub(s string) string {
	s = strings.ReplaceAll(s, c.config.AuthToken, "[token]")
	s = phone.ReplaceAllString(s, "[number]")
	if len(s) > longestMessage {
		s = strings.ToValidUTF8(s[:longestMessage], "") + "…"
	}
	return s
}
