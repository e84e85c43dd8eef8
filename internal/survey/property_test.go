package survey_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"otklik/channels"
	"otklik/internal/reply"
	"otklik/internal/survey"
)

// everyKind is a definition with every kind of question, conditions and rules.
const everyKind = `
id: every-kind
version: 3
purpose: survey
locales: [en]
title: {en: Every kind}
budget:
  sms: {rated: 2, open: 1}
  telegram: {rated: 5, open: 2}
  email: {rated: 1, open: 1, stop_when_flagged: true}
  form: {rated: 7, open: 2}
split: {parts: 2}
flags:
  - {set: parts, at_most: 1}
  - {question: score, at_most: 4, severity: high}
  - {question: why, choice: rude, severity: urgent}
  - {question: again, never: true}
  - {intent: callback, severity: high}
  - {words: [refund]}
invite: {en: {subject: s, any: "{{.question}}"}}
questions:
  - {id: score, kind: rating, min: 1, max: 10, role: overall, ask: {en: {any: "1 to 10?"}}}
  - {id: nps, kind: nps, role: recommend, ask: {en: {any: "0 to 10?"}}}
  - id: why
    kind: choice
    when: {any: [{question: score, at_most: 6}, {question: nps, at_most: 6}]}
    options: [{id: slow, label: {en: Slow}}, {id: rude, label: {en: Rude}}]
    ask: {en: {any: "Why?"}}
  - id: liked
    kind: multichoice
    options: [{id: ride, label: {en: Ride}}, {id: look, label: {en: Look}}]
    ask: {en: {any: "What did you like?"}}
  - {id: desk, kind: rating, min: 1, max: 5, set: parts, ask: {en: {any: "The desk?"}}}
  - {id: yard, kind: rating, min: 1, max: 5, set: parts, ask: {en: {any: "The yard?"}}}
  - {id: shop, kind: rating, min: 1, max: 5, set: parts, ask: {en: {any: "The shop?"}}}
  - id: hoped
    kind: expectation
    options: [{id: worse, label: {en: Worse}}, {id: expected, label: {en: As expected}}, {id: better, label: {en: Better}}]
    ask: {en: {any: "Than you expected?"}}
  - {id: again, kind: yesno, when: {question: score, at_least: 5}, ask: {en: {any: "Again? 1 - yes, 2 - no"}}}
  - {id: wrong, kind: text, role: trouble, when: {flagged: true}, covered_by_words: [sms], ask: {en: {any: "What went wrong?"}}}
  - {id: ideas, kind: text, role: suggestions, optional: true, ask: {en: {any: "Ideas?"}}}
thanks:
  good: {en: {subject: s, any: Thanks}}
  neutral: {en: {subject: s, any: Thanks}}
  low: {en: {subject: s, any: Sorry}}
  partial: {en: {subject: s, any: Thanks}}
`

func definitions(t testing.TB) []*survey.Definition {
	d, err := survey.Parse("every-kind.yaml", []byte(everyKind))
	if err != nil {
		t.Fatal(err)
	}
	out := []*survey.Definition{d}
	for _, id := range []string{"after-service", "solved", "csi", "purchase-first-contact", "nps", "complaint-handled", "inquiry-answered", "greeting-check"} {
		out = append(out, shipped(t, id))
	}
	return out
}

