package console

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// How a live page is fed: a word when something changed, at most one in
// liveSpacing; a word every liveBeat so that clocks move and dead connections are
// found, every sendingBeat where figures change all the time; an end after liveLife,
// whereupon the browser calls again.
const (
	liveSpacing = 300 * time.Millisecond
	liveBeat    = 30 * time.Second
	sendingBeat = 2 * time.Second
	liveLife    = 10 * time.Minute
)

// live tells a page that it should look again. It says nothing of what changed:
// the page asks for itself and takes over the parts that differ.
func (c *Console) live(q *request) error {
	page := q.r.URL.Query().Get("page")
	changed, ended, cancel := c.changes(page == "phones")
	defer cancel()
	stream := http.NewResponseController(q.w)
	// The server's bound on writing is for pages; this one lasts.
	if err := stream.SetWriteDeadline(time.Time{}); err != nil {
		return fmt.Errorf("opening a live stream: %w", err)
	}
	h := q.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	say := func(text string) error {
		if _, err := fmt.Fprint(q.w, text); err != nil {
			return err
		}
		return stream.Flush()
	}
	if say("retry: 2000\n\n") != nil {
		return nil // the browser left
	}
	every := liveBeat
	if page == "sending" || page == "launched" {
		every = sendingBeat
	}
	beat, end := time.NewTicker(every), time.NewTimer(liveLife)
	defer beat.Stop()
	defer end.Stop()
	for {
		select {
		case <-q.ctx().Done():
			return nil
		case <-end.C:
			return nil
		case <-beat.C:
		case <-ended:
			return nil // the program stops
		case <-changed:
			rest := time.NewTimer(liveSpacing)
			select {
			case <-rest.C:
			case <-q.ctx().Done():
				rest.Stop()
				return nil
			}
		}
		if say("event: change\ndata: .\n\n") != nil {
			return nil // the browser left
		}
	}
}

// changes joins what wakes a page: the program's changes, and for the Phones page
// those of the phones. ended closes when a source does: the program stops.
func (c *Console) changes(phones bool) (changed, ended <-chan struct{}, cancel func()) {
	var sources []<-chan struct{}
	var cancels []func()
	add := func(ch <-chan struct{}, cancel func()) {
		sources, cancels = append(sources, ch), append(cancels, cancel)
	}
	if c.Notify != nil {
		add(c.Notify())
	}
	if phones && c.Sandbox != nil {
		add(c.Sandbox.Phones.Changed())
	}
	out, done, over := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	end := sync.OnceFunc(func() { close(over) })
	for _, source := range sources {
		go func() {
			forward(source, out, done)
			end()
		}()
	}
	return out, over, func() {
		close(done)
		for _, cancel := range cancels {
			cancel()
		}
	}
}

// forward passes wakes on, folding many into one, until done or the source ends.
func forward(source <-chan struct{}, out chan<- struct{}, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case _, ok := <-source:
			if !ok {
				return
			}
		}
		select {
		case out <- struct{}{}:
		default:
		}
	}
}

// lastLonger lifts the server's bound on writing, which is for pages.
func (q *request) lastLonger() error {
	return http.NewResponseController(q.w).SetWriteDeadline(time.Time{})
}
