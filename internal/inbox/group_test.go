package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/inbox"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/survey"
)

func text(id, phone, words string) channels.Inbound {
	return channels.Inbound{Channel: channels.SMS, ProviderID: id, From: phone, To: from, Text: words}
}

func crowdPhone(i int) string { return fmt.Sprintf("+7900000%04d", 2000+i) }

// crowd asks n people.
func (w *world) crowd(n int) {
	w.t.Helper()
	for i := range n {
		w.visit(fmt.Sprint("crowd-", i), fmt.Sprint("Клиент ", i), crowdPhone(i), 25*time.Hour)
	}
	if ms := w.send(); len(ms) != n {
		w.t.Fatalf("%d of %d were asked", len(ms), n)
	}
}

// TestCrowd: many answer at once; each is understood, answered and called back as if
// he were alone.
func TestCrowd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		const n = 40
		w := newWorld(t, st)
		w.crowd(n)
		says := []string{"5", "2. стук остался", "СТОП", "4 Олег молодец, но долго ждал"}
		var wg sync.WaitGroup
		for i := range n {
			in := text(fmt.Sprint("SM", i), crowdPhone(i), says[i%len(says)])
			wg.Go(func() {
				if err := w.in.Handle(t.Context(), channels.Event{Inbound: &in}, nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if ms := w.rest(); len(ms) != n {
			t.Errorf("%d answers for %d people", len(ms), n)
		}
		cb := w.tasks(store.TaskCallback)
		numbers := map[int64]bool{}
		for _, x := range cb {
			numbers[x.Number] = true
		}
		if len(cb) != n/4 || len(numbers) != n/4 {
			t.Errorf("%d callbacks with %d numbers for %d unhappy people", len(cb), len(numbers), n/4)
		}
		rs, err := st.ListResponses(t.Context(), store.Filter{DealerID: w.Dealer.ID})
		if err != nil || len(rs) != n*3/4 {
			t.Errorf("%d responses, %v", len(rs), err)
		}
		for i := range n {
			stopped, err := st.Suppressions(t.Context(), []string{crowdPhone(i)}, w.Clock.Business())
			if err != nil || slices.ContainsFunc(stopped, func(s store.Suppression) bool { return s.Purpose == store.AllPurposes }) != (i%4 == 2) {
				t.Errorf("person %d: suppressions %+v, %v", i, stopped, err)
			}
		}
	})
}

// TestGroup: in one group an event that fails, one that came before, two of one
// person and two of one id keep to themselves; the others are carried out.
func TestGroup(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		ctx := t.Context()
		w.crowd(5)
		bad := w.visit("bad", "Клиент с чужой анкетой", crowdPhone(99), time.Hour)
		must(t, st.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
			return tx.OpenConversation(ctx, store.Conversation{ID: st.NewID(), DealerID: w.Dealer.ID, ContactID: bad, Survey: "after-service", SurveyVersion: 99, Locale: "ru", Channel: channels.SMS,
				Address: crowdPhone(99), State: store.ConversationOpen, Position: "{}", Token: "bad"}, w.Clock.Business())
		}))
		w.in.Version = func(_ context.Context, id string, version int) (*survey.Definition, error) {
			if version == 99 {
				return nil, errors.New("nobody knows this version")
			}
			d, _ := w.Survey(id)
			return d, nil
		}
		w.hand(text("SM0", crowdPhone(0), "5"))
		got := w.in.TakeTogether(ctx,
			text("SM1", crowdPhone(1), "2. стук остался"),
			text("SM0", crowdPhone(0), "5"),                // came before
			text("SM2", crowdPhone(99), "5"),               // fails
			text("SM3", crowdPhone(1), "и скрип в салоне"), // the first one's second
			text("SM5", crowdPhone(2), "4"))
		// A stranger's, twice: it shows when the group is written.
		got = append(got, w.in.TakeTogether(ctx, text("SM4", "+79990000001", "Сколько стоит ТО?"), text("SM6", crowdPhone(3), "4"), text("SM4", "+79990000001", "Сколько стоит ТО?"))...)
		for i, want := range []error{nil, inbox.ErrReplay, nil, nil, nil, nil, nil, inbox.ErrReplay} {
			if i == 2 {
				if got[i] == nil || errors.Is(got[i], inbox.ErrReplay) {
					t.Errorf("the event that fails: %v", got[i])
				}
				continue
			}
			if !errors.Is(got[i], want) || want == nil && got[i] != nil {
				t.Errorf("event %d: %v, want %v", i, got[i], want)
			}
		}
		cb := w.tasks(store.TaskCallback)
		if len(cb) != 1 || !strings.Contains(cb[0].Words, "стук остался\nи скрип") {
			t.Errorf("callbacks: %+v", cb)
		}
		un, err := st.Unassigned(ctx, w.Dealer.ID, 10)
		if err != nil || len(un) != 1 {
			t.Errorf("of nobody we know: %+v, %v", un, err)
		}
		if ms, err := st.MessagesOf(ctx, bad, 10); err != nil || len(ms) != 0 {
			t.Errorf("the event that failed left %+v, %v", ms, err)
		}
	})
}