func inputs(d *survey.Definition) *rapid.Generator[survey.Input] {
	var ids []string
	for _, q := range d.Questions {
		ids = append(ids, q.ID)
	}
	id := rapid.SampledFrom(append(ids, "nonsense"))
	channel := rapid.SampledFrom([]channels.Kind{channels.SMS, channels.Telegram, channels.Email, channels.Form})
	value := rapid.SampledFrom([]string{"1", "2", "3", "4", "5", "7", "10", "yes", "no", "slow", "rude", "ride", "look", survey.Skip, survey.Enough, "junk"})
	words := rapid.SampledFrom([]string{"", "", "knocks again", "I want a refund"})
	rating := rapid.Ptr(rapid.IntRange(0, 10), true)
	yesno := rapid.SampledFrom([]string{"", "yes", "no"})
	return rapid.Custom(func(t *rapid.T) survey.Input {
		in := survey.Input{Channel: channel.Draw(t, "channel"), MessageID: "m", Text: words.Draw(t, "text"), Claimed: rapid.Bool().Draw(t, "claimed")}
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0:
			in.Form = map[string]survey.Value{}
			for _, k := range rapid.SliceOfN(id, 0, 4).Draw(t, "fields") {
				in.Form[k] = survey.Value{Rating: rating.Draw(t, "rating"), Answer: yesno.Draw(t, "answer"), Text: words.Draw(t, "words")}
			}
		case 1, 2:
			in.Tap = &survey.Tap{Question: id.Draw(t, "question")}
			q, ok := d.Question(in.Tap.Question)
			if fits := rapid.IntRange(0, 4).Draw(t, "fits") > 0; ok && fits {
				in.Tap.Value = rapid.SampledFrom(tappable(q)).Draw(t, "button")
			} else {
				in.Tap.Value = value.Draw(t, "value")
			}
		default:
			in.Reading = &reply.Reading{
				Intent: rapid.SampledFrom([]reply.Intent{reply.IntentAnswer, reply.IntentAnswer, reply.IntentAnswer, reply.IntentUnclear, reply.IntentOptOut,
					reply.IntentResume, reply.IntentHelp, reply.IntentCallback, reply.IntentLater, reply.IntentWrongPerson}).Draw(t, "intent"),
				Rating: rating.Draw(t, "rating"), Answer: yesno.Draw(t, "answer"), Comment: in.Text,
				Also:       rapid.SliceOfN(rapid.SampledFrom([]reply.Intent{reply.IntentCallback, reply.IntentOptOut, reply.IntentInquiry}), 0, 1).Draw(t, "also"),
				Flags:      rapid.SliceOfN(rapid.SampledFrom([]string{reply.FlagSafety, reply.FlagPraise, reply.FlagNotFixed, reply.FlagCorrection}), 0, 1).Draw(t, "flags"),
				Confidence: rapid.SampledFrom([]float64{1, 1, 0.4}).Draw(t, "confidence"),
			}
			if rapid.Bool().Draw(t, "known") {
				in.Question = id.Draw(t, "question")
			}
		}
		return in
	})
}

// ledger follows one conversation and holds what must be true of it.
type ledger struct {
	d      *survey.Definition
	open   bool // a callback is open
	thanks int
	asks   map[survey.Asked]int
}

func (l *ledger) check(t *rapid.T, before, after survey.State, effects []survey.Effect) {
	says := 0
	for _, e := range effects {
		if e.Says() {
			says++
		}
		switch e.Kind {
		case survey.Callback:
			if l.open {
				t.Fatalf("a second callback while one is open")
			}
			l.open = true
		case survey.CallbackWithdraw:
			l.open = false
		case survey.Thank:
			l.thanks++
		case survey.Ask:
			if _, answered := after.Answers[e.Question]; answered {
				t.Fatalf("%s is asked though it was answered", e.Question)
			}
			if q, _ := l.d.Question(e.Question); q.Set != "" && !slices.Contains(after.Drawn, q.ID) {
				t.Fatalf("%s is asked though it was not drawn", e.Question)
			}
			if before.Done || before.Silent {
				t.Fatalf("%s is asked after the end", e.Question)
			}
			l.asks[survey.Asked{Question: e.Question, Channel: after.Channel}]++
		}
	}
	switch {
	case says > 1:
		t.Fatalf("%d things said in one step: %s", says, brief(effects))
	case l.thanks > 1:
		t.Fatalf("thanked twice")
	case after.Flagged != l.open:
		t.Fatalf("flagged is %v, a callback is open: %v", after.Flagged, l.open)
	case before.Done && !after.Done:
		t.Fatalf("an ended survey began again")
	}
	l.budget(t)
	l.low(t, after, effects)
}

// budget: no question twice on a channel, and no channel asks more than it may.
func (l *ledger) budget(t *rapid.T) {
	spent := map[channels.Kind][2]int{}
	for a, n := range l.asks {
		if n > 1 {
			t.Fatalf("%s is asked %d times on %s", a.Question, n, a.Channel)
		}
		q, _ := l.d.Question(a.Question)
		s := spent[a.Channel]
		if q.Open() {
			s[1]++
		} else {
			s[0]++
		}
		spent[a.Channel] = s
	}
	for ch, s := range spent {
		if b := l.d.Budget[ch]; s[0] > b.Rated || s[1] > b.Open {
			t.Fatalf("%s asked %d rated and %d open questions, its budget is %+v", ch, s[0], s[1], b)
		}
	}
}

