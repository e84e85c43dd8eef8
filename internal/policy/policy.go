// Package policy owns the question whether a message may go out now: opt-out,
// consent and basis, deadline, tact, caps, quiet hours in the recipient's zone. It is
// pure: dispatch and program give it everything it looks at and store what it says.
package policy

import (
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
)

// Kind is the word of a verdict.
type Kind string

// Kinds.
const (
	Send Kind = "send"
	Hold Kind = "hold"
	Drop Kind = "drop"
	// Merge: it goes with another message.
	Merge Kind = "merge"
	// Ask: a person decides, since it is late (LateAsk).
	Ask Kind = "ask"
)

// Names of rules; catalogues turn them into sentences.
const (
	RuleAllowed   = "allowed"
	RuleAnswer    = "answer"
	RuleTooLate   = "too_late"
	RuleNoTime    = "no_allowed_time"
	RuleOptedOut  = "opted_out"
	RuleAddress   = "address_unusable"
	RuleWithdrawn = "consent_withdrawn"
	RuleNoConsent = "no_consent"
	RuleNoBasis   = "no_basis"
	RuleCap       = "cap"
	RuleQuiet     = "quiet_hours"
	RuleNoChannel = "no_channel"

	RuleHours       = "own_hours"
	RuleEarly       = "too_early"
	RuleSoon        = "appointment_soon"
	RuleLateAsk     = "late_asked"
	RuleYields      = "yields"
	RuleDeceased    = "deceased"
	RuleCompany     = "company_not_greeted"
	RuleSold        = "vehicle_sold"
	RuleCallback    = "callback_open"
	RuleLowScore    = "low_score"
	RuleNoLauncher  = "no_launcher"
	RuleApproval    = "approval_missing"
	RuleOneGreeting = "one_greeting_a_day"
)

// RuleNames lists all of them: each has a sentence in every language.
func RuleNames() []string {
	return []string{RuleAllowed, RuleAnswer, RuleTooLate, RuleNoTime, RuleOptedOut, RuleAddress, RuleWithdrawn, RuleNoConsent, RuleNoBasis, RuleCap, RuleQuiet, RuleNoChannel,
		RuleHours, RuleEarly, RuleSoon, RuleLateAsk, RuleYields, RuleDeceased, RuleCompany, RuleSold, RuleCallback, RuleLowScore, RuleNoLauncher, RuleApproval, RuleOneGreeting}
}

// Verdict says what may happen, by which rule, on which inputs.
type Verdict struct {
	Kind Kind
	Rule string
	// Until is when a held message is looked at again; of one that may go, from when it
	// may no more as it stands, since its window shuts or its deadline has passed.
	Until time.Time
	// Inputs are what the rule looked at, for the "why" page.
	Inputs map[string]string
}

// Input is one message as policy sees it. Times are business time.
type Input struct {
	Now     time.Time
	Purpose outreach.Purpose
	Channel channels.Kind
	// Country is the dealer's; Zone the recipient's, the dealer's when unknown.
	Country string
	Zone    *time.Location
	// Deadline is after which nothing is sent unless Late says otherwise; zero for none
	// (invariant 15).
	Deadline time.Time
	Late     Late
	// Suppressed is the reason for which the address must not be used for this
	// purpose; "" for none.
	Suppressed string
	// Consent is the newest recorded word for this purpose and channel.
	Consent Consent
	// Relationship names what the person did with us: an order, an inquiry.
	Relationship string
	// Past holds capped sends to the person.
	Past []PastSend
	// AnswersAt is when the person wrote what this answers; zero otherwise.
	AnswersAt time.Time
	// Typed is when a named employee typed this; zero otherwise. It is exempt from quiet
	// hours as a reply to what the person wrote on the same day (AnswersAt).
	Typed time.Time
	// Soon: it reminds of an appointment within the hour or so and is not held by quiet
	// hours after seven in the morning (invariant 4).
	Soon bool
	// Hours are the person's own, in his zone; zero for none.
	Hours Window

	// Deceased: nothing is written to the person at all. Company: it is no person and
	// never greeted.
	Deceased, Company bool
	// VehicleSold: the car that it is about is not the person's any more.
	VehicleSold bool
	// OpenCallback is when the oldest complaint or callback of the person that is still
	// open was opened, LowScore when he last gave a flagged score; zero for none.
	OpenCallback, LowScore time.Time
	// Ahead are planned capped messages to the person that come before this one under a
	// cap, although they are due later.
	Ahead []PastSend
	// LaunchedBy and ApprovedBy are the employees behind an advertisement, Size is to how
	// many people it goes.
	LaunchedBy, ApprovedBy string
	Size                   int
	// AdSuppressed is Suppressed for ads: News looks at it.
	AdSuppressed string
}

