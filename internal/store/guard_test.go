package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestSettle: only the holder of a claim decides, with a decision row and the task
// in one transaction.
func TestSettle(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		plan(t, st, d, 3)
		first, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 3, now, now, time.Minute)
		must(t, err)
		second, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 3, now, now.Add(2*time.Minute), time.Minute)
		must(t, err)
		task := func(o store.Outreach) *store.Task {
			return &store.Task{DealerID: d.ID, Kind: store.TaskSurveyCall, ContactID: o.ContactID, OutreachID: o.ID, DueAt: now}
		}
		settle := func(os []store.Outreach) {
			t.Helper()
			must(t, st.Settle(ctx, []store.Verdict{
				{Outreach: os[0], State: outreach.Held, Verdict: "hold", Rule: "cap", Until: now.Add(time.Hour)},
				{Outreach: os[1], State: outreach.Dropped, Verdict: "drop", Rule: "too_late"},
				{Outreach: os[2], State: outreach.Done, Verdict: "task", Rule: "phone_step", Task: task(os[2])}}, now))
		}
		settle(first)
		f := store.Filter{DealerID: d.ID}
		if ds, err := st.ListDecisions(ctx, f); err != nil || len(ds) != 0 {
			t.Errorf("a lost claim decided: %+v, %v", ds, err)
		}
		if ts, err := st.Tasks(ctx, store.TaskFilter{DealerID: d.ID}); err != nil || len(ts) != 0 {
			t.Errorf("a lost claim opened a task: %+v, %v", ts, err)
		}
		settle(second)
		settle(second) // the claim is spent
		ds, err := st.ListDecisions(ctx, f)
		if err != nil || len(ds) != 3 {
			t.Errorf("decisions = %+v, %v", ds, err)
		}
		for i, want := range []outreach.State{outreach.Held, outreach.Dropped, outreach.Done} {
			o, err := st.OutreachByID(ctx, second[i].ID)
			if err != nil || o.State != want || o.ClaimToken != "" {
				t.Errorf("outreach %d = %+v, %v", i, o, err)
			}
		}
		if due, err := st.NextDue(ctx); err != nil || !due.Equal(now.Add(time.Hour)) {
			t.Errorf("next due %s, %v", due, err)
		}
		if os, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 3, now.Add(time.Hour), now.Add(time.Hour), time.Minute); err != nil || len(os) != 1 || os[0].ID != second[0].ID {
			t.Errorf("after the hold: %+v, %v", os, err)
		}
	})
}

// TestUnclaim hands back what was not begun, and nothing else.
func TestUnclaim(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		plan(t, st, storetest.Dealer(t, st), 2)
		os, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 2, now, now, time.Minute)
		must(t, err)
		_, err = st.Begin(ctx, []store.Begun{begun(st, os[0])}, now, now, time.Minute)
		must(t, err)
		must(t, st.Unclaim(ctx, os))
		again, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 2, now, now, time.Minute)
		if err != nil || len(again) != 1 || again[0].ID != os[1].ID {
			t.Errorf("handed back %+v, %v", again, err)
		}
	})
}

