package store_test

import (
	"bytes"
	"database/sql"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"time"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// receive stores an inbound message with what came beside it; content nil leaves it to be
// fetched.
func receive(t testing.TB, st *store.Store, m store.Message, a store.Attachment, content []byte) store.Attachment {
	t.Helper()
	ctx := t.Context()
	m.ID, a.ID = st.NewID(), st.NewID()
	a.State, a.RetryAt = store.AttachmentWaiting, now
	if content != nil {
		var err error
		a, err = st.Stage(ctx, a, content, now, now)
		must(t, err)
	}
	a.MessageID = m.ID
	must(t, st.Together(ctx, store.RankPerson, func(g *store.Group) error {
		turn := g.Turn()
		_, err := turn.Receive(ctx, m, now)
		must(t, err)
		turn.Attach([]store.Attachment{a}, now)
		g.Keep(turn)
		return nil
	}))
	got, _, err := st.Attachment(ctx, a.ID)
	must(t, err)
	return got
}

// long is a content of three parts, the last of which is short.
func long() []byte {
	b := make([]byte, 2*store.PartSize+1000)
	for i := range b {
		b[i] = byte(i * i >> 8)
	}
	return b
}

// TestAttachmentContent: a content that came with its message is there with it, and is
// read from any place.
func TestAttachmentContent(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		d := storetest.Dealer(t, st)
		a := receive(t, st, store.Message{DealerID: d.ID, Channel: channels.Email, Address: "a@example.org", ProviderID: "1"}, store.Attachment{Name: "door.jpg", Type: "image/jpeg"}, long())
		if a.State != store.AttachmentKept || a.Size != int64(len(long())) || a.Type != "image/jpeg" || !a.RetryAt.IsZero() {
			t.Errorf("%+v", a)
		}
		if err := iotest.TestReader(st.Content(t.Context(), a), long()); err != nil {
			t.Error(err)
		}
		r := st.Content(t.Context(), a)
		_, err := r.Seek(-1500, io.SeekEnd)
		must(t, err)
		if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, long()[len(long())-1500:]) {
			t.Errorf("the end: %d bytes, %v", len(b), err)
		}
		if n := there(t, db, "select cast(number as text) from attachment_part"); len(n) != 3 {
			t.Errorf("parts %v", n)
		}
		as, err := st.Attachments(t.Context(), []string{a.MessageID, st.NewID()})
		if err != nil || len(as) != 1 || len(as[a.MessageID]) != 1 {
			t.Errorf("%+v, %v", as, err)
		}
		must(t, st.DropParts(t.Context(), a.ID))
		if _, err := io.ReadAll(st.Content(t.Context(), a)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a content that was removed: %v", err)
		}
	})
}

// TestStaged: a content whose message does not come is nobody's, and is removed later; the
// message that would have it is not stored without it.
func TestStaged(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		a, err := st.Stage(ctx, store.Attachment{Name: "x"}, long(), now, now)
		must(t, err)
		if _, _, err := st.Attachment(ctx, a.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("it can be read before its message is there: %v", err)
		}
		if due, err := st.DueAttachments(ctx, now.Add(store.StagedFor-time.Second), 9); err != nil || len(due) != 0 {
			t.Errorf("given up too early: %+v, %v", due, err)
		}
		due, err := st.DueAttachments(ctx, now.Add(store.StagedFor), 9)
		if err != nil || len(due) != 1 || due[0].MessageID != "" {
			t.Fatalf("%+v, %v", due, err)
		}
		must(t, st.DropStaged(ctx, a.ID))
		m := store.Message{ID: st.NewID(), DealerID: d.ID, Channel: channels.Email, Address: "a@example.org", ProviderID: "1"}
		a.MessageID = m.ID
		err = st.Together(ctx, store.RankPerson, func(g *store.Group) error {
			turn := g.Turn()
			_, err := turn.Receive(ctx, m, now)
			turn.Attach([]store.Attachment{a}, now)
			g.Keep(turn)
			return err
		})
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("a message without its content: %v", err)
		}
		for _, table := range []string{"message", "attachment", "attachment_part"} {
			if rows := there(t, db, "select cast(id as text) from "+table); len(rows) != 0 {
				t.Errorf("%s has %d rows", table, len(rows))
			}
		}
		// One that has found its message stays.
		a = receive(t, st, m, store.Attachment{Name: "x"}, []byte("x"))
		must(t, st.DropStaged(ctx, a.ID))
		if b, err := io.ReadAll(st.Content(ctx, a)); err != nil || string(b) != "x" {
			t.Errorf("%q, %v", b, err)
		}
	})
}