// PastSend is a capped send of the past.
type PastSend struct {
	Purpose outreach.Purpose
	At      time.Time
}

// Consent is a person's recorded word.
type Consent int

// Words.
const (
	NoWord Consent = iota
	Given
	Withdrawn
)

// answerGrace is how long an answer to the person's own message is exempt from
// quiet hours; typedUntil how late a typed reply of the same day may go
// (invariant 4).
const (
	answerGrace = 15 * time.Minute
	typedUntil  = 22 * time.Hour
)

// Decide gives the verdict.
func (r *Rules) Decide(in Input) Verdict {
	if v, done := person(in); done {
		return v
	}
	if in.Late == LateSend {
		in.Deadline = time.Time{}
	}
	if !in.Deadline.IsZero() && in.Now.After(in.Deadline) {
		return in.over(RuleTooLate, nil)
	}
	for _, rule := range []func(Input) (Verdict, bool){r.allowed, r.launched, r.tact, r.capped, r.yields} {
		if v, done := rule(in); done {
			return v
		}
	}
	v := r.quiet(in)
	if v.Kind == Send && !in.Deadline.IsZero() && v.Until.After(in.Deadline) {
		v.Until = in.Deadline.Add(time.Microsecond) // at the deadline it still goes
	}
	return v
}

// over is what becomes of a message that finds no time before its deadline.
func (in Input) over(rule string, inputs map[string]string) Verdict {
	if inputs == nil {
		inputs = map[string]string{}
	}
	inputs["deadline"] = stamp(in.Deadline, in.Zone)
	if in.Late == LateAsk {
		inputs["because"] = rule
		return Verdict{Kind: Ask, Rule: RuleLateAsk, Inputs: inputs}
	}
	return Verdict{Kind: Drop, Rule: rule, Inputs: inputs}
}

// allowed looks at what no waiting changes.
func (r *Rules) allowed(in Input) (Verdict, bool) {
	drop := func(rule string, inputs map[string]string) (Verdict, bool) {
		return Verdict{Kind: Drop, Rule: rule, Inputs: inputs}, true
	}
	if in.Suppressed != "" {
		rule := RuleAddress
		if in.Suppressed == string(channels.ReasonOptedOut) {
			rule = RuleOptedOut
		}
		return drop(rule, map[string]string{"reason": in.Suppressed, "channel": string(in.Channel)})
	}
	if in.Purpose == outreach.Answer || in.Purpose == outreach.Callback {
		return Verdict{}, false
	}
	switch {
	case in.Consent == Withdrawn:
		return drop(RuleWithdrawn, map[string]string{"purpose": string(in.Purpose), "channel": string(in.Channel)})
	case in.Consent == Given:
	case r.basis(in.Country, in.Purpose) == "consent":
		return drop(RuleNoConsent, map[string]string{"purpose": string(in.Purpose), "country": in.Country})
	case in.Relationship == "":
		return drop(RuleNoBasis, map[string]string{"purpose": string(in.Purpose)})
	}
	return Verdict{}, false
}

// capped holds what would be one message too many (invariant 5).
func (r *Rules) capped(in Input) (Verdict, bool) {
	if !in.Purpose.Capped() {
		return Verdict{}, false
	}
	until, c := r.free(in.Purpose, in.Now, in.Past)
	if until.IsZero() {
		return Verdict{}, false
	}
	return in.bounded(Verdict{Kind: Hold, Rule: RuleCap, Until: until, Inputs: map[string]string{"cap": c.String(), "until": stamp(until, in.Zone)}}), true
}

// yields holds what would take the place under a cap from a planned message that comes
// first: survey, survey reminder, greeting, ad (invariant 5).
func (r *Rules) yields(in Input) (Verdict, bool) {
	if !in.Purpose.Capped() {
		return Verdict{}, false
	}
	for _, a := range in.Ahead {
		at := a.At
		if at.Before(in.Now) {
			at = in.Now
		}
		if a.Purpose.Priority() >= in.Purpose.Priority() || !r.fits(a.Purpose, at, in.Past) {
			continue
		}
		with := append(in.Past[:len(in.Past):len(in.Past)], PastSend{in.Purpose, in.Now})
		if r.fits(a.Purpose, at, with) {
			continue
		}
		until := at.Add(r.Tact.Recheck)
		return in.bounded(Verdict{Kind: Hold, Rule: RuleYields, Until: until, Inputs: map[string]string{"purpose": string(a.Purpose), "at": stamp(at, in.Zone), "until": stamp(until, in.Zone)}}), true
	}
	return Verdict{}, false
}

