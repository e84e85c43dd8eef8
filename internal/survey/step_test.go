package survey_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/internal/reply"
	"otklik/internal/survey"
	"otklik/templates"
)

func shipped(t testing.TB, id string) *survey.Definition {
	t.Helper()
	data, err := templates.FS.ReadFile("surveys/" + id + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	d, err := survey.Parse(id+".yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

var noon = time.Date(2026, 3, 13, 11, 4, 0, 0, time.UTC)

func num(n int) *int { return &n }

func rated(n int, comment string) survey.Input {
	return said(reply.Reading{Intent: reply.IntentAnswer, Rating: num(n), Comment: comment, Confidence: 1})
}

func said(r reply.Reading) survey.Input {
	return survey.Input{Reading: &r, Channel: channels.SMS, MessageID: "m", Text: r.Comment}
}

func telegram(in survey.Input) survey.Input { in.Channel = channels.Telegram; return in }

func tapped(question, value string) survey.Input {
	return survey.Input{Tap: &survey.Tap{Question: question, Value: value}, Channel: channels.Telegram}
}

// brief writes effects down in one word each, for comparison.
func brief(effects []survey.Effect) string {
	var out []string
	for _, e := range effects {
		s := string(e.Kind)
		switch e.Kind {
		case survey.SaveAnswer, survey.SecondMode, survey.Ask, survey.Reask, survey.Refuse:
			s += ":" + e.Question
			if e.Before != "" {
				s += "<" + e.Before
			}
		case survey.Thank:
			s += ":" + string(e.Outcome)
		case survey.Callback:
			s += ":" + string(e.Reason)
		case survey.Remark:
			s += ":" + e.RemarkKind
		case survey.Recommendation:
			s += ":" + e.Value
		}
		if e.Replaces {
			s += "*"
		}
		if e.Message != "" {
			s += "(" + e.Message + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// play runs inputs one minute apart and gives what each of them led to.
func play(d *survey.Definition, ch channels.Kind, inputs ...survey.Input) (survey.State, []string) {
	st := survey.Begin(d, ch, d.Draw("contact", noon))
	var out []string
	for i, in := range inputs {
		var effects []survey.Effect
		st, effects = survey.Step(d, st, in, noon.Add(time.Duration(i)*time.Minute))
		out = append(out, brief(effects))
	}
	return st, out
}

func TestConversations(t *testing.T) {
	optOut := said(reply.Reading{Intent: reply.IntentOptOut, Bare: true, Confidence: 1})
	unclear := said(reply.Reading{Intent: reply.IntentUnclear, Confidence: 1})
	tests := []struct {
		name   string
		survey string
		ch     channels.Kind
		in     []survey.Input
		want   []string
	}{
		{"sms, good and bare: one open question, then thanks", "after-service", channels.SMS,
			[]survey.Input{rated(5, ""), said(reply.Reading{Intent: reply.IntentAnswer, Comment: "кофе получше", Confidence: 1})},
			[]string{"save_answer:overall ask:suggestions", "save_answer:suggestions remark:suggestion thank:good close"}},
		{"sms, good with words: the words were the open answer", "after-service", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentAnswer, Rating: num(5), Comment: "спасибо Олегу", Praise: []string{"Олег"}, Flags: []string{reply.FlagPraise}, Confidence: 1})},
			[]string{"save_answer:overall praise thank:good close"}},
		{"sms, low with words: callback and promise at once", "after-service", channels.SMS,
			[]survey.Input{rated(2, "ждал 3 часа, и стук остался")},
			[]string{"save_answer:overall remark:complaint callback:low_score thank:low close"}},
		{"sms, low and bare: callback at once, then what happened", "after-service", channels.SMS,
			[]survey.Input{rated(2, ""), said(reply.Reading{Intent: reply.IntentAnswer, Comment: "нахамили", Confidence: 1})},
			[]string{"save_answer:overall callback:low_score ask:trouble",
				"save_answer:trouble remark:complaint callback_words thank:low close"}},
		{"telegram, six taps", "after-service", channels.Telegram,
			[]survey.Input{tapped("overall", "5"), tapped("fixed", "yes"), tapped("on_time", "yes"), tapped("explained", "yes"), tapped("slot", "yes"), tapped("suggestions", survey.Skip)},
			[]string{"save_answer:overall ask:fixed", "save_answer:fixed ask:on_time", "save_answer:on_time ask:explained", "save_answer:explained ask:slot", "save_answer:slot ask:suggestions", "thank:good close"}},
		{"telegram, a no in the middle: what happened, then the bot stops", "after-service", channels.Telegram,
			[]survey.Input{tapped("overall", "5"), tapped("fixed", "no"), telegram(said(reply.Reading{Intent: reply.IntentAnswer, Comment: "стук остался", Confidence: 1}))},
			[]string{"save_answer:overall ask:fixed", "save_answer:fixed callback:not_good ask:trouble",
				"save_answer:trouble remark:complaint callback_words thank:low close"}},
		{"an old button is tapped again: replaced, nothing asked twice", "after-service", channels.Telegram,
			[]survey.Input{tapped("overall", "5"), tapped("overall", "4"), tapped("overall", "4")},
			[]string{"save_answer:overall ask:fixed", "save_answer:overall*", ""}},
		{"down and up again: the question that was open is not repeated", "after-service", channels.Telegram,
			[]survey.Input{tapped("overall", "5"), tapped("overall", "1"), tapped("overall", "5"), tapped("fixed", "yes")},
			[]string{"save_answer:overall ask:fixed", "save_answer:overall* callback:low_score ask:trouble", "save_answer:overall* callback_withdraw ask:on_time", "save_answer:fixed"}},
		{"unclear: one re-ask, then a person, then silence to the customer", "after-service", channels.SMS,
			[]survey.Input{unclear, unclear, unclear, rated(5, "")},
			[]string{"reask:overall", "review(review.ack)", "review", "save_answer:overall ask:suggestions"}},
		{"unsure answers are not taken", "after-service", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentAnswer, Rating: num(3), Confidence: 0.4})},
			[]string{"reask:overall"}},
		{"words without a score reach a person at once and join the score", "after-service", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentUnclear, Comment: "ждал три часа", Confidence: 1}), rated(2, "")},
			[]string{"review reask:overall", "save_answer:overall remark:complaint callback:low_score thank:low close"}},
		{"danger without a score", "after-service", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentUnclear, Comment: "тормоза отказали", Flags: []string{reply.FlagSafety}, Confidence: 1})},
			[]string{"callback:safety(callback.promise)"}},
		{"a lawyer beside the best score", "after-service", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentAnswer, Rating: num(5), Comment: "встретимся в суде", Flags: []string{reply.FlagLegal}, Confidence: 1})},
			[]string{"save_answer:overall callback:legal thank:low close"}},
		{"asks to be called; the question stays open", "after-service", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentCallback, Confidence: 1}), rated(5, "")},
			[]string{"callback:requested(callback.requested)", "save_answer:overall thank:good close"}},
		{"a good score and a wish to be called", "after-service", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentAnswer, Rating: num(5), Also: []reply.Intent{reply.IntentCallback}, Confidence: 1})},
			[]string{"save_answer:overall callback:requested(callback.requested) close"}},
		{"a low score and a wish to be called: one callback, for the score", "after-service", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentAnswer, Rating: num(1), Also: []reply.Intent{reply.IntentCallback}, Comment: "перезвоните", Confidence: 1})},
			[]string{"save_answer:overall remark:complaint callback:low_score thank:low close"}},
		{"opt-out ends it; what comes later is stored in silence", "after-service", channels.SMS,
			[]survey.Input{optOut, said(reply.Reading{Intent: reply.IntentAnswer, Comment: "5", Confidence: 1}), optOut, said(reply.Reading{Intent: reply.IntentResume, Confidence: 1})},
			[]string{"opt_out(optout.confirmed) close", "review", "opt_out", "resume(resume.confirmed)"}},
		{"a low score with an opt-out keeps its callback", "after-service", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentAnswer, Rating: num(1), Also: []reply.Intent{reply.IntentOptOut}, Confidence: 1})},
			[]string{"save_answer:overall callback:low_score opt_out(optout.confirmed) close"}},
		{"no advertising please: the survey goes on", "after-service", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentOptOut, Purpose: reply.PurposeAd, Confidence: 1}), rated(5, "все ок")},
			[]string{"opt_out(optout.purpose)", "save_answer:overall thank:good close"}},
		{"sold the car", "after-service", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentWrongPerson, Flags: []string{reply.FlagSoldCar}, Confidence: 1})},
			[]string{"sold_car(sold_car.ack) close"}},
		{"not the customer", "after-service", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentWrongPerson, Confidence: 1})},
			[]string{"wrong_person(wrong_person.ack) close"}},
		{"later", "after-service", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentLater, Confidence: 1})},
			[]string{"later(later.ack)"}},
		{"words after the end: thanked once", "after-service", channels.SMS,
			[]survey.Input{rated(5, "ok"), said(reply.Reading{Intent: reply.IntentAnswer, Comment: "и кофе хороший", Confidence: 1}), said(reply.Reading{Intent: reply.IntentAnswer, Comment: "ещё", Confidence: 1})},
			[]string{"save_answer:overall thank:good close", "review(survey.closed)", "review"}},
		{"a time for the call that was promised", "after-service", channels.SMS,
			[]survey.Input{rated(1, "стук"), said(reply.Reading{Intent: reply.IntentLater, Comment: "после шести", When: &reply.Interval{}, Confidence: 1})},
			[]string{"save_answer:overall remark:complaint callback:low_score thank:low close", "callback_words(callback.requested)"}},
		{"thanks for the thanks", "after-service", channels.SMS,
			[]survey.Input{rated(5, "ok"), said(reply.Reading{Intent: reply.IntentUnclear, Confidence: 1})},
			[]string{"save_answer:overall thank:good close", ""}},
		{"solved: yes", "solved", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentAnswer, Answer: "yes", Confidence: 1})},
			[]string{"save_answer:solved thank:good close"}},
		{"solved: no", "solved", channels.SMS,
			[]survey.Input{said(reply.Reading{Intent: reply.IntentAnswer, Answer: "no", Confidence: 1})},
			[]string{"save_answer:solved callback:not_good thank:low close"}},
		{"buttons that do not exist", "after-service", channels.Telegram,
			[]survey.Input{tapped("overall", "6"), tapped("nonsense", "1"), tapped("fixed", "maybe")},
			[]string{"refuse:overall", "refuse:nonsense", "refuse:fixed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, got := play(shipped(t, tt.survey), tt.ch, tt.in...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("effects (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCorrectionUpwardWithdrawsTheCallbackItOpened(t *testing.T) {
	d := shipped(t, "after-service")
	fix := func(claimed bool) survey.Input {
		in := said(reply.Reading{Intent: reply.IntentAnswer, Rating: num(5), Flags: []string{reply.FlagCorrection}, Confidence: 1})
		in.Question, in.Claimed, in.Text = "overall", claimed, "ой, 5, не 1"
		return in
	}
	angry := said(reply.Reading{Intent: reply.IntentAnswer, Rating: num(1), Flags: []string{reply.FlagLegal}, Comment: "суд", Confidence: 1})
	tests := []struct {
		name  string
		first survey.Input
		in    survey.Input
		after time.Duration
		want  string
	}{
		{"at once", rated(1, ""), fix(false), time.Minute, "save_answer:overall* callback_withdraw thank:good close"},
		{"at the last moment", rated(1, ""), fix(false), survey.CorrectionWindow, "save_answer:overall* callback_withdraw thank:good close"},
		{"too late", rated(1, ""), fix(false), survey.CorrectionWindow + time.Second, "save_answer:overall* callback_words thank:good close"},
		{"somebody has it", rated(1, ""), fix(true), time.Minute, "save_answer:overall* callback_words thank:good close"},
		{"not the only cause", angry, fix(false), time.Minute, "save_answer:overall* callback_words(survey.closed)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st, _ := survey.Step(d, survey.Begin(d, channels.SMS, d.Draw("contact", noon)), tt.first, noon)
			_, effects := survey.Step(d, st, tt.in, noon.Add(tt.after))
			if got := brief(effects); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestCorrectionDownwardAfterTheEndPromisesACall(t *testing.T) {
	in := rated(2, "")
	in.Question = "overall"
	_, got := play(shipped(t, "after-service"), channels.SMS, rated(5, "хорошо"), in)
	if want := "save_answer:overall* callback:low_score(callback.promise)"; got[1] != want {
		t.Errorf("got  %s\nwant %s", got[1], want)
	}
}

func TestCallbackCarriesTheCustomersOwnWords(t *testing.T) {
	in := rated(2, "ждал 3 часа, и стук остался")
	in.Text = "2. ждал 3 часа, и стук остался"
	d := shipped(t, "after-service")
	_, effects := survey.Step(d, survey.Begin(d, channels.SMS, d.Draw("contact", noon)), in, noon)
	for _, e := range effects {
		if e.Kind == survey.Callback && (e.Words != in.Text || e.Severity != survey.High) {
			t.Errorf("callback %q with severity %d, want the text as written and high", e.Words, e.Severity)
		}
	}
}

func TestForm(t *testing.T) {
	d := shipped(t, "after-service")
	form := func(ch channels.Kind, f map[string]survey.Value) survey.Input {
		return survey.Input{Form: f, Channel: ch}
	}
	first := map[string]survey.Value{
		"overall": {Rating: num(4)}, "fixed": {Answer: "yes"}, "recommend": {Answer: "yes"},
		"trouble": {}, "suggestions": {Text: "зал теплее"}, "nonsense": {Text: "x"}, "on_time": {Answer: "maybe"},
	}
	second := map[string]survey.Value{"overall": {Rating: num(2), Text: "передумал"}, "fixed": {Answer: "yes"}}
	_, got := play(d, channels.SMS, form(channels.Form, first), form(channels.Form, first), form(channels.Form, second))
	want := []string{
		"refuse:nonsense save_answer:overall save_answer:fixed refuse:on_time save_answer:recommend recommendation:yes save_answer:suggestions remark:suggestion thank:good close",
		"refuse:nonsense refuse:on_time",
		"save_answer:overall* remark:complaint callback:low_score(callback.promise)",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}

	t.Run("one callback for several low answers", func(t *testing.T) {
		_, got := play(d, channels.Phone, form(channels.Phone, map[string]survey.Value{
			"overall": {Rating: num(1)}, "fixed": {Answer: "no"}, "trouble": {Text: "стук"},
		}))
		want := "save_answer:overall save_answer:trouble remark:complaint save_answer:fixed callback:low_score thank:low close"
		if got[0] != want {
			t.Errorf("got  %s\nwant %s", got[0], want)
		}
	})
	t.Run("an empty form is no answer", func(t *testing.T) {
		if st, got := play(d, channels.Form, form(channels.Form, map[string]survey.Value{"overall": {}})); got[0] != "" || st.Done {
			t.Errorf("got %q, done %v", got[0], st.Done)
		}
	})
}

func TestOneSurveyAcrossChannels(t *testing.T) {
	d := shipped(t, "after-service")
	st, got := play(d, channels.SMS, rated(4, "")) // asks for suggestions by SMS
	st, effects := survey.Step(d, st, tapped("fixed", "yes"), noon)
	if st.Answers["overall"].Channel != channels.SMS || st.Answers["fixed"].Channel != channels.Telegram {
		t.Errorf("answers %+v do not carry their channels", st.Answers)
	}
	if got[0] != "save_answer:overall ask:suggestions" || brief(effects) != "save_answer:fixed" {
		t.Errorf("got %s, then %s", got[0], brief(effects))
	}
}

func TestTarget(t *testing.T) {
	d := shipped(t, "after-service")
	answered := func(open string, answers map[string]survey.Answer) survey.State {
		return survey.State{Question: open, Answers: answers}
	}
	one := survey.Answer{Rating: num(1), At: noon}
	yes := survey.Answer{Answer: "yes", At: noon.Add(time.Minute)}
	// A parser reduced to what the cases need: a digit is a rating, "нет" a no.
	read := func(text string) func(*reply.Question) reply.Reading {
		return func(q *reply.Question) reply.Reading {
			r := reply.Reading{Intent: reply.IntentUnclear, Comment: text, Confidence: 1}
			digit := strings.IndexAny(text, "12345")
			switch {
			case q == nil:
			case q.Kind == reply.KindText:
				r.Intent = reply.IntentAnswer
			case q.Kind == reply.KindRating && digit >= 0:
				r = reply.Reading{Intent: reply.IntentAnswer, Rating: num(int(text[digit] - '0')), Confidence: 1}
			case q.Kind == reply.KindYesNo && strings.Contains(text, "нет"):
				r = reply.Reading{Intent: reply.IntentAnswer, Answer: "no", Confidence: 1}
			}
			if strings.HasPrefix(text, "ой") {
				r.Flags = []string{reply.FlagCorrection}
			}
			return r
		}
	}
	tests := []struct {
		name, text string
		st         survey.State
		want       string
	}{
		{"the open question", "5", answered("overall", nil), "overall"},
		{"words asked, words given", "долго", answered("trouble", map[string]survey.Answer{"overall": one}), "trouble"},
		{"words asked, a correction given", "ой, 5, не 1", answered("trouble", map[string]survey.Answer{"overall": one}), "overall"},
		{"words asked, a bare number given", "5!", answered("trouble", map[string]survey.Answer{"overall": one}), "overall"},
		{"words asked, a number in words", "ждал 3 часа", answered("trouble", map[string]survey.Answer{"overall": one}), "trouble"},
		{"yes or no asked, 1 may mean yes", "1", answered("fixed", map[string]survey.Answer{"overall": one}), "fixed"},
		{"no suggestions is not no to recommending", "нет", answered("suggestions", map[string]survey.Answer{"overall": one, "recommend": yes}), "suggestions"},
		{"after the end, no thanks is no answer", "нет, спасибо", answered("", map[string]survey.Answer{"overall": one, "recommend": yes}), ""},
		{"after the end, a number", "4", answered("", map[string]survey.Answer{"overall": one, "recommend": yes}), "overall"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, _ := survey.Target(d, tt.st, "ru", channels.Telegram, tt.text, read(tt.text)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
