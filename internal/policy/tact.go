package policy

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"otklik/internal/outreach"
)

// Tact are the bounds of tact, as data.
type Tact struct {
	// LowScoreDays is how long after a low score nobody is congratulated or advertised
	// to.
	LowScoreDays int `yaml:"low_score_days"`
	// Recheck is how soon a message is looked at again that waits for what has no time:
	// a callback that is open, an approval.
	Recheck time.Duration `yaml:"recheck"`
	// ApprovalAbove is how many people one human may advertise to without a second.
	ApprovalAbove int `yaml:"approval_above"`
	// SoonFrom is how early a reminder of an appointment in an hour may leave.
	SoonFrom clockTime `yaml:"soon_from"`
	// Greetings orders the occasions of which one person gets one a day, the first
	// before the others.
	Greetings []string `yaml:"greetings"`
}

// Late says what becomes of a message past its deadline; "" is LateSkip.
type Late string

// What may become of it. Each is a verdict, so none is silent (invariant 15).
const (
	LateSkip Late = "skip"
	LateSend Late = "send"
	LateAsk  Late = "ask"
)

// tactless tells whether a purpose wants tact: it congratulates or advertises.
func tactless(p outreach.Purpose) bool { return p == outreach.Greeting || p == outreach.Ad }

// person looks at who it is for, which no waiting changes.
func person(in Input) (Verdict, bool) {
	drop := func(rule string) (Verdict, bool) {
		return Verdict{Kind: Drop, Rule: rule, Inputs: map[string]string{"purpose": string(in.Purpose)}}, true
	}
	switch {
	case in.Deceased:
		return drop(RuleDeceased)
	case in.Company && in.Purpose == outreach.Greeting:
		return drop(RuleCompany)
	case in.VehicleSold && tactless(in.Purpose):
		return drop(RuleSold)
	}
	return Verdict{}, false
}

// tact holds what would be out of place now: a callback is open, or the person has just
// given a low score.
func (r *Rules) tact(in Input) (Verdict, bool) {
	if !tactless(in.Purpose) {
		return Verdict{}, false
	}
	if !in.OpenCallback.IsZero() {
		return r.wait(in, RuleCallback, map[string]string{"at": stamp(in.OpenCallback, in.Zone), "purpose": string(in.Purpose)}), true
	}
	if in.LowScore.IsZero() {
		return Verdict{}, false
	}
	until := in.LowScore.AddDate(0, 0, r.Tact.LowScoreDays)
	if !until.After(in.Now) {
		return Verdict{}, false
	}
	v := Verdict{Kind: Hold, Rule: RuleLowScore, Until: until, Inputs: map[string]string{"at": stamp(in.LowScore, in.Zone), "days": strconv.Itoa(r.Tact.LowScoreDays), "until": stamp(until, in.Zone)}}
	return in.bounded(v), true
}

// wait holds what waits for something that has no time, and drops it at its deadline.
func (r *Rules) wait(in Input, rule string, inputs map[string]string) Verdict {
	until := in.Now.Add(r.Tact.Recheck)
	if !in.Deadline.IsZero() && until.After(in.Deadline) {
		until = in.Deadline
	}
	if !until.After(in.Now) {
		return in.over(rule, inputs)
	}
	inputs["until"] = stamp(until, in.Zone)
	return Verdict{Kind: Hold, Rule: rule, Until: until, Inputs: inputs}
}

// bounded ends a hold that would last beyond the deadline.
func (in Input) bounded(v Verdict) Verdict {
	if !in.Deadline.IsZero() && v.Until.After(in.Deadline) {
		return in.over(v.Rule, v.Inputs)
	}
	return v
}

// launched tells whether a human stands behind an advertisement, and two behind a large
// one (R055, invariant 10).
func (r *Rules) launched(in Input) (Verdict, bool) {
	if in.Purpose != outreach.Ad {
		return Verdict{}, false
	}
	switch rule := r.Launch(in.LaunchedBy, in.ApprovedBy, in.Size); rule {
	case "":
		return Verdict{}, false
	case RuleApproval:
		return r.wait(in, rule, map[string]string{"size": strconv.Itoa(in.Size), "limit": strconv.Itoa(r.Tact.ApprovalAbove)}), true
	default:
		return Verdict{Kind: Drop, Rule: rule, Inputs: map[string]string{"purpose": string(in.Purpose)}}, true
	}
}

// Launch tells which rule stands against the launch of an advertisement to so many
// people: RuleNoLauncher, RuleApproval, or "" for none. Launcher and approver are ids of
// employees; nobody approves what he launched.
func (r *Rules) Launch(launchedBy, approvedBy string, size int) string {
	switch {
	case launchedBy == "":
		return RuleNoLauncher
	case size > r.Tact.ApprovalAbove && (approvedBy == "" || approvedBy == launchedBy):
		return RuleApproval
	}
	return ""
}

// News tells whether the news of the company may stand in a greeting to this person:
// they are an advertisement (R055) and need what one needs, but the greeting leaves
// without them. Consent is that to ads; Kind is Send or Drop.
func (r *Rules) News(in Input) Verdict {
	in.Purpose, in.Deadline, in.Suppressed = outreach.Ad, time.Time{}, in.AdSuppressed
	for _, rule := range []func(Input) (Verdict, bool){person, r.allowed, r.launched, r.tact} {
		if v, done := rule(in); done {
			v.Kind, v.Until = Drop, time.Time{}
			return v
		}
	}
	return Verdict{Kind: Send, Rule: RuleAllowed, Inputs: map[string]string{"purpose": string(outreach.Ad), "basis": "consent"}}
}

// MayAsk tells whether an employee may ask the survey in which those are rated: nobody
// asks about himself (invariant 14).
func MayAsk(employee string, rated ...string) bool {
	return employee == "" || !slices.Contains(rated, employee)
}

// Wish is one of the greetings that a person would get on one day.
type Wish struct {
	// ID names it for the caller, Occasion is a holiday's id or a program's.
	ID, Occasion string
}

// Merge says which of a person's greetings of one day stays: a birthday on 1 January is
// one message. The verdicts are in the order of the wishes: Send for the one that stays,
// Merge with the occasion that it goes into for the others. The order of the wishes does
// not matter.
func (r *Rules) Merge(wishes []Wish) []Verdict {
	if len(wishes) == 0 {
		return nil
	}
	rank := func(w Wish) int {
		if i := slices.Index(r.Tact.Greetings, w.Occasion); i >= 0 {
			return i
		}
		return len(r.Tact.Greetings)
	}
	stays := slices.MinFunc(wishes, func(a, b Wish) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return strings.Compare(a.Occasion+"\x00"+a.ID, b.Occasion+"\x00"+b.ID)
	})
	out := make([]Verdict, len(wishes))
	for i, w := range wishes {
		if w == stays {
			out[i] = Verdict{Kind: Send, Rule: RuleAllowed}
			continue
		}
		out[i] = Verdict{Kind: Merge, Rule: RuleOneGreeting, Inputs: map[string]string{"occasion": w.Occasion, "into": stays.Occasion, "id": stays.ID}}
	}
	return out
}
