package inbox

import (
	"slices"
	"strings"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/intake"
	"otklik/internal/store"
)

// callable tells whether there is a number on which the person can be called. On a
// number that is somebody else's he cannot.
func (e *entry) callable() (bool, error) {
	if e.in.Channel == channels.SMS || len(e.dialled) > 0 {
		return true, nil
	}
	ns, err := e.tx.Numbers(e.ctx, e.contact)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(ns, func(n store.Number) bool { return !n.Wrong }), nil
}

// numbers are those that a text names, by the country of the dealer, and the text without
// them. The dealer's own are nobody's to be called on.
func (e *entry) numbers(text string) (found []string, rest string) {
	found, rest = intake.Named(text, e.dealer.Country)
	own, _ := intake.Named(e.dealer.Phone, e.dealer.Country)
	if s, ok := e.Roster.Sender(e.dealer.ID, channels.SMS); ok {
		own = append(own, s)
	}
	return slices.DeleteFunc(found, func(n string) bool { return slices.Contains(own, n) }), rest
}

// awaited are the numbers that a text names to be called on, and the text without them:
// while somebody has to call a person of whom there is no number.
func (e *entry) awaited(text string, calls bool) (found []string, rest string) {
	if !calls || e.contact.ID == "" {
		return nil, text
	}
	known, err := e.callable()
	if err != nil {
		e.Log.Warn("numbers were not read", "error", err)
		return nil, text
	}
	if known {
		return nil, text
	}
	if found, rest = e.numbers(text); len(found) == 0 {
		return nil, text
	}
	return found, rest
}

// spoken is a text without the number that it brings, which says nothing of how it went.
func (e *entry) spoken(text string) string {
	_, rest := e.awaited(text, e.conv != nil && e.state.Flagged)
	return rest
}

// brings tells whether a text brings the number that is awaited.
func (e *entry) brings(text string) bool {
	found, _ := e.awaited(text, e.conv != nil && e.state.Flagged)
	return len(found) > 0
}

// dial keeps the numbers that the person has named, so that he is called there. The
// message that they came by is shown by record.
func (e *entry) dial(text string, calls bool) error {
	found, _ := e.awaited(text, calls)
	for _, n := range slices.Backward(found) { // the first one comes first in rank
		if err := e.tx.Dial(e.ctx, e.contact.ID, channels.SMS, n, e.now); err != nil {
			return err
		}
	}
	for i, n := range found {
		e.contact.Addresses = append(e.contact.Addresses, store.Address{Channel: channels.SMS, Value: n, Rank: i})
	}
	e.dialled = append(e.dialled, found...)
	return nil
}

// record notes in a callback's history where its number is from.
func (e *entry) record(t store.Task) error {
	if len(e.dialled) == 0 {
		return nil
	}
	return e.tx.AddStep(e.ctx, store.Step{TaskID: t.ID, Kind: callback.StepNumber, MessageID: e.msg.ID, Text: strings.Join(e.dialled, ", ")}, e.now)
}

// recorded does so in the callback of the conversation.
func (e *entry) recorded() error {
	if len(e.dialled) == 0 {
		return nil
	}
	if e.conv.TaskID == "" {
		return e.onCallback(e.record)
	}
	t, err := e.tx.Task(e.ctx, e.conv.TaskID)
	if err != nil {
		return err
	}
	return e.record(t)
}
