package survey_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otklik/internal/survey"
)

// sound is a survey without a mistake, which the rows of TestEveryCode break.
const sound = `id: sound
version: 1
purpose: survey
micro: true
locales: [en]
title: {en: Sound}
confidence: 0.6
segments: 2
budget:
  sms: {rated: 3, open: 1}
  email: {rated: 3, open: 1}
split: {set: 1}
flags:
  - {question: score, at_most: 3, severity: high}
invite: {en: {subject: s, any: Hello}}
questions:
  - {id: score, kind: rating, min: 1, max: 5, role: overall, ask: {en: {any: "How?"}}}
  - {id: fixed, kind: yesno, ask: {en: {any: "1 - yes, 2 - no"}}, brands: {lada: {en: {any: "LADA: 1, 2"}}}}
  - {id: pick, kind: choice, set: set, options: [{id: one, label: {en: One}}, {id: two, label: {en: Two}, also: {en: [deux]}}], ask: {en: {any: "Which?"}}}
  - {id: was, kind: expectation, options: [{id: worse, label: {en: W}}, {id: expected, label: {en: E}}, {id: better, label: {en: B}}], ask: {en: {any: "Was?"}}}
  - {id: nps, kind: nps, ask: {en: {any: "NPS?"}}}
  - {id: ideas, kind: text, when: {question: score, at_most: 3}, ask: {en: {any: "What?"}}}
messages: {good: m, neutral: m, low: m, partial: m}
`

