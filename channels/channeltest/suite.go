package channeltest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"otklik/channels"
)

// Situation is one way in which a provider can treat an attempt. The suite asks
// an Adapter for a provider that treats every attempt that way.
type Situation string

// Situations, with the class that the contract demands. "Attempt" means a
// message that the provider has read whole.
const (
	// Accepts takes every message and gives each its own id.
	Accepts Situation = "accepts"
	// Refuses is an address where nobody listens: Transient, no attempt.
	Refuses Situation = "refuses connections"
	// Mute takes the connection and then never says what the channel must hear
	// before it may send (a TLS handshake, an SMTP greeting): Transient when
	// ctx ends, no attempt.
	Mute Situation = "mute before the message"
	// Hangs reads the message and never answers: Uncertain when ctx ends.
	Hangs Situation = "hangs after the message"
	// Resets reads the message and resets the connection: Uncertain.
	Resets Situation = "resets after the message"
	// Garbles answers success in a form that cannot be read: Uncertain.
	Garbles Situation = "garbles its success"
	// Breaks answers with a failure of its own (HTTP 500) after reading the
	// message: Uncertain.
	Breaks Situation = "breaks down"
	// Throttles asks to come back after Adapter.RetryAfter: Throttled.
	Throttles Situation = "throttles"
	// Unavailable is HTTP 503 with Retry-After of Adapter.RetryAfter: Throttled.
	Unavailable Situation = "unavailable for a while"
	// OptedOut says that the person does not want messages: Unreachable.
	OptedOut Situation = "recipient opted out or blocked us"
	// BadAddress says that the address does not exist: Unreachable.
	BadAddress Situation = "no such address"
	// BadLogin refuses our credentials: Suspended, scope account or sender.
	BadLogin Situation = "credentials refused"
)

// Bench is a channel wired to a provider that the test controls.
type Bench struct {
	Channel channels.Channel
	// Attempts counts the messages that the provider has read whole so far.
	Attempts func() int
	// Seen gives everything the provider has read so far; nil when the bench
	// cannot tell.
	Seen func() string
}

// Adapter is what a channel's test tells the suite about its provider.
type Adapter struct {
	Kind channels.Kind
	// Message is a message that the provider would take; the suite varies ID.
	Message channels.Message
	// Secrets must never be seen in anything the channel returns: credentials,
	// and the recipient's address where the provider echoes it.
	Secrets []string
	// RetryAfter is what Throttles and Unavailable ask for.
	RetryAfter time.Duration
	// Open starts a provider in the given situation and a channel that talks to
	// it. Both end with t.
	Open func(t testing.TB, s Situation) Bench
	// Lacks names the situations that the protocol cannot produce, each with
	// the reason, which the suite prints.
	Lacks map[Situation]string
	// ShowsID says that the provider can see Message.ID in what it reads.
	ShowsID bool
	// Hook is for channels that are called back; nil for others.
	Hook *Hook
}

// patience bounds every wait of the suite: long enough for a loaded machine, and
// only ever used up by a channel that breaks the contract.
const patience = 2 * time.Minute

// Run holds the channel to the contract of package channels.
func Run(t *testing.T, a Adapter) {
	t.Helper()
	t.Run("kind", func(t *testing.T) {
		b := a.Open(t, Accepts)
		if got := b.Channel.Kind(); got != a.Kind {
			t.Errorf("Kind() = %q, want %q", got, a.Kind)
		}
		NoSecrets(t, a.Secrets, b.Channel)
	})
	t.Run("accepted", func(t *testing.T) { accepted(t, a) })
	for _, c := range failures(a) {
		t.Run(string(c.situation), func(t *testing.T) { c.run(t, a) })
	}
	t.Run("context ended before", func(t *testing.T) { endedBefore(t, a) })
	t.Run("check", func(t *testing.T) { checked(t, a) })
	for _, s := range []Situation{Mute, Hangs} {
		t.Run("context ends, provider "+string(s), func(t *testing.T) { endsDuring(t, a, s) })
	}
	t.Run("concurrent", func(t *testing.T) { concurrent(t, a) })
	if _, ok := a.Open(t, Accepts).Channel.(channels.BatchSender); ok {
		t.Run("batch", func(t *testing.T) { batch(t, a) })
	}
	if a.Hook != nil {
		t.Run("hook", func(t *testing.T) { a.Hook.run(t, a) })
	}
}

