package dispatch

import (
	"context"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
)

// suspend lets what a refusal reaches rest, and alerts once.
func (d *Dispatcher) suspend(ctx context.Context, l lane, e *channels.Error, t outreach.Transition) {
	s := scope{l.channel, l.sender}
	if t.Pause == channels.ScopeAccount {
		s.sender = ""
	}
	d.rest(s, rest{until: t.DueAt, reason: "suspended", alerted: true})
	reason := strings.TrimSpace(e.Code + " " + e.Error())
	first, err := d.Store.PauseSender(ctx, s.channel, s.sender, reason, d.Clock.Business())
	if err != nil {
		d.Log.Error("pausing a sender failed", "error", err)
	} else {
		d.know(scope{l.channel, l.sender})
	}
	if first {
		d.Metrics.suspended(l.channel)
		d.Log.Error("sender cannot send and rests", "channel", l.channel, "code", e.Code, "error", e)
	}
}

// know remembers that people are told of a refused sender.
func (d *Dispatcher) know(s scope) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.refused[s]; !known {
		d.refused[s] = d.Clock.Machine()
	}
}

// lift ends the rests and the refusals of a sender that could send what it was handed at
// a moment. What was handed over before says nothing about them.
func (d *Dispatcher) lift(ctx context.Context, l lane, handed time.Time) {
	if !d.unwell.Load() || !d.well(l, handed) {
		return // no lock for each message while all is well
	}
	if err := d.Store.LiftSender(ctx, l.channel, l.sender); err != nil {
		d.Log.Error("lifting a sender's pause failed", "error", err) // the next message tries again
	}
}

// well forgets the rests that began, and the refusal that was known, before a message was
// handed over; told: people have been told of one.
func (d *Dispatcher) well(l lane, handed time.Time) (told bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	told = d.rise(l, handed)
	if known, ok := d.refused[scope{l.channel, l.sender}]; ok && known.Before(handed) {
		delete(d.refused, scope{l.channel, l.sender})
		told = true
	}
	d.unwell.Store(len(d.rests)+len(d.refused) > 0)
	return told
}

// rise ends the rests of a sender and of its account that began before a moment. The
// caller holds mu.
func (d *Dispatcher) rise(l lane, before time.Time) (told bool) {
	for _, s := range []scope{{l.channel, l.sender}, {l.channel, ""}} {
		if r, ok := d.rests[s]; ok && r.since.Before(before) {
			told = told || r.alerted
			delete(d.rests, s)
		}
	}
	return told
}

// readRefusals reads which senders people are told of as refused: by another node, or
// before this process began. What nobody is told of any more, because another node could
// send, need not rest here either.
func (d *Dispatcher) readRefusals(ctx context.Context) error {
	asked := d.Clock.Machine()
	senders, err := d.Store.Senders(ctx)
	if err != nil {
		return err
	}
	now := d.Clock.Machine()
	d.mu.Lock()
	defer d.mu.Unlock()
	refused := make(map[scope]time.Time)
	for _, s := range senders {
		if s.PausedReason == "" {
			continue
		}
		refused[scope{s.Channel, s.Address}] = now
	}
	for s, known := range d.refused {
		if _, still := refused[s]; still || !known.Before(asked) {
			refused[s] = known
		} else {
			d.rise(lane{channel: s.channel, sender: s.sender}, known)
		}
	}
	d.refused = refused
	d.unwell.Store(len(d.rests)+len(d.refused) > 0)
	return nil
}
