package survey

import (
	"slices"
	"strings"

	"otklik/internal/reply"
)

// Reason says why a person must be called.
type Reason string

// Reasons of a callback.
const (
	LowScore   Reason = "low_score"
	NotGood    Reason = "not_good" // "no" to a question put positively, or a flagged choice
	Requested  Reason = "requested"
	Legal      Reason = "legal"
	Safety     Reason = "safety"
	WarnOthers Reason = "warn_others"
	Word       Reason = "words" // a word that the definition watches for
)

// Severity orders callbacks.
type Severity int

// Severities. Urgent goes to the manager at once.
const (
	Normal Severity = iota
	High
	Urgent
)

var severities = map[string]Severity{"": Normal, "normal": Normal, "high": High, "urgent": Urgent}

// Rule says which answer, flag, intent or word opens a callback. Exactly one of
// AtMost, Answer, Choice, Flag, Intent and Words is set; the first three need
// Question or Set. Never switches the house rule off for that question, flag or
// intent. Of several rules for one question the first that matches counts.
type Rule struct {
	Question string `yaml:"question"`
	// Set stands for all questions of a set.
	Set      string   `yaml:"set"`
	AtMost   *int     `yaml:"at_most"`
	Answer   string   `yaml:"answer"`
	Choice   string   `yaml:"choice"`
	Flag     string   `yaml:"flag"`
	Intent   string   `yaml:"intent"`
	Words    []string `yaml:"words"`
	Never    bool     `yaml:"never"`
	Severity string   `yaml:"severity"`
}

// House thresholds of invariant 6: 3 of 5 and 6 of 10 are both 60 percent.
const (
	lowPercent = 60
	badPercent = 40
	lowNPS     = 6
	badNPS     = 3
)

// houseFlags are the reading flags that always open a callback (invariant 6;
// "would warn others" has the top severity, R124).
var houseFlags = map[string]Cause{
	reply.FlagLegal:      {Reason: Legal, Severity: Urgent},
	reply.FlagSafety:     {Reason: Safety, Severity: Urgent},
	reply.FlagWarnOthers: {Reason: WarnOthers, Severity: Urgent},
}

// lowAnswer tells whether an answer opens a callback and how urgent it is.
func (d *Definition) lowAnswer(q *Question, a Answer) (Cause, bool) {
	own := false
	for _, r := range d.Flags {
		if r.Question != q.ID && (r.Set == "" || r.Set != q.Set) {
			continue
		}
		own = true
		if !r.Never && r.matches(a) {
			reason := NotGood
			if r.AtMost != nil {
				reason = LowScore
			}
			return Cause{Question: q.ID, Reason: reason, Severity: severities[r.Severity]}, true
		}
	}
	if own {
		return Cause{}, false
	}
	c, low := houseRule(q, a)
	c.Question = q.ID
	return c, low
}

func (r Rule) matches(a Answer) bool {
	switch {
	case r.AtMost != nil:
		return a.Rating != nil && *a.Rating <= *r.AtMost
	case r.Answer != "":
		return a.Answer == r.Answer
	case r.Choice != "":
		return a.Choice == r.Choice || slices.Contains(a.Choices, r.Choice)
	}
	return false
}

func houseRule(q *Question, a Answer) (Cause, bool) {
	switch {
	case q.Kind == YesNo && a.Answer == "no":
		return Cause{Reason: NotGood, Severity: High}, true
	case a.Rating == nil:
		return Cause{}, false
	case q.Kind == NPS && *a.Rating <= lowNPS:
		return Cause{Reason: LowScore, Severity: severityBelow(*a.Rating, badNPS)}, true
	case q.Kind == Rating && *a.Rating*100 <= q.Max*lowPercent:
		return Cause{Reason: LowScore, Severity: severityBelow(*a.Rating*100, q.Max*badPercent)}, true
	}
	return Cause{}, false
}

func severityBelow(v, bound int) Severity {
	if v <= bound {
		return High
	}
	return Normal
}

// saidCauses are the callbacks that words alone ask for, whatever the score.
func (d *Definition) saidCauses(r *reply.Reading, text string) []Cause {
	var out []Cause
	for _, f := range r.Flags {
		c, ok := houseFlags[f]
		for _, rule := range d.Flags {
			if rule.Flag == f {
				c, ok = Cause{Reason: c.Reason, Severity: severities[rule.Severity]}, !rule.Never
				if c.Reason == "" {
					c.Reason = Reason(f)
				}
			}
		}
		if ok {
			out = append(out, c)
		}
	}
	if r.Has(reply.IntentCallback) {
		if c, ok := d.requested(); ok {
			out = append(out, c)
		}
	}
	lower := strings.ToLower(text)
	for _, rule := range d.Flags {
		for _, w := range rule.Words {
			if strings.Contains(lower, strings.ToLower(w)) {
				out = append(out, Cause{Reason: Word, Severity: severities[rule.Severity]})
				break
			}
		}
	}
	return out
}

func (d *Definition) requested() (Cause, bool) {
	c, ok := Cause{Reason: Requested}, true
	for _, rule := range d.Flags {
		if rule.Intent == string(reply.IntentCallback) {
			c.Severity, ok = severities[rule.Severity], !rule.Never
		}
	}
	return c, ok
}

// Condition says when a question is asked. The set fields must all hold; Any
// holds when one of its members does. Flagged means that something is wrong: a
// mere request to be called is not.
type Condition struct {
	Question string      `yaml:"question"`
	AtMost   *int        `yaml:"at_most"`
	AtLeast  *int        `yaml:"at_least"`
	Answer   string      `yaml:"answer"`
	Choice   string      `yaml:"choice"`
	Flagged  *bool       `yaml:"flagged"`
	Any      []Condition `yaml:"any"`
}

func (c *Condition) holds(st *State) bool {
	if c == nil {
		return true
	}
	if c.Flagged != nil && *c.Flagged != st.troubled() {
		return false
	}
	if c.Question != "" && !c.answered(st) {
		return false
	}
	if len(c.Any) > 0 {
		return slices.ContainsFunc(c.Any, func(m Condition) bool { return m.holds(st) })
	}
	return true
}

func (c *Condition) answered(st *State) bool {
	a, ok := st.Answers[c.Question]
	if !ok {
		return false
	}
	if c.AtMost != nil && (a.Rating == nil || *a.Rating > *c.AtMost) {
		return false
	}
	if c.AtLeast != nil && (a.Rating == nil || *a.Rating < *c.AtLeast) {
		return false
	}
	if c.Answer != "" && a.Answer != c.Answer {
		return false
	}
	return c.Choice == "" || a.Choice == c.Choice || slices.Contains(a.Choices, c.Choice)
}

// aboutTrouble tells whether the question is asked because something went wrong:
// such a question is asked even after the budget's StopWhenFlagged.
func (q *Question) aboutTrouble() bool {
	return q.Role == Trouble || q.When != nil && q.When.Flagged != nil && *q.When.Flagged
}
