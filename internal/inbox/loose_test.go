package inbox_test

import (
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/survey"
)

// TestLooseFragments: a person who was asked nothing writes one thought in several
// messages; it is one task with all of his words, and one answer.
func TestLooseFragments(t *testing.T) {
	for _, tt := range []struct {
		name             string
		says             []string
		pause            time.Duration
		reason           string // of the callback, "" for none
		callback, review string // words
		told             string
	}{
		{"a complaint in three", []string{"был у вас во вторник", "стук остался", "перезвоните мне"}, 3 * time.Second, "not_fixed", "был у вас во вторник\nстук остался\nперезвоните мне", "", "Мария Орлова"},
		{"what to call about comes last", []string{"был у вас во вторник", "очень недоволен", "перезвоните мне"}, 3 * time.Second, string(survey.Requested), "был у вас во вторник\nочень недоволен\nперезвоните мне", "", "Мария Орлова"},
		{"what follows a wish to be called", []string{"перезвоните мне", "по поводу счёта"}, 3 * time.Second, string(survey.Requested), "перезвоните мне\nпо поводу счёта", "", "Мария Орлова"},
		{"a question in two", []string{"здравствуйте", "до скольки вы работаете?"}, 3 * time.Second, "", "", "здравствуйте\nдо скольки вы работаете?", "Получили"},
		{"two thoughts", []string{"до скольки вы работаете?", "перезвоните мне"}, time.Minute, string(survey.Requested), "перезвоните мне", "до скольки вы работаете?", ""},
		{"would warn others", []string{"всем расскажу, чтобы к вам не ездили"}, 0, string(survey.WarnOthers), "всем расскажу, чтобы к вам не ездили", "", "Мария Орлова"},
		{"thanks for a greeting", []string{"Спасибо, приятно! И вас с праздником"}, 0, "", "", "", ""},
		{"thanks before a complaint", []string{"спасибо", "но стук остался"}, 3 * time.Second, "not_fixed", "спасибо\nно стук остался", "", "Мария Орлова"},
		{"thanks before a question", []string{"谢谢", "до скольки вы работаете?"}, 3 * time.Second, "", "", "до скольки вы работаете?", "Получили"},
		{"thanks behind a complaint", []string{"стук остался", "спасибо"}, 3 * time.Second, "not_fixed", "стук остался", "", "Мария Орлова"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w := newWorld(t, st)
				w.visit("1001", "Иванов Иван Петрович", phone, 400*time.Hour)
				var ms []channels.Message
				for i, s := range tt.says {
					if i > 0 {
						w.forward(tt.pause)
						ms = append(ms, w.send()...)
					}
					w.say(phone, s)
				}
				ms = append(ms, w.rest()...)
				w.expect(store.TaskCallback, tt.callback)
				w.expect(store.TaskReview, tt.review)
				if cb := w.tasks(store.TaskCallback); len(cb) > 0 && cb[0].Reason != tt.reason {
					t.Errorf("called for %s, want %s", cb[0].Reason, tt.reason)
				}
				if r := w.tasks(store.TaskReview); len(r) > 0 && r[0].Reason != callback.ReasonInquiry {
					t.Errorf("read as %s", r[0].Reason)
				}
				if tt.callback+tt.review == "" && len(ms) > 0 {
					t.Errorf("told %+v, want nothing", ms)
				}
				if tt.told != "" && (len(ms) != 1 || !strings.Contains(ms[0].Text, tt.told)) {
					t.Errorf("told %+v, want one message that says %q", ms, tt.told)
				}
			})
		})
	}
}