// TestTwoNodes: two nodes get two replies of one person at the same moment, and each
// of them the same event; nothing is lost, doubled or refused.
func TestTwoNodes(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			const n = 12
			url := storetest.FreshURL(t, engine)
			w := newWorld(t, storetest.OpenURL(t, url))
			w.crowd(n)
			other := &inbox.Inbox{Store: storetest.OpenURL(t, url), Clock: w.in.Clock, Roster: w.in.Roster, Parser: w.in.Parser, Survey: w.in.Survey, Drafter: w.in.Drafter, Copies: w.in.Copies,
				Log: w.in.Log, Wake: w.in.Wake, Changed: w.in.Changed}
			var wg sync.WaitGroup
			for i := range n {
				for k, node := range []*inbox.Inbox{w.in, other} {
					own, same := text(fmt.Sprint("SM", i, "-", k), crowdPhone(i), "2. стук остался"), text(fmt.Sprint("SM", i), crowdPhone(i), "и скрип")
					wg.Go(func() {
						for _, in := range []channels.Inbound{own, same} {
							if err := node.Handle(t.Context(), channels.Event{Inbound: &in}, nil); err != nil {
								t.Error(err)
							}
						}
					})
				}
			}
			wg.Wait()
			cb := w.tasks(store.TaskCallback)
			if len(cb) != n {
				t.Errorf("%d callbacks for %d people", len(cb), n)
			}
			for _, x := range cb {
				if strings.Count(x.Words, "скрип") != 1 || strings.Count(x.Words, "стук") != 2 {
					t.Errorf("words: %q", x.Words)
				}
			}
		})
	}
}

// TestReportsTogether: reports of one group count one after the other.
func TestReportsTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		ctx := t.Context()
		w.crowd(3)
		ids := make([]string, 3)
		for i := range ids {
			ms, err := st.ListMessages(ctx, store.Filter{DealerID: w.Dealer.ID, Address: crowdPhone(i)})
			if err != nil || len(ms) != 1 {
				t.Fatalf("messages: %+v, %v", ms, err)
			}
			ids[i] = ms[0].ID
		}
		r := func(i int, s channels.State) channels.Report {
			return channels.Report{Channel: channels.SMS, MessageID: ids[i], State: s, Address: crowdPhone(i)}
		}
		dead := r(2, channels.StateUndelivered)
		dead.Class, dead.Reason = channels.Unreachable, channels.ReasonDead
		nobodys := channels.Report{Channel: channels.SMS, MessageID: st.NewID(), ProviderID: "SMunknown", State: channels.StateDelivered}
		got, err := w.in.HeedTogether(ctx, r(0, channels.StateSent), r(1, channels.StateDelivered), r(0, channels.StateDelivered), r(1, channels.StateSent), r(1, channels.StateDelivered), nobodys, dead)
		want := []string{"report_repeated", "report", "report", "report_repeated", "report_repeated", "report_unknown", "report"}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("reports: %v, %v, want %v", got, err, want)
		}
		for i, state := range []channels.State{channels.StateDelivered, channels.StateDelivered, channels.StateUndelivered} {
			if m, err := st.Message(ctx, ids[i]); err != nil || string(m.State) != string(state) || m.DoneAt.IsZero() {
				t.Errorf("message %d: %+v, %v", i, m, err)
			}
		}
		if stopped, err := st.Suppressions(ctx, []string{crowdPhone(2)}, w.Clock.Business()); err != nil || len(stopped) != 1 {
			t.Errorf("a dead number: %+v, %v", stopped, err)
		}
	})
}
