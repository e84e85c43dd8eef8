package inbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestSeveral: a list of answers is mapped to the open questions in their order and
// confirmed; what only looks like a list is one answer.
func TestSeveral(t *testing.T) {
	for _, tt := range []struct {
		text string
		want map[string]string
		told string // in the confirmation, "" when there is none
	}{
		{"5 да да нет да", map[string]string{"overall": "5", "fixed": "yes", "on_time": "yes", "explained": "no", "recommend": "yes"}, "5, да, да, нет, да"},
		{"4, да, нет", map[string]string{"overall": "4", "fixed": "yes", "on_time": "no"}, "4, да, нет"},
		{"2 да да да да", map[string]string{"overall": "2", "fixed": "yes", "on_time": "yes", "explained": "yes", "recommend": "yes"}, ""},
		{"5 5 5", map[string]string{"overall": "5 5 5"}, ""},
		{"5 спасибо", map[string]string{"overall": "5"}, ""},
		{"да да", nil, ""},
	} {
		t.Run(tt.text, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				w, contact := asked(t, st)
				ms := w.write(phone, tt.text)
				if got := w.answers(contact); fmt.Sprint(got) != fmt.Sprint(tt.want) && len(got)+len(tt.want) > 0 {
					t.Errorf("answers: %v", got)
				}
				noted := slices.ContainsFunc(ms, func(m channels.Message) bool { return strings.Contains(m.Text, "по порядку: "+tt.told) })
				if tt.told != "" && !noted {
					t.Errorf("not confirmed: %+v", ms)
				}
				if low := strings.HasPrefix(tt.text, "2") || slices.Contains([]string{tt.want["explained"], tt.want["on_time"]}, "no"); low != (len(w.tasks(store.TaskCallback)) == 1) {
					t.Errorf("callbacks: %+v", w.tasks(store.TaskCallback))
				}
			})
		})
	}
}

// TestInquiry: a question during an open survey goes to a person with the clock of a
// written question; nothing is asked again, and a later answer does not settle it.
func TestInquiry(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w, contact := asked(t, st)
		w.one(w.write(phone, "до скольки работаете?"), "Получили Ваш вопрос")
		find := func() store.Task {
			t.Helper()
			ts := w.tasks(store.TaskReview)
			if len(ts) != 1 || ts[0].Reason != callback.ReasonInquiry || ts[0].Words != "до скольки работаете?" {
				t.Fatalf("tasks: %+v", ts)
			}
			return ts[0]
		}
		x := find()
		if in := x.DueAt.Sub(x.OpenedAt); in != 2*time.Hour {
			t.Errorf("due in %v", in)
		}
		w.one(w.write(phone, "5"), "улучшить")
		find()
		if got := w.answers(contact)["overall"]; got != "5" {
			t.Errorf("overall is %q", got)
		}
	})
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w, contact := asked(t, st)
		w.write(phone, "5. А до скольки вы работаете?")
		if ts := w.tasks(store.TaskReview); len(ts) != 1 || ts[0].Reason != callback.ReasonInquiry {
			t.Errorf("beside an answer: %+v", ts)
		}
		if got := w.answers(contact)["overall"]; !strings.HasPrefix(got, "5") {
			t.Errorf("overall is %q", got)
		}
	})
}