// TestFactsOfThePast: what was sent and said counts from when on it is asked for, what
// failed or was a mere answer does not.
func TestFactsOfThePast(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		plan(t, st, d, 2)
		os, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 2, now, now, time.Minute)
		must(t, err)
		a, b := begun(st, os[0]), begun(st, os[1])
		_, err = st.Begin(ctx, []store.Begun{a, b}, now, now, time.Minute)
		must(t, err)
		_, err = st.Record(ctx, []store.Result{{Message: a.Message, Receipt: channels.Receipt{ProviderID: "A"}, Transition: outreach.Next(outreach.Attempt{}, nil, now), At: now.Add(time.Minute)},
			{Message: b.Message, Err: &channels.Error{Class: channels.Rejected}, Transition: outreach.Transition{State: outreach.Failed, Spent: true}, At: now}}, now)
		must(t, err)
		inTx(t, st, func(tx *store.Tx) error {
			// An answer to the person's own message is never counted.
			must(t, tx.Queue(ctx, []store.Message{{DealerID: d.ID, ContactID: os[0].ContactID, Channel: channels.SMS, Address: "+79", Purpose: outreach.Answer, Text: "!"}}, now))
			task, err := tx.OpenTask(ctx, store.Task{DealerID: d.ID, Kind: store.TaskCallback, ContactID: os[0].ContactID, DueAt: now}, now)
			must(t, err)
			must(t, tx.AddStep(ctx, store.Step{TaskID: task.ID, Kind: "no_answer"}, now.Add(2*time.Hour)))
			return tx.AddStep(ctx, store.Step{TaskID: task.ID, Kind: "reached"}, now.Add(time.Hour))
		})
		ids := []string{os[0].ContactID, os[1].ContactID}
		w := store.Wanted{Contacts: append(ids, st.NewID()), Calls: ids, Since: now.Add(-time.Hour), Now: now}
		f, err := st.Facts(ctx, w)
		must(t, err)
		if s := f.Sent[ids[0]]; len(s) != 1 || s[0].Purpose != outreach.Survey || !s[0].At.Equal(now.Add(time.Minute)) || len(f.Sent[ids[1]]) != 0 {
			t.Errorf("sent = %+v", f.Sent)
		}
		if len(f.Spoke) != 1 || !f.Spoke[ids[0]].Equal(now.Add(time.Hour)) {
			t.Errorf("spoke = %v", f.Spoke)
		}
		if len(f.Written) != 2 || !f.Written[ids[0]] || !f.Written[ids[1]] {
			t.Errorf("written to: %v", f.Written)
		}
		w.Since = now.Add(time.Hour)
		if f, err := st.Facts(ctx, w); err != nil || len(f.Sent) != 0 || len(f.Written) != 2 {
			t.Errorf("before the window: %+v, %v", f, err)
		}
	})
}

func TestSuppressions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		a := "+79000000001"
		stand := func(at time.Time) []string {
			t.Helper()
			xs, err := st.Suppressions(ctx, []string{a, "+79000000002"}, at)
			must(t, err)
			out := []string{}
			for _, x := range xs {
				out = append(out, fmt.Sprint(x.Channel, " ", x.Purpose, " ", x.Reason))
			}
			slices.Sort(out)
			return out
		}
		want := func(at time.Time, want ...string) {
			t.Helper()
			if got := stand(at); !slices.Equal(got, want) {
				t.Errorf("at %s: %q, want %q", at, got, want)
			}
		}
		suppressed := func() (yes bool) {
			inTx(t, st, func(tx *store.Tx) error {
				var err error
				yes, err = tx.Suppressed(ctx, channels.SMS, a)
				return err
			})
			return yes
		}
		inTx(t, st, func(tx *store.Tx) error {
			for _, x := range []store.Suppression{{Purpose: store.AllPurposes, Reason: store.OptedOut}, {Purpose: "ad", Reason: store.OptedOut}, {Purpose: store.AllPurposes, Reason: "dead", Until: now.AddDate(0, 0, 180)}} {
				x.Channel, x.Address, x.At = channels.SMS, a, now
				must(t, tx.Suppress(ctx, x))
				must(t, tx.Suppress(ctx, x)) // a second STOP changes nothing
			}
			return tx.Suppress(ctx, store.Suppression{Channel: channels.Email, Address: "a@example.org", Purpose: store.AllPurposes, Reason: store.OptedOut, At: now})
		})
		want(now, "sms ad opted_out", "sms all dead", "sms all opted_out")
		// The bounce decays, the opt-out never does.
		want(now.AddDate(1, 0, 0), "sms ad opted_out", "sms all opted_out")
		if !suppressed() {
			t.Error("opted out, yet not suppressed")
		}
		inTx(t, st, func(tx *store.Tx) error {
			if n, err := tx.Unsuppress(ctx, channels.SMS, a); err != nil || n != 1 {
				t.Errorf("START lifted %d, %v", n, err)
			}
			if n, err := tx.Unsuppress(ctx, channels.SMS, a); err != nil || n != 0 {
				t.Errorf("a second START lifted %d, %v", n, err)
			}
			return nil
		})
		want(now, "sms ad opted_out", "sms all dead") // never ads
		if suppressed() {
			t.Error("what decays is not for good")
		}
		inTx(t, st, func(tx *store.Tx) error { return tx.Lift(ctx, channels.SMS, a, "dead") })
		want(now, "sms ad opted_out")
	})
}

