package survey_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"otklik/channels"
	"otklik/internal/reply"
	"otklik/internal/survey"
)

// enter turns "question=value" pairs into what a form posts; the questions of a set
// that were drawn are named e1, e2 and e3.
func enter(t *testing.T, d *survey.Definition, drawn []string, given string) map[string]survey.Value {
	t.Helper()
	out := map[string]survey.Value{}
	for pair := range strings.FieldsSeq(given) {
		id, value, _ := strings.Cut(pair, "=")
		if n, err := strconv.Atoi(strings.TrimPrefix(id, "e")); err == nil {
			id = drawn[n-1]
		}
		q, ok := d.Question(id)
		if !ok {
			t.Fatalf("%s has no question %q", d.ID, id)
		}
		var v survey.Value
		switch q.Kind {
		case survey.Rating, survey.NPS:
			n, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			v.Rating = &n
		case survey.YesNo:
			v.Answer = value
		case survey.Choice, survey.Expectation:
			v.Choice = value
		case survey.MultiChoice:
			v.Choices = strings.Split(value, ",")
		case survey.Text:
			v.Text = value
		}
		out[id] = v
	}
	return out
}

// TestShippedFlags is which answers to the shipped surveys open a callback, and how
// urgent it is (invariant 6): 3 of 5, 6 of 10, NPS 6 and below, "no" to what was put
// positively, and what the definitions say beside that.
func TestShippedFlags(t *testing.T) {
	for _, tt := range []struct{ survey, given, want string }{
		{"after-service", "overall=1", "low_score high"},
		{"after-service", "overall=2", "low_score high"},
		{"after-service", "overall=3", "low_score normal"},
		{"after-service", "overall=4", ""},
		{"after-service", "overall=5", ""},
		{"after-service", "overall=5 fixed=no", "not_good high"},
		{"after-service", "overall=5 on_time=no", "not_good high"},
		{"after-service", "overall=5 explained=no", "not_good high"},
		{"after-service", "overall=5 recommend=no", "not_good high"},
		{"after-service", "overall=5 fixed=yes on_time=yes explained=yes recommend=yes", ""},
		{"after-service", "overall=5 slot=no", "not_good normal"},
		{"after-service", "overall=5 mobility=not_offered", "not_good normal"},
		{"after-service", "overall=5 mobility=not_needed", ""},
		{"after-service", "overall=5 inspected=no", "not_good normal"},
		{"after-service", "overall=5 price=no", "not_good high"},
		{"after-service", "overall=5 permission=not_asked", "not_good high"},
		{"after-service", "overall=5 permission=none", ""},
		{"after-service", "overall=5 informed=no", "not_good normal"},
		{"after-service", "overall=5 accompanied=no", "not_good normal"},
		{"after-service", "overall=3 fixed=no", "not_good high"},
		{"after-service", "overall=5 suggestions=кофе", ""},
		{"after-service", "trouble=стук", ""}, // only words: a person reads them as a remark

		{"csi", "overall=2", "low_score high"},
		{"csi", "overall=3", "low_score normal"},
		{"csi", "overall=4", ""},
		{"csi", "overall=5 e1=1", "low_score high"},
		{"csi", "overall=5 e2=3", "low_score normal"},
		{"csi", "overall=5 e1=4 e2=4 e3=4", ""},
		{"csi", "overall=5 e1=5 e2=5 e3=3", "low_score normal"},
		{"csi", "overall=5 expectation=worse", "not_good normal"},
		{"csi", "overall=5 expectation=expected", ""},
		{"csi", "overall=5 expectation=better", ""},

		{"nps", "recommend=0", "low_score high"},
		{"nps", "recommend=3", "low_score high"},
		{"nps", "recommend=4", "low_score normal"},
		{"nps", "recommend=6", "low_score normal"},
		{"nps", "recommend=7", ""},
		{"nps", "recommend=10", ""},
		{"nps", "recommend=9 again=no", "not_good high"},
		{"nps", "recommend=9 again=yes", ""},

		{"purchase-first-contact", "purchase=3", "low_score normal"},
		{"purchase-first-contact", "purchase=4", ""},
		{"purchase-first-contact", "purchase=5 delivery=3", "low_score normal"},
		{"purchase-first-contact", "purchase=5 delivery=1", "low_score high"},
		{"purchase-first-contact", "purchase=5 recommend=no", "not_good normal"},
		{"purchase-first-contact", "purchase=5 liked=look,safety contact=none", ""},

		{"complaint-handled", "process=3", "low_score normal"},
		{"complaint-handled", "process=4 result=2", "low_score high"},
		{"complaint-handled", "process=4 result=4", ""},
		{"inquiry-answered", "helped=3", "low_score normal"},
		{"inquiry-answered", "helped=5 complete=no", "not_good normal"},
		{"inquiry-answered", "helped=4 complete=yes", ""},
		{"greeting-check", "service_ok=no", "not_good high"},
		{"greeting-check", "service_ok=yes car_ok=no", "not_good high"},
		{"greeting-check", "service_ok=yes car_ok=yes", ""},
		{"solved", "solved=no", "not_good high"},
		{"solved", "solved=yes", ""},
	} {
		t.Run(tt.survey+" "+tt.given, func(t *testing.T) {
			d := shipped(t, tt.survey)
			drawn := d.Draw("contact", noon)
			st, effects := survey.Step(d, survey.Begin(d, channels.Form, drawn), survey.Input{Channel: channels.Form, Form: enter(t, d, drawn, tt.given)}, noon)
			if got := opened(effects); got != tt.want || st.Flagged != (tt.want != "") {
				t.Errorf("callback %q, flagged %v, want %q", got, st.Flagged, tt.want)
			}
		})
	}
}

