// Package outreach owns the nouns of one planned contact and the pure rules of
// its life: the states of an outreach and of a message, and what each outcome of
// an attempt leads to (Next). It does no I/O, reads no clock and draws no random
// number; dispatch and store call it.
package outreach

import (
	"time"

	"otklik/channels"
)

// Purpose says what a message is for; consent, quiet hours and caps depend on it.
type Purpose string

// Purposes. Answer and Callback are never held by a cap (invariant 5).
const (
	Answer   Purpose = "answer"   // reply to the person's own message
	Callback Purpose = "callback" // about a callback that is open
	Service  Purpose = "service"  // what the person waits for: appointment, ready, delay
	Survey   Purpose = "survey"
	Reminder Purpose = "reminder" // survey reminder
	Greeting Purpose = "greeting"
	Ad       Purpose = "ad"
)

// Priority orders purposes in a lane and under a cap: lower goes first.
func (p Purpose) Priority() int {
	switch p {
	case Answer:
		return 0
	case Callback:
		return 1
	case Service:
		return 2
	case Survey:
		return 3
	case Reminder:
		return 4
	case Greeting:
		return 5
	default:
		return 6
	}
}

// Capped tells whether sends of this purpose are counted and held by caps
// (invariant 5).
func (p Purpose) Capped() bool {
	return p == Survey || p == Reminder || p == Greeting || p == Ad
}

// State is the state of an outreach.
type State string

// Outreach states. Planned and Held are due some day; Claimed is in a
// dispatcher's hands; the others are final.
const (
	Planned    State = "planned"
	Held       State = "held"
	Claimed    State = "claimed"
	Done       State = "done"
	Merged     State = "merged"
	Superseded State = "superseded"
	Dropped    State = "dropped"
)

// MessageState is the state of a message.
type MessageState string

// Message states: queued ⇄ sending → sent → delivered | undelivered; or failed,
// unknown, expired, canceled. Received is the one state of an inbound message.
const (
	Queued      MessageState = "queued"
	Sending     MessageState = "sending"
	Sent        MessageState = "sent"
	Delivered   MessageState = "delivered"
	Undelivered MessageState = "undelivered"
	Failed      MessageState = "failed"
	Unknown     MessageState = "unknown"
	Expired     MessageState = "expired"
	Canceled    MessageState = "canceled"
	Received    MessageState = "received"
)

// rank orders the states a report can bring: from sent on, state never moves
// backward, and delivered beats undelivered (invariant 2).
func (s MessageState) rank() int {
	switch s {
	case Queued, Sending, Unknown:
		return 0
	case Sent:
		return 1
	case Failed, Undelivered:
		return 2
	case Delivered:
		return 3
	default:
		return 4
	}
}

// Forward tells whether a delivery report may move a message from s to next.
// A failed message can still turn out to have been delivered; an expired or
// canceled one never left.
func (s MessageState) Forward(next MessageState) bool { return next.rank() > s.rank() }

// ReportState is the message state a report asks for.
func ReportState(s channels.State) MessageState {
	switch s {
	case channels.StateDelivered:
		return Delivered
	case channels.StateUndelivered, channels.StateFailed:
		return Undelivered
	default:
		return Sent
	}
}

// Attempt is what Next must know of the message that was tried.
type Attempt struct {
	Channel channels.Kind
	// Attempts spent before this one.
	Attempts int
	// Asked is how often the provider was asked about an uncertain outcome; for
	// email, how often the message was repeated under the same Message-ID.
	Asked int
	// ValidUntil is when sending has become pointless; zero for no bound.
	ValidUntil time.Time
	// Jitter in [0,1) spreads retries; the caller derives it from the message id.
	Jitter float64
	// Waits replace FirstAsk and SecondAsk where they are set.
	Waits Waits
}

// Waits are the pauses between an uncertain message and the two questions to the
// provider, both counted from the attempt.
type Waits struct{ First, Second time.Duration }

// OrDefault fills in FirstAsk and SecondAsk.
func (w Waits) OrDefault() Waits {
	if w.First == 0 {
		w.First = FirstAsk
	}
	if w.Second == 0 {
		w.Second = SecondAsk
	}
	return w
}

