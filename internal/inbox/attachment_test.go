package inbox_test

import (
	"fmt"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestFilesWithoutWords: who sends a photo or a voice note is told once that it has come,
// unless somebody speaks with him; its kind does not stand as his words.
func TestFilesWithoutWords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		w.send()
		photo := func(sid, from string) []channels.Message {
			in := text(sid, from, "")
			in.Attachments = []string{"photo", "voice"}
			w.hand(in)
			return w.rest()
		}
		w.one(photo("MM1", phone), "получили и передали сотруднику")
		if ms := photo("MM2", phone); len(ms) != 0 {
			t.Errorf("told twice: %+v", ms)
		}
		if ms := photo("MM3", "+79000000199"); len(ms) != 0 {
			t.Errorf("a stranger is told: %+v", ms)
		}
		if ts := w.tasks(store.TaskReview); len(ts) != 1 || ts[0].Words != "[photo, voice]\n[photo, voice]" {
			t.Fatalf("tasks: %+v", ts)
		}
		// A question of his is answered as ever, and the survey goes on.
		w.one(w.write(phone, "5"), "Спасибо за оценку")
		w.forward(time.Minute)
		// Another, with whom somebody speaks.
		w.visit("1002", "Петров Пётр Петрович", "+79000000102", 25*time.Hour)
		w.send()
		w.write("+79000000102", "2. стучит")
		if err := w.desk.Claim(t.Context(), w.tasks(store.TaskCallback)[0].ID, w.maria); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			if ms := photo(fmt.Sprint("MM", 4+i), "+79000000102"); len(ms) != 0 {
				t.Errorf("somebody speaks with him, and he is told: %+v", ms)
			}
		}
	})
}
