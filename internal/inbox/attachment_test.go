package inbox_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/attachment"
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
			in.Attachments = []channels.Attachment{{Name: "photo"}, {Name: "voice"}}
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

// TestAttachmentsKept: with the message is kept what is needed to fetch what came beside
// it, or the content where that came along; within the limits, once, and not of mails that
// nobody wrote.
func TestAttachmentsKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		w.in.Limits = attachment.Limits{Each: 20, Message: 30}
		woken := 0
		w.in.Fetch = func() { woken++ }
		for name, row := range map[string]struct {
			give channels.Inbound
			want string
			wake int
		}{
			"to be fetched": {channels.Inbound{Attachments: []channels.Attachment{{Name: "voice", Ref: "f1", Type: "audio/ogg", Size: 9}, {Name: "dice"}, {Name: "photo", Ref: "f2"}}},
				"0 voice waiting audio/ogg f1 9 ; 2 photo waiting  f2 0 ", 1},
			"too large to be fetched": {channels.Inbound{Attachments: []channels.Attachment{{Name: "video", Ref: "f1", Size: 21}}}, "0 video too_large  f1 21 ", 0},
			"a place":                 {channels.Inbound{Attachments: []channels.Attachment{{Name: "location", Place: "1,2"}}}, "0 location place   0 1,2", 0},
			"came along": {channels.Inbound{Attachments: []channels.Attachment{{Name: "a.jpg", Type: "text/html", Content: []byte("\xff\xd8\xff..."), Size: 6}, {Name: "b.txt", Content: []byte("hello"), Size: 5}}},
				"0 a.jpg kept image/jpeg  6 ; 1 b.txt kept text/plain  5 ", 0},
			"too large":           {channels.Inbound{Attachments: []channels.Attachment{{Name: "a", Content: make([]byte, 21), Size: 21}}}, "0 a too_large   21 ", 0},
			"too large together":  {channels.Inbound{Attachments: []channels.Attachment{{Name: "a", Content: make([]byte, 20), Size: 20}, {Name: "b", Content: make([]byte, 11), Size: 11}}}, "0 a kept application/octet-stream  20 ; 1 b too_large   11 ", 0},
			"not read to its end": {channels.Inbound{Attachments: []channels.Attachment{{Name: "a", Cut: true}}}, "0 a too_large   0 ", 0},
			"automatic":           {channels.Inbound{Automatic: true, Attachments: []channels.Attachment{{Name: "a", Content: []byte("a"), Size: 1}}}, "", 0},
			"edited":              {channels.Inbound{EditOf: "x", Text: "better words", Attachments: []channels.Attachment{{Name: "photo", Ref: "f1"}}}, "", 0},
			"a long name":         {channels.Inbound{Attachments: []channels.Attachment{{Name: strings.Repeat("я", 300), Ref: "f"}}}, "0 " + strings.Repeat("я", 200) + "… waiting  f 0 ", 1},
		} {
			t.Run(name, func(t *testing.T) {
				in := row.give
				in.Channel, in.ProviderID, in.From, in.To = channels.SMS, name, "+79000000500", from
				woken = 0
				for range 2 { // a provider repeats itself
					w.hand(in)
				}
				var m store.Message
				err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) (err error) {
					m, err = tx.MessageByProvider(t.Context(), channels.SMS, store.In, name)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				as, err := st.Attachments(t.Context(), []string{m.ID})
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for i, a := range as[m.ID] {
					got = append(got, fmt.Sprintln(a.Position, a.Name, a.State, a.Type, a.Ref, a.Size, a.Place))
					if a.State == store.AttachmentKept {
						b, err := io.ReadAll(st.Content(t.Context(), a))
						if err != nil || string(b) != string(in.Attachments[i].Content) {
							t.Errorf("%q, %v", b, err)
						}
					}
				}
				if s := strings.ReplaceAll(strings.Join(got, "; "), "\n", ""); s != row.want {
					t.Errorf("%q, want %q", s, row.want)
				}
				if woken != row.wake {
					t.Errorf("woken %d times", woken)
				}
			})
		}
		if due, err := st.DueAttachments(t.Context(), w.Clock.Machine().Add(2*store.StagedFor), 99); err != nil || len(due) != 3 {
			t.Errorf("what replays brought is still there: %+v, %v", due, err)
		}
	})
}