// opened is the reason and severity of the callback that a step opens; "" for none.
func opened(effects []survey.Effect) string {
	i := slices.IndexFunc(effects, func(e survey.Effect) bool { return e.Kind == survey.Callback })
	if i < 0 {
		return ""
	}
	return fmt.Sprint(effects[i].Reason, " ", [...]string{"normal", "high", "urgent"}[effects[i].Severity])
}

// TestShippedWords is what words bring about beside the best score, in every shipped
// survey alike: flags of the reading, and the topics that go with a remark.
func TestShippedWords(t *testing.T) {
	for _, tt := range []struct {
		flag   string
		intent reply.Intent
		want   string // beside the best answer of any survey
		own    string // where the definition has a rule of its own for it
	}{
		{reply.FlagLegal, reply.IntentAnswer, "legal urgent", ""},
		{reply.FlagSafety, reply.IntentAnswer, "safety urgent", ""},
		{reply.FlagWarnOthers, reply.IntentAnswer, "warn_others urgent", ""},
		{"", reply.IntentCallback, "requested normal", ""},
		{reply.FlagPraise, reply.IntentAnswer, "", ""},
		{reply.FlagNotFixed, reply.IntentAnswer, "", "not_fixed high"},
		{reply.FlagRepairAgain, reply.IntentAnswer, "", "repair_again high"},
	} {
		for id, best := range map[string]int{"after-service": 5, "csi": 5, "nps": 10, "purchase-first-contact": 5, "complaint-handled": 5, "inquiry-answered": 5} {
			d := shipped(t, id)
			r := reply.Reading{Intent: tt.intent, Rating: &best, Comment: "слова", Topics: []string{"price"}, Confidence: 1}
			if tt.flag != "" {
				r.Flags = []string{tt.flag}
			}
			_, effects := survey.Step(d, survey.Begin(d, channels.SMS, d.Draw("contact", noon)), said(r), noon)
			want := tt.want
			if tt.own != "" && slices.ContainsFunc(d.Flags, func(r survey.Rule) bool { return r.Flag == tt.flag }) {
				want = tt.own
			}
			if got := opened(effects); got != want {
				t.Errorf("%s with %s%s: callback %q, want %q", id, tt.flag, tt.intent, got, want)
			}
			i := slices.IndexFunc(effects, func(e survey.Effect) bool { return e.Kind == survey.Remark || e.Kind == survey.Praise })
			if i < 0 || !slices.Equal(effects[i].Topics, []string{"price"}) || effects[i].Words != "слова" {
				t.Errorf("%s with %s%s: the words went nowhere: %s", id, tt.flag, tt.intent, brief(effects))
			}
		}
	}
}

// TestShippedBranches is what is asked after an answer, tap by tap in Telegram.
func TestShippedBranches(t *testing.T) {
	for _, tt := range []struct{ survey, taps, next string }{
		{"after-service", "overall=5", "fixed"},
		{"after-service", "overall=4", "fixed"},
		{"after-service", "overall=3", "trouble"},
		{"after-service", "overall=5 fixed=no", "trouble"},
		{"after-service", "overall=5 fixed=yes", "on_time"},
		{"csi", "overall=5", "e1"},
		{"csi", "overall=2", "trouble"},
		{"csi", "overall=5 e1=3", "trouble"},
		{"csi", "overall=5 e1=5 e2=5 e3=5", "expectation"},
		{"csi", "overall=5 e1=5 e2=5 e3=5 expectation=worse", "trouble"},
		{"csi", "overall=5 e1=5 e2=5 e3=5 expectation=better", "suggestions"},
		{"nps", "recommend=9", "again"},
		{"nps", "recommend=6", "trouble"},
		{"nps", "recommend=9 again=yes", "reason"},
		{"nps", "recommend=9 again=no", "trouble"},
		{"purchase-first-contact", "purchase=5", "delivery"},
		{"purchase-first-contact", "purchase=5 delivery=5", "liked"},
		{"purchase-first-contact", "purchase=3", "trouble"},
		{"purchase-first-contact", "purchase=5 delivery=3", "trouble"},
		{"complaint-handled", "process=4", "result"},
		{"complaint-handled", "process=2", "trouble"},
		{"inquiry-answered", "helped=5", "complete"},
		{"inquiry-answered", "helped=5 complete=no", "trouble"},
		{"greeting-check", "service_ok=yes", "car_ok"},
		{"greeting-check", "service_ok=no", "trouble"},
		{"greeting-check", "service_ok=yes car_ok=yes", ""},
		{"solved", "solved=no", ""},
	} {
		t.Run(tt.survey+" "+tt.taps, func(t *testing.T) {
			d := shipped(t, tt.survey)
			drawn := d.Draw("contact", noon)
			st := survey.Begin(d, channels.Telegram, drawn)
			name := func(id string) string {
				if n, err := strconv.Atoi(strings.TrimPrefix(id, "e")); err == nil {
					return drawn[n-1]
				}
				return id
			}
			for pair := range strings.FieldsSeq(tt.taps) {
				id, value, _ := strings.Cut(pair, "=")
				st, _ = survey.Step(d, st, tapped(name(id), value), noon)
			}
			if want := name(tt.next); st.Question != want {
				t.Errorf("%q is asked next, want %q", st.Question, want)
			}
		})
	}
}
