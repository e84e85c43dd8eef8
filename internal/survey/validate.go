package survey

import (
	"slices"
	"strings"

	"otklik/channels"
	"otklik/internal/definition"
	"otklik/internal/reply"
)

func (v *validator) questions() {
	d := v.d
	if len(d.Questions) == 0 {
		v.bad(at("questions"), "no_questions")
		return
	}
	seen := map[string]bool{}
	overall := 0
	for i := range d.Questions {
		q := &d.Questions[i]
		path := at("questions", i)
		if !questionID.MatchString(q.ID) {
			v.bad(path, "question_id", q.ID)
		}
		if seen[q.ID] {
			v.bad(path, "question_twice", q.ID)
		}
		v.question(q, i)
		if q.When != nil {
			v.condition(q.When, i, append(path, "when"))
		}
		seen[q.ID] = true
		if q.Role == Overall {
			overall++
		}
	}
	if overall > 1 {
		v.bad(at("questions"), "overall_twice", overall)
	}
	v.first()
	v.sets()
	v.longForms()
}

func (v *validator) question(q *Question, i int) {
	path := at("questions", i)
	switch q.Kind {
	case Rating:
		if q.Min >= q.Max || q.Min < 0 {
			v.bad(path, "scale", q.ID, q.Min, q.Max)
		}
	case NPS:
		if q.Min != 0 || q.Max != 0 && q.Max != 10 {
			v.bad(path, "nps_scale", q.ID)
		}
		q.Max = 10
	case Choice, MultiChoice:
		v.options(q, i)
	case Expectation:
		v.options(q, i)
		if ids := optionIDs(q); !slices.Equal(ids, []string{Worse, Expected, Better}) {
			v.bad(append(path, "options"), "expectation_options", q.ID, ids, Worse, Expected, Better)
		}
	case YesNo, Text:
	default:
		v.bad(append(path, "kind"), "kind", q.ID, q.Kind)
	}
	if q.Kind != Choice && q.Kind != MultiChoice && q.Kind != Expectation && len(q.Options) > 0 {
		v.bad(append(path, "options"), "options_needless", q.ID, q.Kind)
	}
	if !slices.Contains([]Role{"", Overall, Trouble, Recommend, Suggestions, Liked, Reach}, q.Role) {
		v.bad(append(path, "role"), "role", q.ID, q.Role)
	}
	if (q.Role == Suggestions || q.Role == Trouble) && q.Kind != Text {
		v.bad(append(path, "role"), "role_text", q.ID, q.Role)
	}
	if q.Role == Liked && q.Kind != Choice && q.Kind != MultiChoice {
		v.bad(append(path, "role"), "role_liked", q.ID)
	}
	v.reach(q, path)
	for _, ch := range append(slices.Clone(q.Channels), q.CoveredByWords...) {
		if _, ok := v.d.Budget[ch]; !ok {
			v.bad(path, "question_channel", q.ID, ch)
		}
	}
	v.wording(q.Ask, append(path, "ask"), q.Channels, false)
	v.numbered(q, q.Ask, at("questions", i, "ask"))
	v.brands(q, i)
}

// reach demands that what a person can choose to be reached on is a channel.
func (v *validator) reach(q *Question, path []any) {
	if q.Role != Reach {
		return
	}
	if q.Kind != Choice {
		v.bad(append(path, "role"), "role_reach", q.ID)
	}
	for i, o := range q.Options {
		if !slices.Contains([]string{string(channels.SMS), string(channels.Email), string(channels.Telegram), string(channels.Phone), NoChannel}, o.ID) {
			v.bad(append(slices.Clone(path), "options", i), "reach_option", q.ID, o.ID, NoChannel)
		}
	}
}

// numbered demands that a yes/no question which can be answered in plain text
// numbers the answers, so that "1" can be read.
func (v *validator) numbered(q *Question, ask Wording, path []any) {
	if q.Kind != YesNo || v.d.Budget[channels.SMS].Rated == 0 || !q.on(channels.SMS) {
		return
	}
	for _, l := range v.d.Locales {
		text := ask[l].For(channels.SMS)
		if text != "" && (!strings.Contains(text, "1") || !strings.Contains(text, "2")) {
			v.bad(append(slices.Clone(path), l), "numbers", q.ID, l)
		}
	}
}

func (v *validator) options(q *Question, i int) {
	if len(q.Options) < 2 {
		v.bad(at("questions", i, "options"), "options_few", q.ID)
	}
	seen := map[string]bool{}
	for j, o := range q.Options {
		path := at("questions", i, "options", j)
		if !questionID.MatchString(o.ID) || o.ID == Skip || o.ID == Enough {
			v.bad(path, "option_id", o.ID, Skip, Enough)
		}
		if seen[o.ID] {
			v.bad(path, "option_twice", o.ID)
		}
		seen[o.ID] = true
		for _, l := range v.d.Locales {
			if o.Label[l] == "" {
				v.bad(path, "option_label", o.ID, l)
			}
		}
		for _, l := range sortedKeys(o.Also) {
			if !slices.Contains(v.d.Locales, l) {
				v.bad(append(path, "also", l), "option_also", o.ID, l)
			}
		}
	}
}

func optionIDs(q *Question) []string {
	out := make([]string, len(q.Options))
	for i := range q.Options {
		out[i] = q.Options[i].ID
	}
	return out
}

