package attachment_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/attachment"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// watch is a clock that is moved by hand.
type watch struct{ moved atomic.Int64 }

func (w *watch) Business() time.Time { return storetest.Now }
func (w *watch) Machine() time.Time  { return storetest.Now.Add(time.Duration(w.moved.Load())) }

// provider answers by what is asked for; each answer is used once, the last stays.
type provider struct {
	mu      sync.Mutex
	answers map[string][]any // string: the content, error: instead of it
	asked   map[string]int
}

func (p *provider) Fetch(ctx context.Context, ref string, w io.Writer) error {
	p.mu.Lock()
	all := p.answers[ref]
	p.asked[ref]++
	if len(all) > 1 {
		p.answers[ref] = all[1:]
	}
	p.mu.Unlock()
	switch x := all[0].(type) {
	case error:
		_, _ = w.Write([]byte("the beginning")) // worth nothing
		return x
	case string:
		_, err := io.Copy(w, bytes.NewReader([]byte(x)))
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

type keeping struct {
	*attachment.Keeper
	t      *testing.T
	watch  *watch
	dealer store.Dealer
	n      int
}

func keep(t *testing.T, st *store.Store, p *provider) *keeping {
	t.Helper()
	p.asked = map[string]int{}
	k := &keeping{t: t, watch: &watch{}, dealer: storetest.Dealer(t, st)}
	k.Keeper = &attachment.Keeper{Store: st, Clock: k.watch, Fetchers: map[channels.Kind]channels.Fetcher{channels.Telegram: p}, Limits: attachment.Limits{Each: 1000, Message: 1500},
		Log: slog.New(slog.DiscardHandler), Changed: func() {}}
	return k
}

// run fetches until the test ends or stop is called.
func (k *keeping) run() (stop func()) {
	ctx, cancel := context.WithCancel(k.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); k.Run(ctx) }()
	stop = func() { cancel(); <-done }
	k.t.Cleanup(stop)
	return stop
}

// message stores one with attachments that are to be fetched.
func (k *keeping) message(ch channels.Kind, as ...store.Attachment) (messageID string) {
	k.t.Helper()
	k.n++
	m := store.Message{ID: k.Store.NewID(), DealerID: k.dealer.ID, Channel: ch, Address: "1", ProviderID: fmt.Sprint("1:", k.n)}
	for i := range as {
		as[i].ID, as[i].MessageID, as[i].Position, as[i].State, as[i].RetryAt = k.Store.NewID(), m.ID, i, store.AttachmentWaiting, k.watch.Machine()
	}
	err := k.Store.Together(k.t.Context(), store.RankPerson, func(g *store.Group) error {
		turn := g.Turn()
		_, err := turn.Receive(k.t.Context(), m, storetest.Now)
		turn.Attach(as, storetest.Now)
		g.Keep(turn)
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return m.ID
}

func (k *keeping) of(messageID string) []store.Attachment {
	k.t.Helper()
	as, err := k.Store.Attachments(k.t.Context(), []string{messageID})
	if err != nil {
		k.t.Fatal(err)
	}
	return as[messageID]
}

// TestKeeper: each way in which a provider answers has its end, after as many attempts as
// it is worth.
func TestKeeper(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		gone := fmt.Errorf("asking: %w", channels.ErrGone)
		broken := &channels.Error{Class: channels.Transient, Err: errors.New("broken")}
		slow := &channels.Error{Class: channels.Throttled, RetryAfter: time.Hour}
		rows := map[string]struct {
			answers []any
			size    int64
			want    store.AttachmentState
			asked   int
		}{
			"content":                 {[]any{"OggS..OpusHead"}, 0, store.AttachmentKept, 1},
			"after failures":          {[]any{broken, broken, "OggS..OpusHead"}, 0, store.AttachmentKept, 3},
			"not there yet":           {[]any{gone, "OggS..OpusHead"}, 0, store.AttachmentKept, 2},
			"gone":                    {[]any{gone}, 0, store.AttachmentGone, 3},
			"empty":                   {[]any{""}, 0, store.AttachmentGone, 3},
			"too large, it says":      {[]any{"x"}, 1001, store.AttachmentTooLarge, 0},
			"too large, provider":     {[]any{fmt.Errorf("asking: %w", channels.ErrTooLarge)}, 0, store.AttachmentTooLarge, 1},
			"too large, as it is had": {[]any{string(make([]byte, 1001))}, 900, store.AttachmentTooLarge, 1},
			"refused":                 {[]any{&channels.Error{Class: channels.Rejected}}, 0, store.AttachmentFailed, 1},
			"slowly":                  {[]any{slow, "OggS..OpusHead"}, 0, store.AttachmentKept, 2},
			"never":                   {[]any{broken}, 0, store.AttachmentFailed, 8},
		}
		p := &provider{answers: map[string][]any{}}
		k := keep(t, st, p)
		messages := map[string]string{}
		for name, row := range rows {
			p.answers[name] = row.answers
			messages[name] = k.message(channels.Telegram, store.Attachment{Name: "voice", Ref: name, Size: row.size})
		}
		other := k.message(channels.Email, store.Attachment{Name: "voice", Ref: "nobody can"})
		k.run()
		for name, row := range rows {
			testserver.Wait(t, name+" has ended", func() bool {
				k.watch.moved.Add(int64(time.Hour))
				k.Wake()
				return k.of(messages[name])[0].State == row.want
			})
			a := k.of(messages[name])[0]
			if row.want == store.AttachmentKept && (a.Type != "audio/ogg" || a.Size != 14) {
				t.Errorf("%s: %+v", name, a)
			}
			content, err := io.ReadAll(st.Content(t.Context(), a))
			if row.want == store.AttachmentKept && (err != nil || string(content) != "OggS..OpusHead") || row.want != store.AttachmentKept && len(content) > 0 {
				t.Errorf("%s: %q, %v", name, content, err)
			}
			p.mu.Lock()
			if p.asked[name] != row.asked {
				t.Errorf("%s: asked %d times, want %d", name, p.asked[name], row.asked)
			}
			p.mu.Unlock()
		}
		testserver.Wait(t, "that of a channel which cannot has ended", func() bool {
			k.watch.moved.Add(int64(time.Hour))
			k.Wake()
			return k.of(other)[0].State == store.AttachmentFailed
		})
	})
}

// TestKeeperPauses: after a failure it is not asked again before its time, nor before the
// provider's.
func TestKeeperPauses(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	p := &provider{answers: map[string][]any{"a": {&channels.Error{Class: channels.Transient}}, "b": {&channels.Error{Class: channels.Throttled, RetryAfter: time.Hour}}}}
	k := keep(t, st, p)
	a, b := k.message(channels.Telegram, store.Attachment{Name: "a", Ref: "a"}), k.message(channels.Telegram, store.Attachment{Name: "b", Ref: "b"})
	k.run()
	for id, want := range map[string]time.Duration{a: 10 * time.Second, b: time.Hour} {
		testserver.Wait(t, "it was asked", func() bool { x := k.of(id)[0]; return x.Tries == 1 && x.RetryAt.Equal(storetest.Now.Add(want)) })
	}
}

// TestKeeperSum: attachments of one message share a limit, in their order.
func TestKeeperSum(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	large, small := string(make([]byte, 800)), string(make([]byte, 600))
	k := keep(t, st, &provider{answers: map[string][]any{"l": {large}, "s": {small}}})
	id := k.message(channels.Telegram, store.Attachment{Name: "1", Ref: "l"}, store.Attachment{Name: "2", Ref: "l"}, store.Attachment{Name: "3", Ref: "s"})
	k.run()
	testserver.Wait(t, "all have ended", func() bool {
		as := k.of(id)
		return as[0].State == store.AttachmentKept && as[1].State == store.AttachmentTooLarge && as[2].State == store.AttachmentKept
	})
}

// TestKeeperStops: one that is under way when the program stops is begun anew by the next.
func TestKeeperStops(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	p := &provider{answers: map[string][]any{"a": {nil, "content"}}}
	k := keep(t, st, p)
	id := k.message(channels.Telegram, store.Attachment{Name: "a", Ref: "a"})
	stop := k.run()
	testserver.Wait(t, "it is under way", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.asked["a"] == 1 })
	stop()
	next := keep(t, st, &provider{answers: map[string][]any{"a": {"content"}}})
	next.run()
	testserver.Wait(t, "the next has fetched it", func() bool { return k.of(id)[0].State == store.AttachmentKept })
}

