package program

import (
	"time"

	"otklik/internal/outreach"
	"otklik/internal/store"
)

// Occasion is an event with what the plan needs to know of it.
type Occasion struct {
	DealerID, ContactID, VisitID string
	At                           time.Time
}

// Plan says which outreach an occasion leads to. It is pure: the same occasion and
// definition give the same rows (invariant 13). A step whose deadline has passed
// is planned as dropped, so that the decision can be read: it is never silent
// (invariant 15).
func Plan(d *Definition, o Occasion, now time.Time) []store.Outreach {
	rows := make([]store.Outreach, 0, len(d.Steps))
	for _, s := range d.Steps {
		r := store.Outreach{DealerID: o.DealerID, ContactID: o.ContactID, VisitID: o.VisitID, Program: d.ID, ProgramVersion: d.Version, Occasion: o.VisitID, Step: s.ID,
			Purpose: s.Purpose, Priority: s.Purpose.Priority(), State: outreach.Planned,
			DueAt: o.At.Add(s.Earliest), TargetAt: o.At.Add(s.Target), DeadlineAt: o.At.Add(s.Deadline)}
		if s.Phone() {
			r.Channel = s.Channels[0]
		}
		if now.After(r.DeadlineAt) {
			r.State, r.Rule = outreach.Dropped, RuleTooLate
		}
		rows = append(rows, r)
	}
	return rows
}

// Rules by which the planner decides.
const (
	RuleTooLate   = "too_late"
	RuleSameVisit = "visits_share_one_survey"
)

// merge is what joining leads to: fresh rows as they are to be written, and rows
// that stand already and become part of a fresh one.
type merge struct {
	fresh []store.Outreach
	into  map[string]string // id that stands → id that stays
}

// join lets occasions of one contact within d.MergeWithin share one outreach per
// step: the latest stays and names the visit, the others are merged into it.
// pending is what stands and has not begun, of any program. newID gives ids to fresh rows.
func join(d *Definition, fresh, pending []store.Outreach, newID func() string) merge {
	m := merge{into: map[string]string{}}
	type key struct{ contact, step string }
	open := map[key][]*store.Outreach{}
	standing := map[string]bool{}
	for i := range pending {
		p := &pending[i]
		if p.Program != d.ID {
			continue
		}
		open[key{p.ContactID, p.Step}] = append(open[key{p.ContactID, p.Step}], p)
		standing[p.ID] = true
	}
	for i := range fresh {
		f := &fresh[i]
		f.ID = newID()
		if f.State != outreach.Planned {
			continue
		}
		k := key{f.ContactID, f.Step}
		for j, o := range open[k] {
			if o.Occasion == f.Occasion {
				f.ID = o.ID // planned again: the row that stands is moved, not doubled
				continue
			}
			if gap := f.DueAt.Sub(o.DueAt); o.State == outreach.Merged || gap.Abs() > d.MergeWithin {
				continue
			}
			winner, loser := f, o
			if o.DueAt.After(f.DueAt) {
				winner, loser = o, f
			}
			loser.State, loser.Rule, loser.MergedInto = outreach.Merged, RuleSameVisit, winner.ID
			if standing[loser.ID] {
				m.into[loser.ID] = winner.ID
			}
			open[k][j] = o
		}
		open[k] = append(open[k], f)
	}
	m.fresh = fresh
	return m
}