// fits tells whether no cap stands against a send at a time after those.
func (r *Rules) fits(p outreach.Purpose, at time.Time, sends []PastSend) bool {
	until, _ := r.free(p, at, sends)
	return until.IsZero()
}

// free gives the first moment at which no cap stands against another send after those;
// zero when none does now.
func (r *Rules) free(purpose outreach.Purpose, now time.Time, sends []PastSend) (until time.Time, by Cap) {
	for _, c := range r.Caps {
		if !c.counts(purpose) {
			continue
		}
		var hit []time.Time
		for _, p := range sends {
			if c.counts(p.Purpose) && p.At.After(now.AddDate(0, 0, -c.Days)) {
				hit = append(hit, p.At)
			}
		}
		if len(hit) < c.Most {
			continue
		}
		// The send that has to fall out of the window is the Most-th newest.
		free := nth(hit, c.Most-1).AddDate(0, 0, c.Days)
		if free.After(until) {
			until, by = free, c
		}
	}
	return until, by
}

func sameDay(a, b time.Time) bool { return a.YearDay() == b.YearDay() && a.Year() == b.Year() }

// nth is the n-th newest time, from 0.
func nth(ts []time.Time, n int) time.Time {
	sorted := append([]time.Time(nil), ts...)
	for i := range sorted {
		for j := i + 1; j < len(sorted); j++ {
			if sorted[j].After(sorted[i]) {
				sorted[i], sorted[j] = sorted[j], sorted[i]
			}
		}
	}
	return sorted[n]
}

func (r *Rules) quiet(in Input) Verdict {
	w := r.window(in.Country, in.Purpose)
	own := w.and(in.Hours)
	at, shut := own.next(in.Now, in.Zone)
	if grace := in.AnswersAt.Add(answerGrace); !in.AnswersAt.IsZero() && !in.Now.After(grace) {
		if at.After(in.Now) || shut.Before(grace) {
			shut = grace.Add(time.Microsecond)
		}
		return Verdict{Kind: Send, Rule: RuleAnswer, Until: shut, Inputs: map[string]string{"answers": stamp(in.AnswersAt, in.Zone)}}
	}
	local := in.Now.In(in.Zone)
	if !in.Typed.IsZero() && sameDay(in.Typed.In(in.Zone), local) && sameDay(in.AnswersAt.In(in.Zone), local) && sinceMidnight(local) < typedUntil {
		return Verdict{Kind: Send, Rule: RuleAnswer, Until: wall(local, typedUntil).UTC(), Inputs: map[string]string{"typed": stamp(in.Typed, in.Zone)}}
	}
	if in.Soon && w.Next(in.Now, in.Zone).After(in.Now) {
		return r.soon(in)
	}
	if at.Equal(in.Now) {
		return Verdict{Kind: Send, Rule: RuleAllowed, Until: shut, Inputs: basisInputs(in, own)}
	}
	inputs := map[string]string{"window": own.String(), "zone": in.Zone.String()}
	if !in.Deadline.IsZero() && at.After(in.Deadline) {
		return in.over(RuleNoTime, inputs)
	}
	inputs["until"] = stamp(at, in.Zone)
	rule := RuleQuiet
	if !w.Next(in.Now, in.Zone).Equal(at) {
		rule = RuleHours
	}
	return Verdict{Kind: Hold, Rule: rule, Until: at, Inputs: inputs}
}

// soon lets the reminder of an appointment in an hour pass outside the window, but not
// before seven in the morning (invariant 4).
func (r *Rules) soon(in Input) Verdict {
	from := time.Duration(r.Tact.SoonFrom)
	at, shut := Window{From: from, To: 24 * time.Hour, weekend: from}.next(in.Now, in.Zone)
	inputs := map[string]string{"zone": in.Zone.String(), "from": clock(from)}
	switch {
	case at.Equal(in.Now):
		return Verdict{Kind: Send, Rule: RuleSoon, Until: shut, Inputs: inputs}
	case !in.Deadline.IsZero() && at.After(in.Deadline):
		return in.over(RuleNoTime, inputs)
	}
	inputs["until"] = stamp(at, in.Zone)
	return Verdict{Kind: Hold, Rule: RuleEarly, Until: at, Inputs: inputs}
}

func basisInputs(in Input, w Window) map[string]string {
	m := map[string]string{"window": w.String(), "zone": in.Zone.String()}
	if in.Consent == Given {
		m["basis"] = "consent"
	} else if in.Relationship != "" {
		m["basis"] = in.Relationship
	}
	return m
}

func stamp(t time.Time, zone *time.Location) string {
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone).Format(time.RFC3339)
}
