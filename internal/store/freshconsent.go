package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
)

// ErrRefusedSince: the person has refused after he is said to have agreed.
var ErrRefusedSince = errors.New("the person has refused since")

// FreshConsent is what a person has told or given to an employee: that he wants to be
// written to on a channel for some purposes, also after a STOP.
type FreshConsent struct {
	ContactID, DealerID string
	// Purposes are some of ConsentPurposes.
	Purposes []string
	Channel  channels.Kind
	// How is one of ToEmployee.
	How string
	// At is when he agreed; not after now.
	At time.Time
	// Text is the exact wording that he was shown or told, the proof.
	Text string
}

// ToEmployee are the ways in which a consent is given to an employee.
func ToEmployee() []string { return []string{"person", "phone", "paper", "writing"} }

// ConsentPurposes are those to which a person can agree one by one. Reminders of a survey
// go with surveys. Answers to what he writes himself are named by none: they go with any.
func ConsentPurposes() []string {
	return []string{string(outreach.Survey), string(outreach.Service), string(outreach.Callback), string(outreach.Greeting), adPurpose}
}

// RecordConsent records a consent that an employee was given, a row for each purpose, with
// an audit row, and lifts what stands at the person's request against his addresses on the
// channel, for these purposes only: of a STOP to everything the other purposes stay
// refused. What stands for another reason stays. A consent to ads is this dealer's alone,
// and nobody else who has the address becomes reachable by it. It tells how many refusals
// were lifted. ErrRefusedSince where a refusal of one of the purposes is not older;
// ErrNotFound where there is no such contact.
func (s *Store) RecordConsent(ctx context.Context, f FreshConsent, by Employee, now time.Time) (lifted int, err error) {
	err = s.Tx(ctx, RankPerson, func(t *Tx) error {
		lifted, err = t.recordConsent(ctx, f, by, now)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("recording a consent: %w", err)
	}
	return lifted, nil
}

func (t *Tx) recordConsent(ctx context.Context, f FreshConsent, by Employee, now time.Time) (lifted int, err error) {
	if err := t.LockContact(ctx, f.ContactID); err != nil {
		return 0, err
	}
	c, err := t.Contact(ctx, f.ContactID)
	if err != nil {
		return 0, err
	}
	known, err := consents(ctx, t, []string{c.ID})
	if err != nil {
		return 0, err
	}
	if slices.ContainsFunc(known[c.ID], f.refusedBy) {
		return 0, ErrRefusedSince
	}
	for _, a := range c.Addresses {
		if a.Channel != f.Channel {
			continue
		}
		n, err := t.liftFor(ctx, f, a.Value)
		if err != nil {
			return 0, err
		}
		lifted += n
	}
	for _, p := range f.recorded() {
		if err := t.AddConsent(ctx, Consent{ContactID: c.ID, DealerID: f.DealerID, Purpose: p, Channel: f.Channel, Given: true, At: f.At, How: f.How, EmployeeID: by.ID, TextVersion: f.Text}); err != nil {
			return 0, err
		}
	}
	detail := fmt.Sprintf("%s on %s, %s, given %s, %d refusals lifted", strings.Join(f.Purposes, ", "), f.Channel, f.How, f.At.UTC().Format(time.RFC3339), lifted)
	return lifted, t.Audit(ctx, f.DealerID, by.ID, "consent", "contact", c.ID, detail, now)
}

// recorded are the purposes with what goes with them.
func (f FreshConsent) recorded() []string {
	if slices.Contains(f.Purposes, string(outreach.Survey)) {
		return append(slices.Clone(f.Purposes), string(outreach.Reminder))
	}
	return f.Purposes
}

// refusedBy tells whether a word takes the consent back, or would if it stood before it.
func (f FreshConsent) refusedBy(c Consent) bool {
	return slices.ContainsFunc(f.Purposes, func(p string) bool { return c.refuses(p, f.Channel, f.DealerID) }) && !c.At.Before(f.At)
}

// refuses tells whether a word is a refusal of a purpose on a channel at a dealer; at no
// dealer in particular for "". A bare STOP refuses ads on every channel; of ads, a file
// speaks for its dealer only, a person for the group.
func (c Consent) refuses(purpose string, ch channels.Kind, dealerID string) bool {
	on := c.Channel == ch || c.Channel == ""
	switch {
	case c.Given:
		return false
	case c.Purpose == AllPurposes:
		return on || purpose == adPurpose
	case purpose == adPurpose && c.How == ByImport && c.DealerID != dealerID:
		return false
	}
	return on && c.Purpose == purpose
}

// liftFor lifts what stands against an address at somebody's request, for the purposes of
// a consent.
func (t *Tx) liftFor(ctx context.Context, f FreshConsent, address string) (lifted int, err error) {
	hidden, err := t.s.hide(ctx, t, address)
	if err != nil {
		return 0, err
	}
	in, args := list(4, append([]string{AllPurposes}, f.Purposes...))
	args = append([]any{f.Channel, address, hidden, OptedOut}, args...)
	const theirs = "channel = $1 and address in ($2, $3) and reason = $4"
	standing, err := collect(ctx, t, func(r *sql.Rows) (x Suppression, err error) {
		var a moment
		err = r.Scan(&x.Purpose, &a)
		x.At = a.Time
		return x, err
	}, "select purpose, at from suppression where "+theirs+" and purpose in "+in, args...)
	if err != nil {
		return 0, fmt.Errorf("reading suppressions: %w", err)
	}
	for _, x := range standing {
		if !x.At.Before(f.At) {
			return 0, ErrRefusedSince
		}
	}
	if len(standing) == 0 {
		return 0, nil
	}
	if err := t.rememberRefusals(ctx, f, address, standing); err != nil {
		return 0, err
	}
	for _, p := range ConsentPurposes() {
		if slices.Contains(f.Purposes, p) {
			continue
		}
		if _, err := t.ExecContext(ctx, `insert into suppression (channel, address, purpose, reason, at, until, message_id)
			select channel, address, cast($5 as text), reason, at, until, message_id from suppression where `+theirs+` and purpose = 'all'
			on conflict (address, channel, purpose, reason) do nothing`, f.Channel, address, hidden, OptedOut, p); err != nil {
			return 0, fmt.Errorf("keeping the other refusals: %w", err)
		}
	}
	if _, err := t.ExecContext(ctx, "delete from suppression where "+theirs+" and purpose in "+in, args...); err != nil {
		return 0, fmt.Errorf("lifting refusals: %w", err)
	}
	return len(standing), nil
}

// rememberRefusals writes down, as words of whoever has the address, what a suppression
// has said until now for the purposes of a consent: it concerned everybody who has the
// address and, for ads, the whole group, and the consent is one person's and one dealer's.
func (t *Tx) rememberRefusals(ctx context.Context, f FreshConsent, address string, standing []Suppression) error {
	people, err := t.ContactsAt(ctx, f.Channel, address)
	if err != nil {
		return fmt.Errorf("reading who has an address: %w", err)
	}
	known, err := consents(ctx, t, people)
	if err != nil {
		return err
	}
	for _, id := range people {
		for _, p := range f.recorded() {
			for _, x := range standing {
				said := func(c Consent) bool { return c.refuses(p, f.Channel, "") && !c.At.Before(x.At) }
				covers := x.Purpose == AllPurposes || x.Purpose == p || x.Purpose == string(outreach.Survey) && p == string(outreach.Reminder)
				if !covers || slices.ContainsFunc(known[id], said) {
					continue
				}
				c := Consent{ContactID: id, Purpose: p, Channel: f.Channel, At: x.At, How: "message"}
				if err := t.AddConsent(ctx, c); err != nil {
					return err
				}
				known[id] = append(known[id], c)
			}
		}
	}
	return nil
}
