package telegram

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"otklik/channels"
)

const (
	// maxAnswer is far above a hundred updates of 4096 characters.
	maxAnswer = 16 << 20
	// idleConnections is above what 30 messages a second need at a second each.
	idleConnections = 64
	// idle is short, because a request that meets the server's own closing of an
	// idle connection ends as Uncertain.
	idle = 30 * time.Second
)

// newClient speaks HTTP/1.1: one stuck connection then delays one message and
// not all of them. Redirects are not followed: the token is in the path.
func newClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: timeout}).DialContext,
			TLSHandshakeTimeout: timeout,
			MaxIdleConns:        idleConnections,
			MaxIdleConnsPerHost: idleConnections,
			IdleConnTimeout:     idle,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// exchange is the library's HTTP client for one call. It brings the context,
// which the library's requests lack, and remembers what outcome needs.
type exchange struct {
	ctx    context.Context
	client *http.Client
	// check is that of the message which the call hands over, nil for none.
	check  func() error
	begun  atomic.Bool
	status int
	wait   time.Duration
	asked  bool
}

// Do makes the request and reads its whole answer, so that the connection can be
// used again and a broken answer is an error here.
func (x *exchange) Do(req *http.Request) (*http.Response, error) {
	ctx := httptrace.WithClientTrace(x.ctx, &httptrace.ClientTrace{
		// The transport looks for a second connection only when nothing was
		// written on the first.
		GetConn: func(string) { x.begun.Store(false) },
		// From here on bytes may leave at any moment, even after the context
		// has ended and the call has returned.
		GotConn: func(httptrace.GotConnInfo) { x.begun.Store(true) },
	})
	req = req.WithContext(ctx)
	channels.Guard(req, x.check, &x.begun)
	resp, err := x.client.Do(req)
	if err != nil {
		var withAddress *url.Error
		if errors.As(err, &withAddress) {
			err = withAddress.Err
		}
		return nil, err
	}
	defer resp.Body.Close()
	x.status = resp.StatusCode
	x.wait, x.asked = retryAfter(resp.Header)
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if len(body) > maxAnswer {
		return nil, errors.New("the answer is too long")
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// retryAfter reads the header of RFC 9110; a date is taken against the answer's
// own Date, because the clocks may differ.
func retryAfter(h http.Header) (time.Duration, bool) {
	v := h.Get("Retry-After")
	if v == "" {
		return 0, false
	}
	if n, err := strconv.Atoi(v); err == nil {
		return max(0, time.Duration(n)*time.Second), true
	}
	until, err := http.ParseTime(v)
	now, err2 := http.ParseTime(h.Get("Date"))
	if err != nil || err2 != nil {
		return 0, true
	}
	return max(0, until.Sub(now)), true
}