// lacks logs what the protocol cannot do. It is no skip: nothing is left untested.
func (a Adapter) lacks(t *testing.T, s Situation) bool {
	t.Helper()
	why, lacks := a.Lacks[s]
	if lacks && why == "" {
		t.Fatalf("the adapter lacks %q without a reason", s)
	}
	if lacks {
		t.Logf("this protocol has no %q: %s", s, why)
	}
	return lacks
}

// poll waits until cond holds, ctx ends or half of the patience is used up.
func poll(ctx context.Context, cond func() bool) {
	ctx, cancel := context.WithTimeout(ctx, patience/2)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (a Adapter) message(n int) channels.Message {
	m := a.Message
	m.ID = fmt.Sprintf("otk-contract-%04d", n)
	return m
}

// send runs one Send with a bound, so that a channel that never returns fails its
// own test and not the whole run.
func send(t *testing.T, ctx context.Context, ch channels.Channel, m channels.Message) (channels.Receipt, error) {
	t.Helper()
	type result struct {
		r   channels.Receipt
		err error
	}
	done := make(chan result, 1)
	go func() {
		r, err := ch.Send(ctx, m)
		done <- result{r, err}
	}()
	select {
	case got := <-done:
		return got.r, got.err
	case <-time.After(patience):
		t.Fatalf("Send did not return within %v", patience)
		panic("unreachable")
	}
}

func accepted(t *testing.T, a Adapter) {
	b := a.Open(t, Accepts)
	seen := map[string]bool{}
	for n := 1; n <= 3; n++ {
		m := a.message(n)
		r, err := send(t, t.Context(), b.Channel, m)
		if err != nil {
			t.Fatalf("message %d: %v", n, err)
		}
		if r.ProviderID == "" || seen[r.ProviderID] {
			t.Errorf("message %d: provider id %q is empty or repeated", n, r.ProviderID)
		}
		seen[r.ProviderID] = true
		NoSecrets(t, a.Secrets, r)
		if got := b.Attempts(); got != n {
			t.Fatalf("after %d sends the provider read %d messages", n, got)
		}
		if a.ShowsID && b.Seen != nil && !strings.Contains(b.Seen(), m.ID) {
			t.Errorf("message id %q does not reach the provider", m.ID)
		}
	}
}

type failure struct {
	situation Situation
	class     channels.Class
	attempts  int
	also      func(t *testing.T, e *channels.Error)
}

func failures(a Adapter) []failure {
	after := func(t *testing.T, e *channels.Error) {
		t.Helper()
		if e.RetryAfter != a.RetryAfter || a.RetryAfter <= 0 {
			t.Errorf("RetryAfter = %v, provider asked for %v", e.RetryAfter, a.RetryAfter)
		}
	}
	login := func(t *testing.T, e *channels.Error) {
		t.Helper()
		if e.Scope != channels.ScopeAccount && e.Scope != channels.ScopeSender {
			t.Errorf("scope %q, want account or sender", e.Scope)
		}
	}
	optedOut := func(t *testing.T, e *channels.Error) {
		t.Helper()
		if e.Reason != channels.ReasonOptedOut && e.Reason != channels.ReasonBlocked {
			t.Errorf("reason %q, want opted_out or blocked", e.Reason)
		}
	}
	return []failure{
		{Refuses, channels.Transient, 0, nil},
		{Resets, channels.Uncertain, 1, nil},
		{Garbles, channels.Uncertain, 1, nil},
		{Breaks, channels.Uncertain, 1, nil},
		{Throttles, channels.Throttled, 1, after},
		{Unavailable, channels.Throttled, 1, after},
		{OptedOut, channels.Unreachable, anyAttempts, optedOut},
		{BadAddress, channels.Unreachable, anyAttempts, nil},
		{BadLogin, channels.Suspended, anyAttempts, login},
	}
}

// anyAttempts allows 0 or 1: SMTP refuses a recipient or a login before it has
// read a message, HTTP after.
const anyAttempts = -1

func (c failure) run(t *testing.T, a Adapter) {
	if a.lacks(t, c.situation) {
		return
	}
	b := a.Open(t, c.situation)
	r, err := send(t, t.Context(), b.Channel, a.message(1))
	e := classified(t, a, r, err)
	if e.Class != c.class {
		t.Errorf("class %v, want %v (%v)", e.Class, c.class, err)
	}
	if c.also != nil {
		c.also(t, e)
	}
	switch got := b.Attempts(); {
	case c.attempts == anyAttempts && got > 1, c.attempts != anyAttempts && got != c.attempts:
		t.Errorf("one Send made the provider read %d messages", got)
	}
}

// classified checks what holds for every failed attempt.
func classified(t *testing.T, a Adapter, r channels.Receipt, err error) *channels.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("accepted (%+v), want an error", r)
	}
	if r != (channels.Receipt{}) {
		t.Errorf("a failed attempt has a receipt: %+v", r)
	}
	NoSecrets(t, a.Secrets, err)
	var e *channels.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is no *channels.Error: %v", err, err)
	}
	return e
}