func TestCancelWaiting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		ids := make([]string, 3)
		queue := func(i int, ch channels.Kind, to string) {
			ids[i] = st.NewID()
			inTx(t, st, func(tx *store.Tx) error {
				return tx.Queue(ctx, []store.Message{{ID: ids[i], DealerID: d.ID, Channel: ch, Address: to, Purpose: outreach.Answer, Text: "!"}}, now)
			})
		}
		queue(0, channels.SMS, "+79")
		claim, err := storetest.ClaimMessages(ctx, st, st.NewID(), 9, now, now, time.Minute)
		must(t, err)
		queue(1, channels.SMS, "+78")
		queue(2, channels.Telegram, "+79")
		plan(t, st, d, 1) // and one to the same address that is on its way
		os, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 1, now, now, time.Minute)
		must(t, err)
		away := begun(st, os[0])
		_, err = st.Begin(ctx, []store.Begun{away}, now, now, time.Minute)
		must(t, err)
		inTx(t, st, func(tx *store.Tx) error { return tx.CancelWaiting(ctx, channels.SMS, "+79", store.OptedOut, now) })
		if m, err := st.Message(ctx, away.Message.ID); err != nil || m.State != outreach.Sending || m.ClaimToken == "" {
			t.Errorf("a message on its way: %+v, %v", m, err)
		}
		for i, want := range []outreach.MessageState{outreach.Canceled, outreach.Queued, outreach.Queued} {
			if m, err := st.Message(ctx, ids[i]); err != nil || m.State != want {
				t.Errorf("message %d: %s, %v", i, m.State, err)
			}
		}
		// Its holder has not begun it: too late now.
		if ok, err := st.Begin(ctx, []store.Begun{{Message: claim[0]}}, now, now, time.Minute); err != nil || len(ok) != 0 {
			t.Errorf("a canceled message began: %v, %v", ok, err)
		}
	})
}

// TestQueue walks a queued message through defer, claim in order of urgency, and
// cancel, each only by its holder.
func TestQueue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		inTx(t, st, func(tx *store.Tx) error {
			return tx.Queue(ctx, []store.Message{{DealerID: d.ID, Channel: channels.SMS, Address: "+79", Purpose: outreach.Survey, Priority: 3, Text: "later"},
				{DealerID: d.ID, Channel: channels.SMS, Address: "+79", Purpose: outreach.Answer, Priority: 0, Text: "first", Buttons: [][]channels.Button{{{Label: "5", Data: "5"}}}, Options: store.MessageOptions{Farewell: true}},
				{DealerID: d.ID, Channel: channels.SMS, Address: "+79", Purpose: outreach.Answer, Text: "tomorrow", DueAt: now.Add(24 * time.Hour)}}, now)
		})
		ms, err := storetest.ClaimMessages(ctx, st, st.NewID(), 9, now, now, time.Minute)
		if err != nil || len(ms) != 2 || ms[0].Text != "first" || !ms[0].Options.Farewell || ms[0].Buttons[0][0].Data != "5" {
			t.Fatalf("claimed %+v, %v", ms, err)
		}
		if none, err := storetest.ClaimMessages(ctx, st, st.NewID(), 9, now, now, time.Minute); err != nil || len(none) != 0 {
			t.Errorf("claimed twice: %+v, %v", none, err)
		}
		late, err := storetest.ClaimMessages(ctx, st, st.NewID(), 9, now, now.Add(2*time.Minute), time.Minute)
		if err != nil || len(late) != 2 {
			t.Fatalf("past their lease: %+v, %v", late, err)
		}
		if ok, err := st.Begin(ctx, []store.Begun{{Message: ms[0]}}, now, now, time.Minute); err != nil || len(ok) != 0 {
			t.Errorf("the first holder lost it: %v, %v", ok, err)
		}
		ms = late
		stranger := ms[0]
		stranger.ClaimToken = st.NewID()
		must(t, st.Cancel(ctx, stranger, outreach.Canceled, "x", now))
		must(t, st.Defer(ctx, stranger, now.Add(time.Hour), time.Time{}, "x"))
		if m, err := st.Message(ctx, ms[0].ID); err != nil || m.State != outreach.Queued || !m.DueAt.Equal(now) {
			t.Errorf("a stranger moved it: %+v, %v", m, err)
		}
		must(t, st.Defer(ctx, ms[0], now.Add(time.Hour), now.Add(90*time.Minute), "rate"))
		must(t, st.Cancel(ctx, ms[1], outreach.Expired, "too_late", now))
		if m, err := st.Message(ctx, ms[1].ID); err != nil || m.State != outreach.Expired || m.DoneAt.IsZero() {
			t.Errorf("canceled: %+v, %v", m, err)
		}
		for at, want := range map[time.Duration]int{time.Minute: 0, time.Hour: 0, 2 * time.Hour: 1} {
			got, err := storetest.ClaimMessages(ctx, st, st.NewID(), 9, now.Add(at), now.Add(at), time.Second)
			if err != nil || len(got) != want {
				t.Errorf("after %s: %d, %v", at, len(got), err)
			}
			for _, m := range got {
				must(t, st.UnclaimMessages(ctx, []store.Message{m}))
			}
		}
		counts, oldest, err := st.Waiting(ctx, now)
		if err != nil || len(counts) != 1 || counts[0].N != 2 || !oldest.IsZero() {
			t.Errorf("waiting: %+v, %s, %v", counts, oldest, err)
		}
	})
}