// MaxAttempts is how many attempts a message may spend.
const MaxAttempts = 5

// Waits between an uncertain SMS and the two questions to the provider
// (design.md step 8).
const (
	FirstAsk  = 60 * time.Second
	SecondAsk = 10 * time.Minute
)

const (
	firstBackoff    = 30 * time.Second
	longestBackoff  = 30 * time.Minute
	defaultThrottle = 5 * time.Second
	suspendedWait   = 5 * time.Minute
)

// Transition is what an outcome leads to. The store applies it under the guard
// of the claim's token.
type Transition struct {
	State MessageState
	// DueAt is when a queued message may be tried again, or when the provider is
	// asked about a message that stays sending. Machine time.
	DueAt time.Time
	// Spent tells whether the attempt counts.
	Spent bool
	// AskedMore is added to the count of questions.
	AskedMore int
	// Suppress is the reason for which the address must not be used again.
	Suppress channels.Reason
	// Pause is the scope that must stop sending; empty for none.
	Pause channels.Scope
	// Open tells that a person has to be told: the message will not arrive.
	Open bool
}

// Next is the table from outcome to transition (anchors.md, "Outcomes and
// transitions"); err nil means accepted. now is machine time.
func Next(a Attempt, err error, now time.Time) Transition {
	if err == nil {
		return Transition{State: Sent, Spent: true}
	}
	e := channels.AsError(err)
	switch e.Class {
	case channels.Transient:
		if a.Attempts+1 >= MaxAttempts {
			return Transition{State: Failed, Spent: true, Open: true}
		}
		return retry(a, now.Add(backoff(a)), true)
	case channels.Throttled:
		wait := max(e.RetryAfter, 0)
		if wait == 0 {
			wait = defaultThrottle
		}
		return retry(a, now.Add(wait), false)
	case channels.Rejected:
		return Transition{State: Failed, Spent: true, Open: true}
	case channels.Unreachable:
		t := Transition{State: Failed, Spent: true, Suppress: e.Reason, Open: true}
		if t.Suppress == "" {
			t.Suppress = channels.ReasonBadAddress
		}
		return t
	case channels.Suspended:
		t := retry(a, now.Add(suspendedWait), false)
		t.Pause = e.Scope
		if t.Pause == "" || t.Pause == channels.ScopeMessage {
			t.Pause = channels.ScopeSender
		}
		return t
	default:
		return uncertain(a, now)
	}
}

// Unfinished is the transition of a message found in sending after its claim
// expired: nobody knows whether the provider took it.
func Unfinished(a Attempt, now time.Time) Transition { return uncertain(a, now) }

// Answered is the transition after the provider was asked about an uncertain
// message: found with its state, or not known there.
func Answered(a Attempt, found bool, s channels.State, now time.Time) Transition {
	if found {
		return Transition{State: ReportState(s), AskedMore: 1}
	}
	if a.Asked == 0 {
		return Transition{State: Sending, DueAt: now.Add(a.Waits.OrDefault().Second - a.Waits.OrDefault().First), AskedMore: 1}
	}
	return Transition{State: Unknown, AskedMore: 1, Open: true}
}

func uncertain(a Attempt, now time.Time) Transition {
	switch a.Channel {
	case channels.SMS:
		return Transition{State: Sending, DueAt: now.Add(a.Waits.OrDefault().First), Spent: true}
	case channels.Email:
		if a.Asked == 0 {
			t := retry(a, now.Add(a.Waits.OrDefault().First), true)
			t.AskedMore = 1
			return t
		}
	}
	return Transition{State: Unknown, Spent: true, Open: true}
}

func retry(a Attempt, at time.Time, spent bool) Transition {
	if !a.ValidUntil.IsZero() && at.After(a.ValidUntil) {
		return Transition{State: Expired, Spent: spent, Open: true}
	}
	return Transition{State: Queued, DueAt: at, Spent: spent}
}

// backoff doubles with each attempt and spreads by a quarter either way.
func backoff(a Attempt) time.Duration {
	d := firstBackoff << min(a.Attempts, 10)
	d = min(d, longestBackoff)
	return time.Duration(float64(d) * (0.75 + a.Jitter/2))
}
