package survey_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/internal/reply"
	"otklik/internal/survey"
	"otklik/templates"
)

func TestShippedDefinitionsAreCompleteInThreeLocales(t *testing.T) {
	names, err := fs.Glob(templates.FS, "surveys/*.yaml")
	if err != nil || len(names) < 2 {
		t.Fatalf("surveys %v, error %v", names, err)
	}
	for _, name := range names {
		data, err := fs.ReadFile(templates.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := survey.Parse(name, data)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if diff := cmp.Diff([]string{"ru", "en", "zh"}, d.Locales); diff != "" {
			t.Errorf("%s: locales (-want +got):\n%s", name, diff)
		}
		if len(d.Warnings) > 0 || len(d.Hash) != 64 {
			t.Errorf("%s: warnings %v, hash %q", name, d.Warnings, d.Hash)
		}
	}
}

func TestParseNamesEveryProblemWithItsLine(t *testing.T) {
	const broken = `id: Bad Id
version: 0
purpose: advertising
locales: [en, ru]
title: {en: Title}
confidence: 2
budget:
  sms: {rated: 1}
  pigeon: {rated: 1}
  form: {rated: 1}
colour: red
flags:
  - {question: gone, answer: no}
  - {at_most: 3}
  - {flag: legal, severity: dire}
invite:
  en: {subject: s, any: Hello}
questions:
  - id: score
    kind: rating
    role: overall
    min: 5
    max: 1
    ask:
      en: {any: "How?"}
      ru: {any: "Как?"}
  - id: score
    kind: riddle
    when: {question: later, at_most: 3}
    ask:
      en: {any: "What?"}
      ru: {form: "Что?"}
      fr: {any: "Quoi?"}
  - id: later
    kind: yesno
    ask:
      en: {any: "Yes or no?"}
      ru: {any: "Да? 1 - да, 2 - нет"}
  - id: pick
    kind: choice
    options:
      - {id: one, label: {en: One}}
    ask:
      en: {any: "Which?"}
      ru: {any: "Что?"}
thanks:
  good:
    en: {any: Thanks}
    ru: {any: Спасибо}
  neutral: {en: {any: Thanks}, ru: {any: Спасибо}}
  low: {en: {any: Thanks}, ru: {any: Спасибо}}
messages:
  partial: review.ack
  invites: x
`
	_, err := survey.Parse("broken.yaml", []byte(broken))
	var problems survey.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v, want Problems", err)
	}
	want := []string{
		`broken.yaml:1: id "Bad Id": want lower-case letters, digits and hyphens`,
		`broken.yaml:2: version 0: want 1 or more`,
		`broken.yaml:3: purpose "advertising": want survey, callback or greeting`,
		`broken.yaml:5: title has no ru`,
		`broken.yaml:6: confidence 2: want more than 0, at most 1`,
		`broken.yaml:9: unknown channel "pigeon"`,
		`broken.yaml:10: form shows 3 questions, its budget is 1`,
		`broken.yaml:11: field colour not found in type survey.Definition`,
		`broken.yaml:13: no question "gone"`,
		`broken.yaml:14: at_most, answer and choice go with a question or a set, the others without`,
		`broken.yaml:15: severity "dire": want normal, high or urgent`,
		`broken.yaml:16: no wording in ru`,
		`broken.yaml:18: the last question on form must ask for suggestions, always (R018)`,
		`broken.yaml:19: question "score": scale 5..1: want min below max`,
		`broken.yaml:27: question "score" stands twice`,
		`broken.yaml:28: question "score": unknown kind "riddle"`,
		`broken.yaml:29: the condition names "later", which is no earlier question`,
		`broken.yaml:32: no text for pigeon in ru`,
		`broken.yaml:32: no text for sms in ru`,
		`broken.yaml:33: locale "fr" is not among the definition's locales`,
		`broken.yaml:37: question "later": the text for sms in en must number the answers (1 and 2)`,
		`broken.yaml:41: question "pick": want two options or more`,
		`broken.yaml:42: option "one" has no label in ru`,
		`broken.yaml:54: unknown key "invites": want invite or an outcome`,
	}
	if diff := cmp.Diff(want, strings.Split(problems.Error(), "\n")); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestParseRefusesWhatIsNotYAML(t *testing.T) {
	_, err := survey.Parse("x.yaml", []byte("id: [unclosed\nversion: 1\n"))
	if err == nil || !strings.HasPrefix(err.Error(), "x.yaml:") {
		t.Errorf("got %v, want an error that begins with the file and line", err)
	}
	for _, data := range []string{"", "just a word", "- a\n- list\n", "\x00"} {
		if _, err := survey.Parse("x.yaml", []byte(data)); err == nil {
			t.Errorf("%q was taken for a definition", data)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(everyKind))
	f.Add([]byte("questions: [{id: a, when: {any: [{any: [{}]}]}}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := survey.Parse("fuzz.yaml", data)
		if err != nil {
			return
		}
		// What was accepted can be run.
		st := survey.Begin(d, channels.SMS, d.Draw("contact", noon))
		survey.Step(d, st, rated(1, "x"), noon)
	})
}

func TestReplyIsWhatTheParserNeeds(t *testing.T) {
	d := shipped(t, "after-service")
	q, _ := d.Question("fixed")
	got := q.Reply("ru", channels.SMS)
	want := reply.Question{Kind: reply.KindYesNo, Prompt: "Всё, о чём просили, сделали с первого раза? 1 - да, 2 - нет"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	q, _ = d.Question("overall")
	if got := q.Reply("zh", channels.Telegram); got.Min != 1 || got.Max != 5 || strings.Contains(got.Prompt, "{{") {
		t.Errorf("got %+v, want 1..5 and a prompt without placeholders", got)
	}
	all, err := survey.Parse("every-kind.yaml", []byte(everyKind))
	if err != nil {
		t.Fatal(err)
	}
	q, _ = all.Question("why")
	options := []reply.Option{{ID: "slow", Labels: []string{"Slow"}}, {ID: "rude", Labels: []string{"Rude"}}}
	if diff := cmp.Diff(options, q.Reply("en", channels.SMS).Options); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSheetsEndWithSuggestions(t *testing.T) {
	d := shipped(t, "after-service")
	for ch, want := range map[channels.Kind]int{channels.Form: 6, channels.Phone: 6, channels.Paper: 6} {
		st := survey.Begin(d, ch, d.Draw("contact", noon))
		sheet := st.Sheet(d, ch)
		always := 0
		for _, q := range sheet {
			if !q.Conditional() {
				always++
			}
		}
		if always != want || sheet[len(sheet)-1].Role != survey.Suggestions {
			t.Errorf("%s: %d questions, the last is %q; want %d and suggestions (R017, R018)", ch, always, sheet[len(sheet)-1].ID, want)
		}
	}
	if d.Sheet("pigeon") != nil {
		t.Error("a sheet for a channel that the survey does not use")
	}
}
