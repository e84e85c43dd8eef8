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
	return plan(make([]store.Outreach, 0, len(d.Steps)), d, o, now)
}

// plan appends to rows, which a batch shares.
func plan(rows []store.Outreach, d *Definition, o Occasion, now time.Time) []store.Outreach {
	for i := range d.Steps {
		s := &d.Steps[i]
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

// join lets occasions of one contact within d.MergeWithin share one outreach per
// step: the latest stays and names the visit, the others are merged into it.
// standing is what has not begun, of any program; into takes what of it becomes part
// of a fresh row (id that stands → id that stays). newID gives ids to fresh rows.
func join(d *Definition, fresh, standing []store.Outreach, into map[string]string, newID func() string) {
	type key struct{ contact, step string }
	// Most people have one occasion and nothing that stands: nothing to join.
	open := map[key][]*store.Outreach{}
	several := shared(fresh)
	stands := map[string]bool{}
	for i := range standing {
		p := &standing[i]
		if p.Program != d.ID {
			continue
		}
		several[p.ContactID] = true
		open[key{p.ContactID, p.Step}] = append(open[key{p.ContactID, p.Step}], p)
		stands[p.ID] = true
	}
	for i := range fresh {
		f := &fresh[i]
		f.ID = newID()
		if f.State != outreach.Planned || !several[f.ContactID] {
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
			if stands[loser.ID] {
				into[loser.ID] = winner.ID
			}
			open[k][j] = o
		}
		open[k] = append(open[k], f)
	}
}

// shared names the contacts with more than one occasion.
func shared(rows []store.Outreach) map[string]bool {
	several, seen := map[string]bool{}, make(map[string]struct{}, len(rows))
	for i := range rows {
		if i > 0 && rows[i].Occasion == rows[i-1].Occasion && rows[i].ContactID == rows[i-1].ContactID {
			continue // the next step of the same
		}
		if _, twice := seen[rows[i].ContactID]; twice {
			several[rows[i].ContactID] = true
		}
		seen[rows[i].ContactID] = struct{}{}
	}
	return several
}