// TestTakeAttachment: one holds it at a time, and who has lost it writes nothing.
func TestTakeAttachment(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		a := receive(t, st, store.Message{DealerID: d.ID, Channel: channels.Telegram, Address: "1", ProviderID: "1:1"}, store.Attachment{Name: "voice", Ref: "f"}, nil)
		first, err := st.TakeAttachment(ctx, a, now.Add(time.Minute))
		must(t, err)
		if _, err := st.TakeAttachment(ctx, a, now.Add(time.Minute)); !errors.Is(err, store.ErrConflict) {
			t.Errorf("taken twice: %v", err)
		}
		must(t, st.AddPart(ctx, first, 0, []byte("old"), now.Add(time.Minute), now))
		if due, err := st.DueAttachments(ctx, now.Add(time.Minute-1000), 9); err != nil || len(due) != 0 {
			t.Errorf("due while it is held: %+v, %v", due, err)
		}
		due, err := st.DueAttachments(ctx, now.Add(time.Minute), 9)
		if err != nil || len(due) != 1 || due[0].Tries != 1 {
			t.Fatalf("%+v, %v", due, err)
		}
		second, err := st.TakeAttachment(ctx, due[0], now.Add(2*time.Minute))
		must(t, err)
		must(t, st.DropParts(ctx, a.ID))
		first.State = store.AttachmentGone
		if err := st.AddPart(ctx, first, 0, []byte("late"), now.Add(time.Hour), now); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a part of who has lost it: %v", err)
		}
		if err := st.EndAttachment(ctx, first); !errors.Is(err, store.ErrConflict) {
			t.Errorf("the word of who has lost it: %v", err)
		}
		must(t, st.AddPart(ctx, second, 0, []byte("new"), now.Add(time.Minute), now))
		second.State, second.Size, second.RetryAt = store.AttachmentKept, 3, time.Time{}
		must(t, st.EndAttachment(ctx, second))
		got, _, err := st.Attachment(ctx, a.ID)
		must(t, err)
		if b, err := io.ReadAll(st.Content(ctx, got)); err != nil || string(b) != "new" || got.State != store.AttachmentKept {
			t.Errorf("%q, %v, %+v", b, err, got)
		}
		if n, err := st.KeptBytes(ctx, a.MessageID); err != nil || n != 3 {
			t.Errorf("kept %d, %v", n, err)
		}
	})
}

// BenchmarkParts tells how long a part holds the database's lock while it is written and
// while it is removed, at the length of parts that is used.
func BenchmarkParts(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			st := storetest.Open(b, engine)
			d := storetest.Dealer(b, st)
			a := receive(b, st, store.Message{DealerID: d.ID, Channel: channels.Telegram, Address: "1", ProviderID: "1:1"}, store.Attachment{Name: "voice", Ref: "f"}, nil)
			a, err := st.TakeAttachment(b.Context(), a, now)
			must(b, err)
			part := long()[:store.PartSize]
			var longest, dropped time.Duration
			for n := 0; b.Loop(); n++ {
				began := time.Now()
				must(b, st.AddPart(b.Context(), a, n, part, now, now))
				written := time.Now()
				must(b, st.DropParts(b.Context(), a.ID))
				longest, dropped = max(longest, written.Sub(began)), max(dropped, time.Since(written))
			}
			b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest-write")
			b.ReportMetric(float64(dropped.Microseconds())/1000, "ms-longest-drop")
		})
	}
}