// TestEveryCode: each thing that Parse and Lint find has a code, and each code is found.
func TestEveryCode(t *testing.T) {
	if _, err := survey.Parse("sound.yaml", []byte(sound)); err != nil {
		t.Fatal(err)
	}
	lint, err := survey.NewLint()
	if err != nil {
		t.Fatal(err)
	}
	raised := map[string]int{}
	note := func(row string, ps []survey.Problem) {
		for _, p := range ps {
			if p.Code == "" || p.Text == "" || strings.Contains(p.Text, "%!") || p.Line < 1 {
				t.Errorf("%s: %+v", row, p)
			}
			if !strings.HasPrefix(p.Code, "yaml") {
				raised[p.Code] = len(p.Args)
			}
		}
	}
	for code, x := range map[string]struct{ old, new string }{
		"id": {"id: sound", "id: Sound"}, "version": {"version: 1", "version: 0"}, "purpose": {"purpose: survey", "purpose: fun"},
		"confidence": {"0.6", "6"}, "segments": {"segments: 2", "segments: 20"}, "no_locales": {"locales: [en]\n", ""},
		"title_locale": {"title: {en", "title: {ru"}, "why_locale": {"split:", "why: {ru: x}\nsplit:"},
		"no_budget": {"budget:\n  sms: {rated: 3, open: 1}\n  email: {rated: 3, open: 1}\n", ""}, "channel": {"  email:", "  pigeon: {rated: 1}\n  email:"},
		"budget_empty": {"email: {rated: 3, open: 1}", "email: {rated: 0}"}, "outcome": {"messages:", "thanks: {great: {}}\nmessages:"},
		"message_key": {"good: m", "great: m, good: m"}, "worded_twice": {"good: m", "invite: m, good: m"},
		"wording_locale": {"locales: [en]", "locales: [en, ru]"}, "wording_channel": {"any: Hello", "sms: Hello"}, "wording_subject": {"subject: s, ", ""},
		"wording_other_locale": {"any: Hello}", "any: Hello}, fr: {any: x}"}, "no_questions": {sound[strings.Index(sound, "questions:"):strings.Index(sound, "messages:")], ""},
		"question_id": {"id: ideas", "id: Ideas"}, "question_twice": {"id: ideas", "id: score"}, "overall_twice": {"kind: nps", "kind: nps, role: overall"},
		"scale": {"min: 1, max: 5", "min: 5, max: 1"}, "nps_scale": {"kind: nps", "kind: nps, max: 5"}, "expectation_options": {"id: worse", "id: bad"},
		"kind": {"kind: text", "kind: riddle"}, "options_needless": {"kind: nps", "kind: nps, options: [{id: a}]"}, "role": {"role: overall", "role: hero"},
		"role_text": {"role: overall", "role: trouble"}, "role_liked": {"role: overall", "role: liked"}, "role_reach": {"role: overall", "role: reach"},
		"reach_option": {"kind: choice", "kind: choice, role: reach"}, "question_channel": {"kind: nps", "kind: nps, channels: [form]"},
		"numbers": {"1 - yes, 2 - no", "Yes or no?"}, "options_few": {", {id: two, label: {en: Two}, also: {en: [deux]}}", ""}, "option_id": {"id: one", "id: skip"},
		"option_twice": {"id: one", "id: two"}, "option_label": {"label: {en: One}", "label: {ru: One}"}, "option_also": {"also: {en", "also: {fr"},
		"no_first":      {sound[strings.Index(sound, "  - {id: score, kind"):strings.Index(sound, "  - {id: pick")], ""},
		"first_channel": {"id: score, kind", "channels: [sms], id: score, kind"}, "set_unsplit": {"set: set", "set: other"}, "split_size": {"split: {set: 1}", "split: {set: 3}"},
		"condition_answer": {"when: {question: score, ", "when: {"}, "condition_empty": {"{question: score, at_most: 3}, ask", "{}, ask"}, "condition_later": {"when: {question: score", "when: {question: later"},
		"not_rating": {"when: {question: score", "when: {question: fixed"}, "answer": {"at_most: 3}, ask", "answer: \"yes\"}, ask"}, "no_option": {"at_most: 3}, ask", "choice: x}, ask"},
		"severity": {"severity: high", "severity: dire"}, "rule_set": {"{question: score, at_most: 3, severity", "{set: x, at_most: 3, severity"}, "rule_one": {"at_most: 3, severity", "severity"},
		"rule_question": {"{question: score, at_most: 3, s", "{at_most: 3, s"}, "rule_intent": {"{question: score, at_most: 3, s", "{intent: optout, s"}, "rule_no_question": {"{question: score, at_most", "{question: gone, at_most"},
		"no_suggestions": {"micro: true\n", ""}, "over_budget": {"micro: true\nlocales: [en]", "locales: [en]"}, "brand": {"{lada:", "{LADA:"}, "brand_locale": {"{lada: {en", "{lada: {fr"},
	} {
		if !strings.Contains(sound, x.old) {
			t.Fatalf("%s: %q is not there", code, x.old)
		}
		broken := strings.Replace(sound, x.old, x.new, 1)
		if code == "no_suggestions" || code == "over_budget" {
			broken = strings.Replace(broken, "  email:", "  form: {rated: 1}\n  email:", 1)
		}
		if code == "no_first" {
			broken = strings.NewReplacer("  - {id: was, kind", "  - {set: set, id: was, kind", "  - {id: nps, kind", "  - {set: set, id: nps, kind").Replace(broken)
		}
		_, err := survey.Parse("x.yaml", []byte(broken))
		var ps survey.Problems
		if !errors.As(err, &ps) {
			t.Errorf("%s: %v", code, err)
			continue
		}
		note(code, ps)
		found := false
		for _, p := range ps {
			found = found || p.Code == code
		}
		if !found {
			t.Errorf("%s is not found, but %v", code, ps)
		}
	}
	short := strings.NewReplacer("micro: true\n", "", "  email:", "  form: {rated: 9, open: 1}\n  email:", "  - {id: nps, kind: nps, ask: {en: {any: \"NPS?\"}}}\n", "",
		"messages:", "  - {id: more, kind: text, role: suggestions, ask: {en: {any: \"More?\"}}}\nmessages:").Replace(sound)
	few, err := survey.Parse("x.yaml", []byte(strings.Replace(short, "  - {id: was", "  - {when: {question: score, at_most: 3}, id: was", 1)))
	if err != nil {
		t.Fatal(err)
	}
	note("length", few.Warnings)
	note("lint", lint.Check("x.yaml", []byte("en: |\n  Please give us 5.\n  How much did you enjoy it?\n  Our excellent service.\n  If you were happy, leave us a review on Google.\n")))
	if diff := cmp.Diff(survey.Codes(), raised); diff != "" {
		t.Errorf("codes and how many args (-listed +found):\n%s", diff)
	}
}