// TestReport finds a message by our id and by the provider's.
func TestReport(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		plan(t, st, storetest.Dealer(t, st), 1)
		os, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 1, now, now, time.Minute)
		must(t, err)
		b := begun(st, os[0])
		_, err = st.Begin(ctx, []store.Begun{b}, now, now, time.Minute)
		must(t, err)
		_, err = st.Record(ctx, []store.Result{{Message: b.Message, Receipt: channels.Receipt{ProviderID: "SM1", Segments: 2}, Transition: outreach.Next(outreach.Attempt{}, nil, now), At: now}}, now)
		must(t, err)
		report := func(r channels.Report) (x store.Reported, err error) {
			r.Channel = channels.SMS
			inTx(t, st, func(tx *store.Tx) error { x, err = tx.Report(ctx, r, now.Add(time.Minute)); return nil })
			return x, err
		}
		if _, err := report(channels.Report{ProviderID: "SM2", State: channels.StateDelivered}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unknown provider id: %v", err)
		}
		if _, err := report(channels.Report{State: channels.StateDelivered}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("no id at all: %v", err)
		}
		// An id of ours that is none falls back on the provider's.
		x, err := report(channels.Report{MessageID: "<not ours>", ProviderID: "SM1", State: channels.StateUndelivered, Code: "30003", Reason: channels.ReasonDead})
		if err != nil || !x.Changed || x.Message.ID != b.Message.ID {
			t.Errorf("by provider id: %+v, %v", x, err)
		}
		if x, err := report(channels.Report{MessageID: b.Message.ID, State: channels.StateDelivered}); err != nil || !x.Changed {
			t.Errorf("by our id: %+v, %v", x, err)
		}
		if x, err := report(channels.Report{MessageID: b.Message.ID, State: channels.StateSent}); err != nil || x.Changed {
			t.Errorf("a late report moved it back: %+v, %v", x, err)
		}
		m, err := st.Message(ctx, b.Message.ID)
		if err != nil || m.State != outreach.Delivered || m.Segments != 2 || !m.SentAt.Equal(now) || !m.DoneAt.Equal(now.Add(time.Minute)) {
			t.Errorf("message = %+v, %v", m, err)
		}
	})
}

func TestLead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		lead := func(holder string, at time.Time) bool {
			t.Helper()
			ok, err := st.Lead(ctx, "poll:a", holder, at, time.Minute)
			must(t, err)
			return ok
		}
		if !lead("n1", now) || lead("n2", now) || !lead("n1", now.Add(50*time.Second)) {
			t.Error("the holder keeps it, another waits")
		}
		if lead("n2", now.Add(70*time.Second)) {
			t.Error("renewed, it is not free yet")
		}
		if !lead("n2", now.Add(2*time.Minute)) || lead("n1", now.Add(2*time.Minute)) {
			t.Error("past its end another takes it")
		}
		must(t, st.Resign(ctx, "poll:a", "n1")) // not the holder: nothing happens
		if lead("n1", now.Add(2*time.Minute)) {
			t.Error("a stranger resigned for the holder")
		}
		must(t, st.Resign(ctx, "poll:a", "n2"))
		if !lead("n1", now.Add(2*time.Minute)) {
			t.Error("given up, it is free")
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for i := range 8 {
			wg.Go(func() {
				ok, err := st.Lead(context.WithoutCancel(ctx), "race", fmt.Sprint(i), now, time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if ok {
					won++
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("%d leaders", won)
		}
	})
}

func TestVersion(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		for i, tt := range []struct {
			id, hash string
			want     int
		}{{"a", "1", 1}, {"a", "1", 1}, {"a", "2", 2}, {"b", "2", 1}, {"a", "1", 3}} {
			if v, err := st.Version(t.Context(), "survey", tt.id, "content "+tt.hash, tt.hash, "embedded", now); err != nil || v != tt.want {
				t.Errorf("%d: version %d, %v", i, v, err)
			}
		}
		// Nodes that start at once with different content never share a number.
		var wg sync.WaitGroup
		var mu sync.Mutex
		by := map[int]string{}
		for i := range 6 {
			wg.Go(func() {
				hash := fmt.Sprint("h", i)
				v, err := st.Version(context.WithoutCancel(t.Context()), "survey", "c", hash, hash, "embedded", now)
				mu.Lock()
				defer mu.Unlock()
				if err != nil || by[v] != "" {
					t.Errorf("version %d for %s and %s, %v", v, hash, by[v], err)
				}
				by[v] = hash
			})
		}
		wg.Wait()
	})
}

