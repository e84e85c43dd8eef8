package sandbox

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// hooks calls our side as a provider does.
type hooks struct {
	client *http.Client
}

// How often a call is made, and how long the waits between are: doubling from
// the first to the longest. A status callback outlives a restart of our side.
const (
	triesInbound  = 4
	triesStatus   = 20
	triesForever  = 0
	firstHookWait = 50 * time.Millisecond
	longHookWait  = 2 * time.Second
)

// deliver makes a call until it is answered with 2xx. A 4xx is final; anything
// else is tried again up to tries times, without end for triesForever. failed, if
// not nil, hears of every try that was not answered with 2xx.
func (h hooks) deliver(ctx context.Context, tries int, request func(context.Context) (*http.Request, error), failed func(error)) error {
	wait := firstHookWait
	for n := 1; ; n++ {
		again, err := h.once(ctx, request)
		if err == nil {
			return nil
		}
		if failed != nil {
			failed(err)
		}
		if tries != triesForever && (!again || n >= tries) {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("calling our side: %w", ctx.Err())
		case <-timer.C:
		}
		wait = min(2*wait, longHookWait)
	}
}

func (h hooks) once(ctx context.Context, request func(context.Context) (*http.Request, error)) (again bool, err error) {
	req, err := request(ctx)
	if err != nil {
		return false, fmt.Errorf("building a call to our side: %w", err)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return true, fmt.Errorf("calling our side: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return false, nil
	}
	return resp.StatusCode >= 500, fmt.Errorf("calling our side: %s answered %s", req.URL.Path, resp.Status)
}
