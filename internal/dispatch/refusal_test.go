package dispatch_test

import (
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

const northSender = "+78120000000"

// refusing is a rig with a dealer on each of two numbers of one account, and the numbers
// that the provider refuses.
type refusing struct {
	*dispatchtest.Rig
	north store.Dealer
	clock *leaping
	// scope is how far a refusal reaches; refused are the numbers that meet it.
	scope   channels.Scope
	refused *atomic.Pointer[[]string]
	people  int
}

func newRefusing(t *testing.T, st *store.Store, scope channels.Scope, refused ...string) *refusing {
	t.Helper()
	r := &refusing{Rig: dispatchtest.New(t, st), scope: scope, refused: new(atomic.Pointer[[]string])}
	r.north = north(t, r.Rig, northSender)
	r.from(r.Rig)
	r.refuse(refused...)
	return r
}

// from lets a rig send under the refusals.
func (r *refusing) from(x *dispatchtest.Rig) {
	r.clock = &leaping{Clock: r.Clock}
	x.Dispatcher.Clock = r.clock
	x.Fake.Otherwise(func(m channels.Message, _ int) channeltest.Outcome {
		if slices.Contains(*r.refused.Load(), m.From) {
			return channeltest.Outcome{Err: &channels.Error{Class: channels.Suspended, Scope: r.scope, Code: "20003"}}
		}
		return channeltest.Outcome{}
	})
}

func (r *refusing) refuse(numbers ...string) { r.refused.Store(&numbers) }

// restart gives a process that knows nothing of what the one before it has met.
func (r *refusing) restart(t *testing.T) {
	t.Helper()
	x := dispatchtest.New(t, r.Store)
	r.from(x)
	x.Clock, *x.Roster = r.Clock, *r.Roster
	r.Rig.Dispatcher, r.Rig.Fake = x.Dispatcher, x.Fake
}

// write lets a dealer write to one more person.
func (r *refusing) write(t *testing.T, d store.Dealer) {
	t.Helper()
	r.people++
	crowd(t, r.Rig, d, []string{"111", "222", "333", "444"}[r.people-1], 1)
	r.Send(t)
}

// told are the numbers that people are told of as refused, and since when.
func (r *refusing) told(t *testing.T) map[string]time.Time {
	t.Helper()
	ss, err := r.Store.Senders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]time.Time{}
	for _, s := range ss {
		if s.PausedReason != "" {
			out[s.Address] = s.PausedAt
		}
	}
	return out
}

func (r *refusing) want(t *testing.T, when string, numbers ...string) map[string]time.Time {
	t.Helper()
	told := r.told(t)
	slices.Sort(numbers)
	if got := slices.Sorted(maps.Keys(told)); !slices.Equal(got, numbers) {
		t.Errorf("%s: %v are told of as refused, want %v", when, got, numbers)
	}
	return told
}

// TestAccountRefused: a refusal of the account is told of all its numbers, and of none any
// longer as soon as one of them can send.
func TestAccountRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := newRefusing(t, st, channels.ScopeAccount, dispatchtest.Sender, northSender)
		r.write(t, r.Dealer)
		r.want(t, "the account is refused", dispatchtest.Sender, northSender)
		r.refuse()
		r.clock.stood.Store(int64(4 * time.Minute)) // the rest is not over, and neither is the message's
		r.write(t, r.north)
		r.want(t, "nothing has been tried", dispatchtest.Sender, northSender)
		r.clock.stood.Store(int64(6 * time.Minute))
		r.write(t, r.north)
		r.want(t, "a number sends")
	})
}

// TestNumberRefused: a refusal of one number says nothing of the others, and their
// sending nothing of it.
func TestNumberRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := newRefusing(t, st, channels.ScopeSender, dispatchtest.Sender)
		r.write(t, r.Dealer)
		r.write(t, r.north)
		r.want(t, "one number is refused", dispatchtest.Sender)
		r.refuse()
		r.clock.stood.Store(int64(6 * time.Minute))
		r.write(t, r.Dealer)
		r.want(t, "it sends")
	})
}

// TestRefusalAfterRestart: a process that begins does not forget a refusal that stands,
// nor keep one that is over.
func TestRefusalAfterRestart(t *testing.T) {
	for _, scope := range []channels.Scope{channels.ScopeAccount, channels.ScopeSender} {
		t.Run(string(scope), func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				r := newRefusing(t, st, scope, dispatchtest.Sender)
				r.write(t, r.Dealer)
				first := r.told(t)[dispatchtest.Sender]
				r.restart(t)
				r.write(t, r.Dealer)
				if again := r.told(t)[dispatchtest.Sender]; first.IsZero() || !again.Equal(first) {
					t.Errorf("refused since %v, after the restart since %v", first, again)
				}
				r.refuse()
				r.restart(t)
				r.write(t, r.Dealer)
				r.want(t, "it sends")
			})
		})
	}
}

// TestRefusalOverElsewhere: a node that rests goes on as soon as another could send.
func TestRefusalOverElsewhere(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := newRefusing(t, st, channels.ScopeAccount, dispatchtest.Sender)
		crowd(t, r.Rig, r.Dealer, "111", 1)
		r.Plan(t)
		resting := r.Rig
		running(t, resting)
		suspended := func() bool {
			lanes := resting.Dispatcher.Report()
			return len(lanes) == 1 && lanes[0].Reason == "suspended"
		}
		testserver.Wait(t, "the node rests", suspended)
		node := *r
		node.Rig = &dispatchtest.Rig{Store: r.Store, Clock: r.Clock, Dealer: r.Dealer, Roster: r.Roster, Renderer: r.Renderer, Drafter: r.Drafter, Planner: r.Planner}
		r.refuse()
		node.restart(t)
		node.people = 1
		node.write(t, r.Dealer)
		r.want(t, "the other node sends")
		testserver.Wait(t, "the rest ends", func() bool { return !suspended() })
	})
}