func endedBefore(t *testing.T, a Adapter) {
	b := a.Open(t, Accepts)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, err := send(t, ctx, b.Channel, a.message(1))
	if e := classified(t, a, r, err); e.Class != channels.Transient {
		t.Errorf("class %v, want transient: nothing was written", e.Class)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not wrap context.Canceled", err)
	}
	if got := b.Attempts(); got != 0 {
		t.Errorf("the provider read %d messages", got)
	}
}

// checked lets messages be over at each moment at which the channel asks: before all
// work, and as late as after it has been told to go on.
func checked(t *testing.T, a Adapter) {
	over := errors.New("over")
	b := a.Open(t, Accepts)
	for passes := range 3 {
		before, asked := b.Attempts(), 0
		m := a.message(passes)
		m.Check = func() error {
			if asked++; asked > passes {
				return over
			}
			return nil
		}
		r, err := send(t, t.Context(), b.Channel, m)
		if asked <= passes && passes > 0 {
			if err != nil || b.Attempts() != before+1 {
				t.Errorf("a message that passed %d checks: %v, the provider read %d", asked, err, b.Attempts()-before)
			}
			continue // it does not ask so often
		}
		if e := classified(t, a, r, err); e.Class != channels.Transient || !errors.Is(err, over) {
			t.Errorf("over after %d checks: class %v of %v, want transient and the check's error", passes, e.Class, err)
		}
		if b.Attempts() != before {
			t.Errorf("over after %d checks: the provider read it", passes)
		}
	}
}

// endsDuring ends the context while the provider is silent. With Hangs it waits
// until the message has been read, so that the answer is certain to be Uncertain.
func endsDuring(t *testing.T, a Adapter, s Situation) {
	if a.lacks(t, s) {
		return
	}
	want := channels.Transient
	if s == Hangs {
		want = channels.Uncertain
	}
	b := a.Open(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if s == Hangs {
		go func() {
			defer cancel()
			poll(ctx, func() bool { return b.Attempts() > 0 })
		}()
	} else {
		ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
	}
	r, err := send(t, ctx, b.Channel, a.message(1))
	if e := classified(t, a, r, err); e.Class != want {
		t.Errorf("class %v, want %v (%v)", e.Class, want, err)
	}
	if got := b.Attempts(); got > 1 || (s == Mute && got != 0) {
		t.Errorf("the provider read %d messages", got)
	}
}

// concurrent is worth its time under -race.
func concurrent(t *testing.T, a Adapter) {
	const workers, each = 8, 5
	b := a.Open(t, Accepts)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		seen = map[string]int{}
	)
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				r, err := b.Channel.Send(t.Context(), a.message(w*each+i))
				if err != nil {
					t.Errorf("worker %d: %v", w, err)
					return
				}
				mu.Lock()
				seen[r.ProviderID]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != workers*each || b.Attempts() != workers*each {
		t.Errorf("%d sends gave %d provider ids and %d attempts", workers*each, len(seen), b.Attempts())
	}
}