// first checks the question that the invite asks: there is one, for everybody and
// on every channel.
func (v *validator) first() {
	q := v.d.First()
	if q == nil {
		v.bad(at("questions"), "no_first")
		return
	}
	i := slices.IndexFunc(v.d.Questions, func(x Question) bool { return x.ID == q.ID })
	for _, ch := range sortedKeys(v.d.Budget) {
		if asksOneByOne(ch) && !q.on(ch) {
			v.bad(at("questions", i, "channels"), "first_channel", q.ID, ch)
		}
	}
}

// sets checks the split of the questionnaire.
func (v *validator) sets() {
	size := map[string]int{}
	for i := range v.d.Questions {
		q := &v.d.Questions[i]
		if q.Set == "" {
			continue
		}
		size[q.Set]++
		if _, ok := v.d.Split[q.Set]; !ok {
			v.bad(at("questions", i, "set"), "set_unsplit", q.ID, q.Set)
		}
	}
	for _, set := range sortedKeys(v.d.Split) {
		if n := v.d.Split[set]; n < 1 || n > size[set] {
			v.bad(at("split", set), "split_size", n, set, size[set])
		}
	}
}

// condition checks that a condition looks only at questions that come earlier,
// and at something such a question can have for an answer.
func (v *validator) condition(c *Condition, i int, path []any) {
	asksAnswer := c.AtMost != nil || c.AtLeast != nil || c.Answer != "" || c.Choice != ""
	switch {
	case c.Question == "" && asksAnswer:
		v.bad(path, "condition_answer")
	case c.Question == "" && c.Flagged == nil && len(c.Any) == 0:
		v.bad(path, "condition_empty")
	case c.Question != "":
		q, ok := v.d.Question(c.Question)
		if !ok || !v.before(c.Question, i) {
			v.bad(path, "condition_later", c.Question)
			break
		}
		v.answerOf(q, c.AtMost != nil || c.AtLeast != nil, c.Answer, c.Choice, path)
	}
	for j := range c.Any {
		v.condition(&c.Any[j], i, append(slices.Clone(path), "any", j))
	}
}

func (v *validator) before(id string, i int) bool {
	return slices.ContainsFunc(v.d.Questions[:i], func(q Question) bool { return q.ID == id })
}

func (v *validator) answerOf(q *Question, number bool, answer, choice string, path []any) {
	if number && q.Kind != Rating && q.Kind != NPS {
		v.bad(path, "not_rating", q.ID)
	}
	if answer != "" && (q.Kind != YesNo || answer != "yes" && answer != "no") {
		v.bad(path, "answer", answer)
	}
	if choice != "" {
		if _, ok := q.Option(choice); !ok {
			v.bad(path, "no_option", q.ID, choice)
		}
	}
}

func (v *validator) flags() {
	for i, r := range v.d.Flags {
		path := at("flags", i)
		if _, ok := severities[r.Severity]; !ok {
			v.bad(path, "severity", r.Severity)
		}
		set := 0
		for _, is := range []bool{r.AtMost != nil, r.Answer != "", r.Choice != "", r.Flag != "", r.Intent != "", len(r.Words) > 0} {
			if is {
				set++
			}
		}
		onAnswer := r.AtMost != nil || r.Answer != "" || r.Choice != ""
		_, split := v.d.Split[r.Set]
		switch {
		case r.Set != "" && (!split || r.Question != ""):
			v.bad(path, "rule_set", r.Set)
		case r.Question+r.Set != "" && r.Never && set == 0:
		case set != 1:
			v.bad(path, "rule_one")
		case onAnswer != (r.Question+r.Set != ""):
			v.bad(path, "rule_question")
		case r.Intent != "" && r.Intent != string(reply.IntentCallback):
			v.bad(path, "rule_intent", r.Intent)
		}
		if r.Question == "" {
			v.ruledSet(r, path)
			continue
		}
		q, ok := v.d.Question(r.Question)
		if !ok {
			v.bad(path, "rule_no_question", r.Question)
			continue
		}
		v.answerOf(q, r.AtMost != nil, r.Answer, r.Choice, path)
	}
}

func (v *validator) ruledSet(r Rule, path []any) {
	for i := range v.d.Questions {
		if q := &v.d.Questions[i]; r.Set != "" && q.Set == r.Set {
			v.answerOf(q, r.AtMost != nil, r.Answer, r.Choice, path)
		}
	}
}

// longForms checks the sheets of form, phone and paper: they end with the
// question for suggestions (R018), and a prepared questionnaire has five or six
// questions (R017, a warning). A micro check is no questionnaire.
func (v *validator) longForms() {
	if v.d.Micro || len(v.d.Questions) == 0 {
		return
	}
	for _, ch := range []channels.Kind{channels.Form, channels.Phone, channels.Paper} {
		sheet := v.d.Sheet(ch)
		if len(sheet) == 0 {
			continue
		}
		last := sheet[len(sheet)-1]
		if last.Role != Suggestions || last.Conditional() {
			v.bad(at("questions"), "no_suggestions", ch)
		}
		n := v.d.shown(sheet)
		if b := v.d.Budget[ch]; n > b.Rated+b.Open {
			v.bad(at("budget", string(ch)), "over_budget", ch, n, b.Rated+b.Open)
		}
		if n < 5 || n > 6 {
			v.d.Warnings = append(v.d.Warnings, problemTexts.Problem(v.file, definition.Line(v.root, "questions"), "length", ch))
		}
	}
}

// shown is how many questions of a sheet every person meets.
func (d *Definition) shown(sheet []*Question) (n int) {
	sets := map[string]int{}
	for _, q := range sheet {
		switch {
		case q.Conditional():
		case q.Set != "":
			if sets[q.Set]++; sets[q.Set] <= d.Split[q.Set] {
				n++
			}
		default:
			n++
		}
	}
	return n
}
