package survey_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otklik/internal/survey"
	"otklik/templates"
)

func lint(t testing.TB) *survey.Lint {
	t.Helper()
	l, err := survey.NewLint()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLintFindsWhatSteersTheAnswer(t *testing.T) {
	l := lint(t)
	const begs, leads, gates, judges = "begs for", "leads to", "public review", "judges before"
	for _, tt := range []struct{ locale, text, want string }{
		{"ru", "Поставьте нам 5!", begs},
		{"ru", "Будем благодарны за высокую оценку", begs},
		{"ru", "Оцените нас на отлично", begs},
		{"ru", "Скидка 5% за отзыв", begs},
		{"ru", "Как сильно Вам понравилось обслуживание?", leads},
		{"ru", "Вы ведь остались довольны?", leads},
		{"ru", "Если Вы довольны, оставьте отзыв на Яндексе", gates},
		{"ru", "Как Вам наш прекрасный сервис?", judges},
		{"ru", "Как прошло обслуживание? Оцените от 1 до 5, где 5 - отлично.", ""},
		{"ru", "Насколько Вы довольны покупкой?", ""},
		{"ru", "Оставить отзыв может каждый", ""},
		{"en", "Please give us 5 stars", begs},
		{"en", "We hope for your top rating", begs},
		{"en", "A gift for your review", begs},
		{"en", "How much did you enjoy the service?", leads},
		{"en", "Don't you agree that it went well?", leads},
		{"en", "If you are happy, leave us a Google review", gates},
		{"en", "How was our excellent service?", judges},
		{"en", "How was the service? Reply 1-5 (5=great).", ""},
		{"en", "Please rate it from 1 to 5, 5 being great.", ""},
		{"zh", "请打满分", begs},
		{"zh", "麻烦您给个好评", begs},
		{"zh", "好评返现", begs},
		{"zh", "您有多喜欢我们的服务？", leads},
		{"zh", "您一定很满意吧？", leads},
		{"zh", "如果满意，请到大众点评写评论", gates},
		{"zh", "您对我们优质的服务满意吗？", judges},
		{"zh", "请打1-5分，5分=非常满意。", ""},
		{"zh", "请打0到10分，0分=不会，10分=一定会。", ""},
		{"en-GB", "Please rate us five stars", begs},
	} {
		var said []string
		for _, p := range l.Check("x.yaml", []byte("invite:\n  "+tt.locale+":\n    any: |-\n      First.\n      "+tt.text+"\n")) {
			said = append(said, p.Error())
		}
		got := strings.Join(said, "\n")
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) || tt.want != "" && !strings.HasPrefix(got, "x.yaml:5: ") {
			t.Errorf("%s: %q: got %q, want %q on line 5", tt.locale, tt.text, got, tt.want)
		}
	}
}

func TestLintLeavesTheCustomersWordsAndOtherLanguagesAlone(t *testing.T) {
	const text = "options:\n  - {id: a, label: {ru: Да}, also: {ru: [прекрасно]}}\nid: please give us 5\nask: {ru: {any: please give us 5}}\n"
	if got := lint(t).Check("x.yaml", []byte(text)); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

// TestShippedTextsAreNeutral: surveys and messages.
func TestShippedTextsAreNeutral(t *testing.T) {
	l := lint(t)
	for _, pattern := range []string{"surveys/*.yaml", "messages/*.yaml", "programs/*.yaml"} {
		names, err := fs.Glob(templates.FS, pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", pattern, names, err)
		}
		for _, name := range names {
			data, err := fs.ReadFile(templates.FS, name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]survey.Problem(nil), l.Check(name, data)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
}
