package channeltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/jolt"
)

// Outcome is what a Fake does with one attempt. The zero value accepts.
type Outcome struct {
	// Receipt of an accepted message; an empty ProviderID is made up.
	Receipt channels.Receipt
	// Err is the attempt's error, usually a *channels.Error.
	Err error
	// Taken says that the message reaches the recipient in spite of Err: the
	// worse half of Uncertain.
	Taken bool
	// Hold delays the answer until it is closed. When ctx ends first, the
	// answer is Uncertain if Taken and Transient if not.
	Hold <-chan struct{}
	// Panic, when not nil, is what Send panics with.
	Panic any
}

// Fail gives an outcome of a class; Throttled and the like need an Error of
// their own.
func Fail(class channels.Class) Outcome {
	return Outcome{Err: &channels.Error{Class: class, Err: errors.New("scripted")}}
}

// Throttle gives Throttled with the provider's wish.
func Throttle(after time.Duration) Outcome {
	return Outcome{Err: &channels.Error{Class: channels.Throttled, RetryAfter: after}}
}

// Fake is a channel that does what its script says and remembers what it was
// given. It is a Channel and a BatchSender, safe for concurrent use; FakeAsker
// adds Ask. The zero value is not usable: see NewFake.
type Fake struct {
	kind channels.Kind

	// checking is held from a call's check until mu is held to note the call.
	checking  sync.Mutex
	mu        sync.Mutex
	changed   *sync.Cond
	scripts   map[string][]Outcome
	otherwise func(m channels.Message, attempt int) Outcome
	calls     []channels.Message
	taken     []Taken
	attempts  map[string]int
	inFlight  int
	peak      int
	ids       int
	workers   int
}

// Taken is a message that a Fake's recipient got.
type Taken struct {
	Message    channels.Message
	ProviderID string
	At         time.Time
}

// NewFake gives a channel of the kind that accepts everything until told
// otherwise.
func NewFake(kind channels.Kind) *Fake {
	f := &Fake{
		kind:     kind,
		scripts:  map[string][]Outcome{},
		attempts: map[string]int{},
		workers:  4,
	}
	f.changed = sync.NewCond(&f.mu)
	f.otherwise = func(channels.Message, int) Outcome { return Outcome{} }
	return f
}

// On scripts the next attempts for key, a message id or a recipient; the id is
// looked at first. Further calls append.
func (f *Fake) On(key string, outcomes ...Outcome) *Fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scripts[key] = append(f.scripts[key], outcomes...)
	return f
}

// Otherwise decides what no script does; attempt counts from 1 per message id.
// rule must be safe for concurrent use.
func (f *Fake) Otherwise(rule func(m channels.Message, attempt int) Outcome) *Fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.otherwise = rule
	return f
}

// Workers sets how many messages of one batch are in flight at once (4 unless set).
func (f *Fake) Workers(n int) *Fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.workers = max(1, n)
	return f
}

// Kind is the kind given to NewFake.
func (f *Fake) Kind() channels.Kind { return f.kind }

// Send plays one outcome.
func (f *Fake) Send(ctx context.Context, m channels.Message) (channels.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return channels.Receipt{}, &channels.Error{Class: channels.Transient, Err: err}
	}
	jolt.Here()
	o, err := f.begin(m)
	if err != nil {
		return channels.Receipt{}, &channels.Error{Class: channels.Transient, Err: err}
	}
	defer f.end()
	jolt.Here()
	if o.Panic != nil {
		panic(o.Panic)
	}
	if o.Hold != nil {
		select {
		case <-o.Hold:
		case <-ctx.Done():
			class := channels.Transient
			if o.Taken {
				class = channels.Uncertain
				f.take(m, o.Receipt)
			}
			return channels.Receipt{}, &channels.Error{Class: class, Err: ctx.Err()}
		}
	}
	if o.Err == nil {
		return f.take(m, o.Receipt), nil
	}
	if o.Taken {
		f.take(m, o.Receipt)
	}
	return channels.Receipt{}, o.Err
}

// SendBatch plays the outcomes of all, several at once.
func (f *Fake) SendBatch(ctx context.Context, ms []channels.Message, done func(i int, r channels.Receipt, err error)) {
	f.mu.Lock()
	slots := make(chan struct{}, f.workers)
	f.mu.Unlock()
	var wg sync.WaitGroup
	for i := range ms {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			r, err := f.Send(ctx, ms[i])
			done(i, r, err)
		})
	}
	wg.Wait()
}