func batch(t *testing.T, a Adapter) {
	open := func(t *testing.T, s Situation) (Bench, channels.BatchSender) {
		b := a.Open(t, s)
		bs, ok := b.Channel.(channels.BatchSender)
		if !ok {
			t.Fatalf("the channel is a BatchSender in one situation and %T in another", b.Channel)
		}
		return b, bs
	}
	t.Run("accepted", func(t *testing.T) {
		b, bs := open(t, Accepts)
		const n = 20
		rs := sendBatch(t, t.Context(), a, bs, n)
		ids := map[string]bool{}
		for i, got := range rs {
			if got.err != nil {
				t.Errorf("message %d: %v", i, got.err)
			}
			ids[got.receipt.ProviderID] = true
		}
		if len(ids) != n || b.Attempts() != n {
			t.Errorf("%d messages gave %d provider ids and %d attempts", n, len(ids), b.Attempts())
		}
	})
	t.Run("some are over", func(t *testing.T) {
		b, bs := open(t, Accepts)
		over := errors.New("over")
		a := a
		a.Message.Check = func() error {
			if b.Attempts() > 2 {
				return over
			}
			return nil
		}
		const n = 40
		refused := 0
		for i, got := range sendBatch(t, t.Context(), a, bs, n) {
			if got.err == nil {
				continue
			}
			refused++
			if e := classified(t, a, got.receipt, got.err); e.Class != channels.Transient || !errors.Is(got.err, over) {
				t.Errorf("message %d: class %v of %v", i, e.Class, got.err)
			}
		}
		if refused == 0 || refused+b.Attempts() != n {
			t.Errorf("of %d messages the provider read %d and %d were over", n, b.Attempts(), refused)
		}
	})
	t.Run("context ended before", func(t *testing.T) {
		b, bs := open(t, Accepts)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for i, got := range sendBatch(t, ctx, a, bs, 5) {
			if e := classified(t, a, got.receipt, got.err); e.Class != channels.Transient {
				t.Errorf("message %d: class %v, want transient", i, e.Class)
			}
		}
		if got := b.Attempts(); got != 0 {
			t.Errorf("the provider read %d messages", got)
		}
	})
	t.Run("resets", func(t *testing.T) {
		if a.lacks(t, Resets) {
			return
		}
		_, bs := open(t, Resets)
		for i, got := range sendBatch(t, t.Context(), a, bs, 5) {
			if e := classified(t, a, got.receipt, got.err); e.Class > channels.Transient {
				t.Errorf("message %d: class %v, want uncertain or transient", i, e.Class)
			}
		}
	})
}

type batchResult struct {
	receipt channels.Receipt
	err     error
}

// sendBatch fails t unless done is called exactly once for each message.
func sendBatch(t *testing.T, ctx context.Context, a Adapter, bs channels.BatchSender, n int) []batchResult {
	t.Helper()
	var (
		mu    sync.Mutex
		rs    = make([]batchResult, n)
		calls = make([]int, n)
		ms    = make([]channels.Message, n)
		over  = make(chan struct{})
	)
	for i := range ms {
		ms[i] = a.message(i)
	}
	go func() {
		defer close(over)
		bs.SendBatch(ctx, ms, func(i int, r channels.Receipt, err error) {
			mu.Lock()
			defer mu.Unlock()
			calls[i]++
			rs[i] = batchResult{r, err}
		})
	}()
	select {
	case <-over:
	case <-time.After(patience):
		t.Fatalf("SendBatch did not return within %v", patience)
	}
	mu.Lock()
	defer mu.Unlock()
	for i, c := range calls {
		if c != 1 {
			t.Fatalf("done was called %d times for message %d", c, i)
		}
	}
	return rs
}
