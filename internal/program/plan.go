package program

import (
	"cmp"
	"strings"
	"time"

	"otklik/internal/calendar"
	"otklik/internal/outreach"
	"otklik/internal/store"
)

// Occasion is an event or a date with what the plan needs to know of it.
type Occasion struct {
	DealerID, ContactID, VisitID string
	// Subject is what else it is about: an appointment, a prospect, a car, a task.
	Subject string
	// At is the moment that offsets count from; of a date its first moment where the
	// person is.
	At time.Time
	// Date is set for dates.
	Date calendar.Date
	// Dropped is why the person is listed although nothing is planned.
	Dropped string
	Place   Place
}

// key names the occasion among those of the program and the person: a second run
// finds what the first has planned by it. An occasion whose subject moves is another
// one.
func (o *Occasion) key() string {
	switch {
	case !o.Date.IsZero() && o.Subject != "":
		return o.Subject + at + o.Date.String()
	case !o.Date.IsZero():
		return o.Date.String()
	case o.Subject != "":
		return o.Subject + at + o.At.UTC().Format(time.RFC3339)
	}
	return o.VisitID
}

// at separates the subject of an occasion from its time.
const at = "@"

// Subject is what an outreach's occasion is about, and the time or date of it as
// text; "" for a visit's or a holiday's.
func Subject(occasion string) (subject, when string) {
	subject, when, ok := strings.Cut(occasion, at)
	if !ok {
		return "", occasion
	}
	return subject, when
}

// Plan says which outreach an occasion leads to. It is pure: the same occasion and
// definition give the same rows (invariant 13). A step whose deadline has passed
// is planned as dropped, so that the decision can be read: it is never silent
// (invariant 15).
func Plan(d *Definition, o Occasion, now time.Time, book *calendar.Book) []store.Outreach {
	return plan(make([]store.Outreach, 0, len(d.Steps)), d, &o, now, book)
}

// plan appends to rows, which a batch shares.
func plan(rows []store.Outreach, d *Definition, o *Occasion, now time.Time, book *calendar.Book) []store.Outreach {
	key := o.key()
	for i := range d.Steps {
		s := &d.Steps[i]
		r := store.Outreach{DealerID: o.DealerID, ContactID: o.ContactID, VisitID: o.VisitID, Program: d.ID, ProgramVersion: d.Version, Occasion: key, Step: s.ID,
			Purpose: s.Purpose, Priority: s.Purpose.Priority(), State: outreach.Planned}
		if d.local {
			r.DueAt, r.TargetAt, r.DeadlineAt = s.Earliest.From(o.At, o.Place, book), s.Target.From(o.At, o.Place, book), s.Deadline.From(o.At, o.Place, book)
		} else {
			r.DueAt, r.TargetAt, r.DeadlineAt = o.At.Add(s.Earliest.Clock), o.At.Add(s.Target.Clock), o.At.Add(s.Deadline.Clock)
		}
		if s.Phone() || s.Paper() {
			r.Channel = s.Channels[0]
		}
		switch {
		case o.Dropped != "":
			r.State, r.Rule = outreach.Dropped, o.Dropped
		case now.After(r.DeadlineAt) && s.Late == LateSkip:
			r.State, r.Rule = outreach.Dropped, RuleTooLate
			r.Inputs = `{"deadline":"` + r.DeadlineAt.In(cmp.Or(o.Place.Zone, time.UTC)).Format(time.RFC3339) + `"}`
		}
		rows = append(rows, r)
	}
	return rows
}

// Rules by which the planner decides.
const (
	RuleTooLate       = "too_late"
	RuleSameVisit     = "visits_share_one_survey"
	RuleGenderUnknown = "gender_unknown"
	RuleDeceased      = "deceased"
	RuleOff           = "program_off"
	RuleNobody        = "nobody_responsible"
	RuleMoved         = "occasion_moved"
	RuleCanceled      = "occasion_canceled"
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
			if gap := f.DueAt.Sub(o.DueAt); d.MergeWithin == 0 || o.State == outreach.Merged || gap.Abs() > d.MergeWithin {
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

// end says which of what stands an event ends: what was planned for its subject at
// another time, and what the definition says it cancels.
func end(d *Definition, e *store.Event, standing []store.Outreach, ended map[string]string) {
	moved := e.Kind == d.Trigger && e.SubjectID != ""
	canceled, all := contains(d.Cancel, e.Kind), contains(d.CancelAll, e.Kind)
	if !moved && !canceled && !all {
		return
	}
	here := (&Occasion{Subject: e.SubjectID, At: e.At}).key()
	for i := range standing {
		o := &standing[i]
		if o.Program != d.ID || o.ContactID != e.ContactID {
			continue
		}
		subject, _ := Subject(o.Occasion)
		same := e.SubjectID != "" && subject == e.SubjectID
		switch {
		case canceled && same, all && o.Occasion != e.VisitID:
			ended[o.ID] = RuleCanceled
		case moved && same && o.Occasion != here:
			ended[o.ID] = RuleMoved
		}
	}
}

func contains(kinds []string, kind string) bool {
	for _, k := range kinds {
		if k == kind {
			return true
		}
	}
	return false
}
