package callback

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/draft"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/render"
	"otklik/internal/store"
)

// Written is what an employee writes to a customer in his own words.
type Written struct {
	Text string
	// Now sends it within the customer's quiet hours, too, where invariant 4 allows
	// that; Later keeps it until they are over.
	Now, Later bool
}

// ErrNoText: nothing was written.
var ErrNoText = errors.New("the text is missing")

// ErrQuiet: the customer has quiet hours, in which the text may go all the same, and
// nobody has said whether it should.
var ErrQuiet = errors.New("the customer has quiet hours now")

// readBack is how many messages are looked at for the one that is answered.
const readBack = 50

// Write sends the customer an employee's own words, on the channel on which he wrote,
// and gives the time at which his quiet hours end, if they wait for that; zero otherwise.
// It answers a written question (R099). ErrUnreachable where nothing may be written to him.
func (d *Desk) Write(ctx context.Context, taskID string, e store.Employee, w Written) (held time.Time, err error) {
	if w.Text = strings.TrimSpace(w.Text); w.Text == "" {
		return held, ErrNoText
	}
	err = d.change(ctx, taskID, e, func(tx *store.Tx, t *store.Task, now time.Time) error {
		if err := owns(t, e); err != nil {
			return err
		}
		if t.ContactID == "" {
			return ErrUnreachable
		}
		r, err := d.recipient(ctx, tx, t, outreach.Answer, now)
		if err != nil {
			return err
		}
		m, err := d.Drafter.Shared("answer.written", r, func(x *render.Data) { x.Written, x.Employee = w.Text, e.Name })
		if err != nil {
			return err
		}
		if err := d.answering(ctx, &m); err != nil {
			return err
		}
		if held, err = d.heldUntil(&m, r, w, now); err != nil {
			return err
		}
		m.ID, m.TaskID, m.ConversationID, m.EmployeeID = tx.NewID(), t.ID, t.ConversationID, e.ID
		m.Purpose, m.Priority = outreach.Answer, outreach.Answer.Priority()
		if err := tx.Queue(ctx, []store.Message{m}, now); err != nil {
			return err
		}
		if err := meet(ctx, tx, t, now, ClockInquiry); err != nil {
			return err
		}
		return tx.AddStep(ctx, store.Step{TaskID: t.ID, Kind: StepWritten, EmployeeID: e.ID, MessageID: m.ID}, now)
	})
	return held, err
}

// answering makes a message the answer to the newest one of the person on its channel.
func (d *Desk) answering(ctx context.Context, m *store.Message) error {
	ms, err := d.Store.MessagesOf(ctx, m.ContactID, readBack)
	if err != nil {
		return fmt.Errorf("reading the messages: %w", err)
	}
	for _, x := range ms { // the oldest first
		if x.Direction != store.In || x.Options.Automatic || x.Channel != m.Channel || x.Address != m.Address {
			continue
		}
		m.AnswersAt = x.CreatedAt
		if m.Channel == channels.Email {
			m.Options.InReplyTo = x.ProviderID
			switch {
			case len(x.Subject) >= 3 && strings.EqualFold(x.Subject[:3], "re:"):
				m.Subject = x.Subject
			case x.Subject != "":
				m.Subject = "Re: " + x.Subject
			}
		}
	}
	return nil
}

// heldUntil is when a text may go that may not go now; zero for one that may. One that is to wait for the end of the quiet hours
// answers nothing in particular: it has no exemption from them.
func (d *Desk) heldUntil(m *store.Message, r draft.Recipient, w Written, now time.Time) (time.Time, error) {
	if w.Later {
		m.AnswersAt = time.Time{}
	}
	in := policy.Input{Now: now, Purpose: outreach.Answer, Channel: m.Channel, Country: r.Dealer.Country, Zone: r.Zone(), Relationship: "conversation", Deceased: r.Contact.Deceased, AnswersAt: m.AnswersAt}
	if hours, err := policy.ParseHours(r.Contact.Hours); err == nil {
		in.Hours = hours
	}
	v := d.Policy.Decide(in)
	if v.Kind == policy.Hold {
		in.Typed = now
		if typed := d.Policy.Decide(in); typed.Kind == policy.Send {
			if !w.Now {
				return time.Time{}, ErrQuiet
			}
			v = typed
		}
	}
	switch v.Kind {
	case policy.Send:
		return time.Time{}, nil
	case policy.Hold:
		return v.Until, nil
	}
	return time.Time{}, ErrUnreachable
}
