package store

import (
	"time"

	"otklik/internal/outreach"
)

// Tact is what bears on congratulating a contact or advertising to him.
type Tact struct {
	// OpenCallback is when the oldest callback that is still open was opened, LowScore
	// when the last one was for a low score, open or not (invariant 6: there is no low
	// score without one). Zero for none.
	OpenCallback, LowScore time.Time
	// Ahead are surveys, reminders and greetings that are planned or just being judged, by
	// the time they are due; At may have passed.
	Ahead []PastSend
}

func (d dialect) askCallbacks(into map[string]Tact, contacts string) question {
	return question{"callbacks", "select contact_id, min(case when state in ('open', 'claimed', 'asked') then opened_at end), max(case when reason = 'low_score' then opened_at end) from task where kind = 'callback' and " +
		d.among("contact_id", "uuid", 1) + " group by contact_id", []any{contacts}, func(r *cells) {
		id := r.id()
		t := into[id]
		t.OpenCallback, t.LowScore = r.moment(), r.moment()
		into[id] = t
	}}
}

func (d dialect) askAhead(into map[string]Tact, contacts string, until time.Time) question {
	return question{"planned outreach", "select contact_id, purpose, due_at from outreach where state in ('planned', 'held', 'claimed') and purpose in ('survey', 'reminder', 'greeting') and due_at < $2 and " +
		d.among("contact_id", "uuid", 1) + " order by due_at", []any{contacts, at(until)}, func(r *cells) {
		id := r.id()
		t := into[id]
		t.Ahead = append(t.Ahead, PastSend{Purpose: outreach.Purpose(r.text()), At: r.moment()})
		into[id] = t
	}}
}