// TestIdempotency races requests with one key: one acts, the others are told.
func TestIdempotency(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		must(t, st.AddToken(ctx, d.ID, "dms", "s3cret", now))
		tok, err := st.TokenBySecret(ctx, "s3cret")
		must(t, err)
		if _, err := st.TokenBySecret(ctx, "other"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a wrong secret: %v", err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		acted, told := 0, 0
		for range 8 {
			wg.Go(func() {
				err := st.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
					x, err := tx.Repeat(ctx, tok.ID, "k")
					if err == nil && x.Status == 201 && x.Response == "{}" && x.BodyHash == "h" {
						return store.ErrConflict
					}
					if !errors.Is(err, store.ErrNotFound) {
						return err
					}
					return tx.Remember(ctx, tok.ID, "k", store.Repeated{BodyHash: "h", Status: 201, Response: "{}"}, now)
				})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					acted++
				case errors.Is(err, store.ErrConflict):
					told++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if acted != 1 || told != 7 {
			t.Errorf("%d acted, %d were told", acted, told)
		}
	})
}

func TestSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		clock := now
		x := st.Sessions(func() time.Time { return clock })
		must(t, x.Commit("t", []byte{0, 1, 255}, now.Add(time.Hour)))
		must(t, x.Commit("t", []byte{2}, now.Add(time.Hour)))
		must(t, x.Commit("gone", []byte{3}, now.Add(time.Minute)))
		if b, ok, err := x.Find("t"); err != nil || !ok || !slices.Equal(b, []byte{2}) {
			t.Errorf("found %v %v, %v", b, ok, err)
		}
		clock = now.Add(2 * time.Minute)
		if _, ok, err := x.Find("gone"); err != nil || ok {
			t.Errorf("an expired session is found, %v", err)
		}
		must(t, x.Delete("t"))
		if _, ok, err := x.Find("t"); err != nil || ok {
			t.Errorf("a deleted session is found, %v", err)
		}
	})
}

func TestSenders(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		for range 2 {
			must(t, st.SaveSender(ctx, store.Sender{DealerID: d.ID, Channel: channels.SMS, Address: "+7495"}, now))
		}
		for i, want := range []bool{true, false} { // one alert a pause
			if first, err := st.PauseSender(ctx, channels.SMS, "+7495", "config", now); err != nil || first != want {
				t.Errorf("pause %d: %v, %v", i, first, err)
			}
		}
		must(t, st.LiftSender(ctx, channels.SMS, "+7495"))
		if ss, err := st.Senders(ctx); err != nil || len(ss) != 1 || ss[0].PausedReason != "" || !ss[0].PausedAt.IsZero() {
			t.Errorf("senders = %+v, %v", ss, err)
		}
	})
}

// TestEmployees: a login belongs to one person.
func TestEmployees(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		a, err := st.SaveEmployee(ctx, store.Employee{DealerID: d.ID, Name: "Анна", Login: "anna", Roles: []string{store.RoleOperator, store.RoleManager}, Active: true}, now)
		must(t, err)
		if _, err := st.SaveEmployee(ctx, store.Employee{Name: "Другая", Login: "anna", Active: true}, now); !errors.Is(err, store.ErrConflict) {
			t.Errorf("the login twice: %v", err)
		}
		a.Name = "Анна В."
		_, err = st.SaveEmployee(ctx, a, now)
		must(t, err)
		got, err := st.EmployeeByLogin(ctx, "anna")
		if err != nil || got.ID != a.ID || got.Name != "Анна В." || !got.Has(store.RoleManager) || got.Has(store.RoleMarketer) {
			t.Errorf("employee = %+v, %v", got, err)
		}
		a.Active = false
		_, err = st.SaveEmployee(ctx, a, now)
		must(t, err)
		if _, err := st.EmployeeByLogin(ctx, "anna"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an inactive person logs in: %v", err)
		}
	})
}