// begin notes a call and finds its outcome.
func (f *Fake) begin(m channels.Message) (Outcome, error) {
	f.checking.Lock()
	if err := m.Checked(); err != nil {
		f.checking.Unlock()
		return Outcome{}, err
	}
	f.mu.Lock()
	f.checking.Unlock()
	f.calls = append(f.calls, m)
	f.attempts[m.ID]++
	f.inFlight++
	f.peak = max(f.peak, f.inFlight)
	f.changed.Broadcast()
	attempt, rule := f.attempts[m.ID], f.otherwise
	for _, key := range []string{m.ID, m.To} {
		if s := f.scripts[key]; len(s) > 0 {
			f.scripts[key] = s[1:]
			f.mu.Unlock()
			return s[0], nil
		}
	}
	f.mu.Unlock()
	return rule(m, attempt), nil
}

func (f *Fake) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inFlight--
	f.changed.Broadcast()
}

func (f *Fake) take(m channels.Message, r channels.Receipt) channels.Receipt {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.ProviderID == "" {
		f.ids++
		r.ProviderID = fmt.Sprintf("fake-%s-%d", f.kind, f.ids)
	}
	f.taken = append(f.taken, Taken{Message: m, ProviderID: r.ProviderID, At: time.Now()})
	f.changed.Broadcast()
	return r
}

// Calls gives every message that Send was called with, in that order, whatever
// became of it.
func (f *Fake) Calls() []channels.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]channels.Message(nil), f.calls...)
}

// Left is how many calls there have been: what is not among them is checked later than
// this. No Message.Check may ask it.
func (f *Fake) Left() int {
	f.checking.Lock()
	defer f.checking.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

// Taken gives what reached a recipient, in order: accepted messages and those
// scripted as Taken. Two of one message mean that somebody got it twice.
func (f *Fake) Taken() []Taken {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Taken(nil), f.taken...)
}

// Peak is the largest number of attempts that were in flight at one time.
func (f *Fake) Peak() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.peak
}

// Await blocks until Send has been called n times in all, and fails t when that
// takes longer than the suite's patience.
func (f *Fake) Await(t testing.TB, n int) {
	t.Helper()
	f.await(t, fmt.Sprintf("%d attempts", n), func() bool { return len(f.calls) >= n })
}

// AwaitTaken blocks until n messages have reached their recipients.
func (f *Fake) AwaitTaken(t testing.TB, n int) {
	t.Helper()
	f.await(t, fmt.Sprintf("%d messages taken", n), func() bool { return len(f.taken) >= n })
}

func (f *Fake) await(t testing.TB, what string, reached func() bool) {
	t.Helper()
	late := false
	alarm := time.AfterFunc(patience, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		late = true
		f.changed.Broadcast()
	})
	defer alarm.Stop()
	f.mu.Lock()
	defer f.mu.Unlock()
	for !reached() && !late {
		f.changed.Wait()
	}
	if !reached() {
		t.Fatalf("no %s within %v: %d attempts, %d taken", what, patience, len(f.calls), len(f.taken))
	}
}

// FakeAsker is a Fake that can also be asked, which it answers from what it took.
type FakeAsker struct {
	*Fake
	// Down, when not nil, is the error of every Ask.
	Down func() error
}

// Ask finds the newest message to the recipient with the same text that was taken
// no earlier than a minute before Since.
func (f FakeAsker) Ask(ctx context.Context, q channels.Query) (channels.Report, bool, error) {
	if err := ctx.Err(); err != nil {
		return channels.Report{}, false, err
	}
	if f.Down != nil {
		if err := f.Down(); err != nil {
			return channels.Report{}, false, err
		}
	}
	all := f.Taken()
	for i := len(all) - 1; i >= 0; i-- {
		t := all[i]
		if t.Message.To == q.To && t.Message.Text == q.Text && t.At.After(q.Since.Add(-time.Minute)) {
			return channels.Report{
				Channel: f.kind, MessageID: t.Message.ID, ProviderID: t.ProviderID,
				State: channels.StateSent, Address: t.Message.To, At: t.At,
			}, true, nil
		}
	}
	return channels.Report{}, false, nil
}