// TestKeeperDropsStaged: a content whose message never came is removed.
func TestKeeperDropsStaged(t *testing.T) {
	st := storetest.Open(t, "sqlite")
	k := keep(t, st, &provider{})
	_, err := st.Stage(t.Context(), store.Attachment{Name: "x"}, []byte("x"), storetest.Now, storetest.Now.Add(-store.StagedFor))
	if err != nil {
		t.Fatal(err)
	}
	k.run()
	testserver.Wait(t, "it is gone", func() bool {
		due, err := st.DueAttachments(t.Context(), storetest.Now, 9)
		return err == nil && len(due) == 0
	})
}

func TestType(t *testing.T) {
	for head, want := range map[string]string{
		"\xff\xd8\xff\xe0\x00\x10JFIF": "image/jpeg",
		"\x89PNG\r\n\x1a\n....":        "image/png",
		"GIF89a....":                   "image/gif",
		"RIFF....WEBPVP8 ":             "image/webp",
		"RIFF....WAVEfmt ":             "audio/wav",
		"OggS\x00\x02..............\x01\x13OpusHead\x01\x01": "audio/ogg",
		"OggS\x00\x02..............\x01\x1e\x01vorbis":       "audio/ogg",
		"OggS\x00\x02..............\x01\x2a\x80theora":       "application/ogg",
		"ID3\x04\x00....":                          "audio/mpeg",
		"\xff\xfb\x90\x44":                         "audio/mpeg",
		"\xff\xf1\x50\x80":                         "audio/aac",
		"\x00\x00\x00\x20ftypM4A \x00":             "audio/mp4",
		"\x00\x00\x00\x20ftypisom\x00":             "video/mp4",
		"\x00\x00\x00\x14ftypqt  \x00":             "video/quicktime",
		"\x00\x00\x00\x14ftyp3gp4\x00":             "video/3gpp",
		"\x00\x00\x00\x18ftypheic\x00":             "image/heic",
		"\x1a\x45\xdf\xa3....B\x82\x84webm":        "video/webm",
		"\x1a\x45\xdf\xa3....B\x82\x88matroska":    "video/x-matroska",
		"#!AMR\n":                                  "audio/amr",
		"%PDF-1.7":                                 "application/pdf",
		"<svg xmlns='http://www.w3.org/2000/svg'>": "text/plain",
		"<?xml version='1.0'?><svg>":               "text/xml",
		"<!doctype html><script>":                  "text/html",
		"\xff\xd8\xff<script>alert(1)</script>":    "image/jpeg", // and never looked at again
		"":                                         "text/plain",
		"MZ\x90\x00":                               "application/octet-stream",
	} {
		if got := attachment.Type([]byte(head)); got != want {
			t.Errorf("%q: %s, want %s", head, got, want)
		}
	}
	for _, kind := range []string{"image/svg+xml", "text/html", "text/xml", "application/pdf", "image/heic", "audio/amr", "video/3gpp", ""} {
		if got := attachment.Shown(kind); got != "" {
			t.Errorf("%s is shown as %s", kind, got)
		}
	}
	if attachment.Shown("image/jpeg") != "image" || attachment.Shown("audio/ogg") != "audio" || attachment.Shown("video/mp4") != "video" {
		t.Error("what is to be shown is not")
	}
}