// low: invariant 6, a low answer and its callback belong to one step.
func (l *ledger) low(t *rapid.T, after survey.State, effects []survey.Effect) {
	for _, e := range effects {
		if e.Kind != survey.SaveAnswer || l.d.ID != "after-service" {
			continue
		}
		if r := e.Answer.Rating; (r != nil && *r <= 3 || e.Answer.Answer == "no") && !after.Flagged {
			t.Fatalf("a low answer to %s without a callback", e.Question)
		}
	}
}

func TestEveryConversationKeepsTheRules(t *testing.T) {
	for _, d := range definitions(t) {
		t.Run(d.ID, rapid.MakeCheck(func(t *rapid.T) {
			first := rapid.SampledFrom([]channels.Kind{channels.SMS, channels.Telegram, channels.Form}).Draw(t, "first")
			st := survey.Begin(d, first, d.Draw("contact", noon))
			l := &ledger{d: d, asks: map[survey.Asked]int{}}
			for _, a := range st.Asked {
				l.asks[a]++
			}
			now := noon
			for _, in := range rapid.SliceOfN(inputs(d), 1, 15).Draw(t, "inputs") {
				now = now.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "minutes")) * time.Minute)
				kept, restored := frozen(t, st), thawed(t, frozen(t, st))
				next, effects := survey.Step(d, st, in, now)
				again, sameEffects := survey.Step(d, restored, in, now)
				if diff := cmp.Diff(frozen(t, next), frozen(t, again)); diff != "" || !cmp.Equal(effects, sameEffects) {
					t.Fatalf("two runs differ after storage: %s", diff)
				}
				if frozen(t, st) != kept {
					t.Fatalf("the state given to Step was changed")
				}
				l.check(t, st, next, effects)
				st = next
			}
		}))
	}
}

// TestTapsAloneAlwaysReachTheEnd answers whatever is open until nothing is.
func TestTapsAloneAlwaysReachTheEnd(t *testing.T) {
	for _, d := range definitions(t) {
		t.Run(d.ID, rapid.MakeCheck(func(t *rapid.T) {
			ch := rapid.SampledFrom([]channels.Kind{channels.SMS, channels.Telegram}).Draw(t, "channel")
			st := survey.Begin(d, ch, d.Draw("contact", noon))
			for steps := 0; !st.Done; steps++ {
				if steps > 2*len(d.Questions) {
					t.Fatalf("no end after %d answers, %q is open", steps, st.Question)
				}
				q, ok := d.Question(st.Question)
				if !ok {
					t.Fatalf("nothing is open and the survey has not ended")
				}
				var effects []survey.Effect
				st, effects = survey.Step(d, st, answerTo(t, q, ch), noon.Add(time.Duration(steps)*time.Minute))
				if st.Done && !slices.ContainsFunc(effects, survey.Effect.Says) {
					t.Fatalf("ended without a word")
				}
			}
		}))
	}
}

func answerTo(t *rapid.T, q *survey.Question, ch channels.Kind) survey.Input {
	in := survey.Input{Channel: ch}
	switch q.Kind {
	case survey.Text:
		in.Reading = &reply.Reading{Intent: reply.IntentAnswer, Comment: "words", Confidence: 1}
		return in
	case survey.MultiChoice:
		in.Tap = &survey.Tap{Question: q.ID, Value: survey.Enough}
		return in
	}
	in.Tap = &survey.Tap{Question: q.ID, Value: rapid.SampledFrom(tappable(q)).Draw(t, "value")}
	return in
}

// tappable lists values that a question's buttons can carry.
func tappable(q *survey.Question) []string {
	switch q.Kind {
	case survey.YesNo:
		return []string{"yes", "no"}
	case survey.Choice, survey.MultiChoice, survey.Expectation:
		return []string{q.Options[0].ID, q.Options[1].ID}
	case survey.Text:
		return []string{survey.Skip}
	}
	return []string{"1", "2", "5"}
}

func frozen(t *rapid.T, st survey.State) string {
	data, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func thawed(t *rapid.T, data string) survey.State {
	var st survey.State
	if err := json.Unmarshal([]byte(data), &st); err != nil {
		t.Fatal(err)
	}
	return st
}
