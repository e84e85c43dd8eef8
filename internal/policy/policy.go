// Package policy owns the question whether a message may go out now: opt-out,
// consent and basis, deadline, caps, quiet hours in the recipient's zone. It is
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
)

// Verdict says what may happen, by which rule, on which inputs.
type Verdict struct {
	Kind Kind
	Rule string
	// Until is when a held message is looked at again.
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
	// Deadline is after which nothing is sent; zero for none (invariant 15).
	Deadline time.Time
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
	// Typed is when a named employee typed this reply; zero otherwise.
	Typed time.Time
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
	if v, done := r.allowed(in); done {
		return v
	}
	if in.Purpose.Capped() {
		if until, c := r.capped(in); !until.IsZero() {
			v := Verdict{Kind: Hold, Rule: RuleCap, Until: until, Inputs: map[string]string{"cap": c.String(), "until": stamp(until, in.Zone)}}
			if !in.Deadline.IsZero() && until.After(in.Deadline) {
				v.Kind, v.Until = Drop, time.Time{}
			}
			return v
		}
	}
	return r.quiet(in)
}

// allowed looks at what no waiting changes.
func (r *Rules) allowed(in Input) (Verdict, bool) {
	drop := func(rule string, inputs map[string]string) (Verdict, bool) {
		return Verdict{Kind: Drop, Rule: rule, Inputs: inputs}, true
	}
	if !in.Deadline.IsZero() && in.Now.After(in.Deadline) {
		return drop(RuleTooLate, map[string]string{"deadline": stamp(in.Deadline, in.Zone)})
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

// capped gives the first moment at which no cap stands against another send; zero
// when none does now.
func (r *Rules) capped(in Input) (until time.Time, by Cap) {
	for _, c := range r.Caps {
		if !c.counts(in.Purpose) {
			continue
		}
		var hit []time.Time
		for _, p := range in.Past {
			if c.counts(p.Purpose) && p.At.After(in.Now.AddDate(0, 0, -c.Days)) {
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
	if !in.AnswersAt.IsZero() && in.Now.Sub(in.AnswersAt) <= answerGrace {
		return Verdict{Kind: Send, Rule: RuleAnswer, Inputs: map[string]string{"answers": stamp(in.AnswersAt, in.Zone)}}
	}
	local := in.Now.In(in.Zone)
	if typed := in.Typed.In(in.Zone); !in.Typed.IsZero() && typed.YearDay() == local.YearDay() && typed.Year() == local.Year() && sinceMidnight(local) < typedUntil {
		return Verdict{Kind: Send, Rule: RuleAnswer, Inputs: map[string]string{"typed": stamp(in.Typed, in.Zone)}}
	}
	w := r.window(in.Country, in.Purpose)
	at := w.Next(in.Now, in.Zone)
	if at.Equal(in.Now) {
		return Verdict{Kind: Send, Rule: RuleAllowed, Inputs: basisInputs(in, w)}
	}
	if !in.Deadline.IsZero() && at.After(in.Deadline) {
		return Verdict{Kind: Drop, Rule: RuleNoTime, Inputs: map[string]string{"deadline": stamp(in.Deadline, in.Zone), "window": w.String()}}
	}
	return Verdict{Kind: Hold, Rule: RuleQuiet, Until: at, Inputs: map[string]string{"window": w.String(), "zone": in.Zone.String(), "until": stamp(at, in.Zone)}}
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
