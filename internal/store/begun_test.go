package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// beginTogether begins an outreach of each of n people in one group.
func beginTogether(t *testing.T, st *store.Store, n int) []store.Message {
	t.Helper()
	plan(t, st, storetest.Dealer(t, st), n)
	os, err := storetest.ClaimOutreach(t.Context(), st, st.NewID(), n, now, now, time.Minute)
	must(t, err)
	var ids []string
	for _, o := range os {
		ids = append(ids, o.ContactID)
	}
	people, err := st.Contacts(t.Context(), ids)
	must(t, err)
	name := st.NewID()
	group, ms := make([]store.Begun, n), make([]store.Message, n)
	for i, o := range os {
		group[i] = begun(st, o)
		group[i].Message.Group, group[i].JudgedAt = name, now
		group[i].Message.Address = people[o.ContactID].On(channels.SMS)
		ms[i] = group[i].Message
	}
	ok, err := st.Begin(t.Context(), group, now, now, time.Minute)
	if err != nil || len(ok) != n {
		t.Fatal(ok, err)
	}
	return ms
}

var sent = outreach.Transition{State: outreach.Sent, Spent: true}

// TestGroupInParts: what is recorded of a group is written as if it had begun alone;
// what is not when the lease has passed is uncertain, and nothing else.
func TestGroupInParts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		ms := beginTogether(t, st, 4)
		refused := &channels.Error{Class: channels.Rejected, Code: "21610", Reason: channels.ReasonOptedOut}
		results := []store.Result{{Message: ms[0], Transition: sent, Receipt: channels.Receipt{ProviderID: "SM1", Segments: 2}, At: now},
			{Message: ms[1], Transition: outreach.Transition{State: outreach.Failed, Spent: true, Suppress: channels.ReasonOptedOut}, Err: refused, At: now},
			{Message: ms[2], Transition: outreach.Transition{State: outreach.Queued, DueAt: now.Add(time.Hour)}, At: now}}
		lost, err := st.Record(ctx, results, now.Add(time.Second))
		if err != nil || lost != 0 {
			t.Fatal(lost, err)
		}
		for i, want := range []store.Message{
			{State: outreach.Sent, ProviderID: "SM1", Segments: 2, Attempts: 1, SentAt: now},
			{State: outreach.Failed, Code: "21610", Reason: string(channels.ReasonOptedOut), Attempts: 1, DoneAt: now},
			{State: outreach.Queued, RetryAt: now.Add(time.Hour)},
		} {
			m := ms[i]
			m.Group, m.ClaimToken, m.CreatedAt = "", "", now
			m.State, m.ProviderID, m.Segments, m.Attempts, m.Code, m.Reason, m.RetryAt, m.SentAt, m.DoneAt = want.State, want.ProviderID, want.Segments, want.Attempts, want.Code, want.Reason, want.RetryAt, want.SentAt, want.DoneAt
			got, err := st.Message(ctx, m.ID)
			must(t, err)
			if diff := cmp.Diff(m, got); diff != "" {
				t.Errorf("recorded %d (-want +row):\n%s", i, diff)
			}
		}
		if early, err := st.ClaimUncertain(ctx, st.NewID(), 9, now, now, time.Minute); err != nil || len(early) != 0 {
			t.Errorf("uncertain while their lease lasts: %+v, %v", early, err)
		}
		late, err := st.ClaimUncertain(ctx, st.NewID(), 9, now, now.Add(2*time.Minute), time.Minute)
		if err != nil || len(late) != 1 || late[0].ID != ms[3].ID || late[0].Text != ms[3].Text {
			t.Errorf("uncertain: %+v, %v", late, err)
		}
		if lost, err := st.Record(ctx, []store.Result{{Message: ms[3], Transition: sent, At: now}}, now); err != nil || lost != 1 {
			t.Errorf("past its lease: %d lost, %v", lost, err)
		}
	})
}

// TestGroupReportedEarly: a report may be faster than the record of any message of the
// group, and is kept.
func TestGroupReportedEarly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		ms := beginTogether(t, st, 2)
		inTx(t, st, func(tx *store.Tx) error {
			r, err := tx.Report(ctx, channels.Report{Channel: channels.SMS, MessageID: ms[0].ID, ProviderID: "SM1", State: channels.StateDelivered}, now)
			if err == nil && !r.Changed {
				t.Error("the report changed nothing")
			}
			return err
		})
		lost, err := st.Record(ctx, []store.Result{{Message: ms[0], Transition: sent, Receipt: channels.Receipt{ProviderID: "SM1"}, At: now}, {Message: ms[1], Transition: sent, Receipt: channels.Receipt{ProviderID: "SM2"}, At: now}}, now)
		if err != nil || lost != 0 {
			t.Fatal(lost, err)
		}
		for i, want := range []outreach.MessageState{outreach.Delivered, outreach.Sent} {
			if m, err := st.Message(ctx, ms[i].ID); err != nil || m.State != want || m.Attempts != 1 || m.ClaimToken != "" {
				t.Errorf("message %d: %+v, %v", i, m, err)
			}
		}
	})
}

// TestGroupSameProviderID: an id that a provider gives twice costs the second message
// the id, and nothing else.
func TestGroupSameProviderID(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ms := beginTogether(t, st, 2)
		receipt := channels.Receipt{ProviderID: "SM1"}
		if lost, err := st.Record(t.Context(), []store.Result{{Message: ms[0], Transition: sent, Receipt: receipt, At: now}, {Message: ms[1], Transition: sent, Receipt: receipt, At: now}}, now); err != nil || lost != 0 {
			t.Fatal(lost, err)
		}
		for i, want := range []string{"SM1", ""} {
			if m, err := st.Message(t.Context(), ms[i].ID); err != nil || m.State != outreach.Sent || m.ProviderID != want {
				t.Errorf("message %d: %+v, %v", i, m, err)
			}
		}
	})
}

// TestGroupIsSeen: what has begun counts for the person's caps and keeps his address
// busy before anything of it is recorded.
func TestGroupIsSeen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		m := beginTogether(t, st, 2)[0]
		if counts, _, err := st.Waiting(ctx, now); err != nil || len(counts) != 1 || counts[0] != (store.StateCount{Channel: channels.SMS, State: outreach.Sending, N: 2}) {
			t.Errorf("waiting: %+v, %v", counts, err)
		}
		f, err := st.Facts(ctx, store.Wanted{Contacts: []string{m.ContactID}, Since: now.Add(-time.Hour), Now: now})
		if s := f.Sent[m.ContactID]; err != nil || len(s) != 1 || s[0].Purpose != outreach.Survey || !s[0].At.Equal(now) || !f.Written[m.ContactID] {
			t.Errorf("sent = %+v, written to %v, %v", f.Sent, f.Written, err)
		}
		other := store.Outreach{ID: st.NewID(), DealerID: m.DealerID, ContactID: m.ContactID, Program: "p", ProgramVersion: 1, Occasion: "other", Step: "survey", Purpose: outreach.Survey,
			State: outreach.Planned, DueAt: now, TargetAt: now, DeadlineAt: now.Add(time.Hour)}
		inTx(t, st, func(tx *store.Tx) error { _, err := tx.Plan(ctx, []store.Outreach{other}, now); return err })
		os, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 9, now, now, time.Minute)
		if err != nil || len(os) != 1 {
			t.Fatal(os, err)
		}
		b := begun(st, os[0])
		b.Message.Group, b.JudgedAt = st.NewID(), now
		if ok, err := st.Begin(ctx, []store.Begun{b}, now, now, time.Minute); err != nil || len(ok) != 0 {
			t.Errorf("judged before the other began: %v, %v", ok, err)
		}
		inTx(t, st, func(tx *store.Tx) error {
			return tx.Queue(ctx, []store.Message{{DealerID: m.DealerID, ContactID: m.ContactID, Channel: channels.SMS, Address: m.Address, Purpose: outreach.Answer, Text: "!"}}, now)
		})
		free := func() int {
			ms, err := storetest.ClaimMessages(ctx, st, st.NewID(), 9, now, now, time.Minute)
			must(t, err)
			return len(ms)
		}
		if n := free(); n != 0 {
			t.Error("a second message to the address was claimed")
		}
		_, err = st.Record(ctx, []store.Result{{Message: m, Transition: sent, At: now}}, now)
		must(t, err)
		if n := free(); n != 1 {
			t.Error("the address stays busy")
		}
		if f, err = st.Facts(ctx, store.Wanted{Contacts: []string{m.ContactID}, Since: now.Add(-time.Hour), Now: now}); err != nil || len(f.Sent[m.ContactID]) != 1 {
			t.Errorf("sent = %+v, %v", f.Sent, err)
		}
	})
}

// TestGroupAnsweredEarly: who answers before the record of the send is known by it.
func TestGroupAnsweredEarly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		m := beginTogether(t, st, 2)[0]
		inTx(t, st, func(tx *store.Tx) error {
			if last, err := tx.LastTo(t.Context(), channels.SMS, m.Address); err != nil || last.ID != m.ID {
				t.Errorf("last to the address: %+v, %v", last, err)
			}
			return nil
		})
	})
}

// TestGroupStranger: what did not begin with its group, because its claim was lost, is
// not recorded with it.
func TestGroupStranger(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		m := beginTogether(t, st, 2)[0]
		stranger := m
		stranger.ID = st.NewID()
		if lost, err := st.Record(ctx, []store.Result{{Message: m, Transition: sent, At: now}, {Message: stranger, Transition: outreach.Transition{State: outreach.Queued}, At: now}}, now); err != nil || lost != 1 {
			t.Errorf("%d lost, %v", lost, err)
		}
		if x, err := st.Message(ctx, stranger.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("it is there: %+v, %v", x, err)
		}
		if x, err := st.Message(ctx, m.ID); err != nil || x.State != outreach.Sent {
			t.Errorf("the other: %+v, %v", x, err)
		}
	})
}

// TestGroupExported: what has begun is among what is known of a person.
func TestGroupExported(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		m := beginTogether(t, st, 2)[0]
		if b, err := st.ExportContact(t.Context(), strings.ToUpper(m.ContactID)); err != nil || !strings.Contains(string(b), m.ID) {
			t.Errorf("exported %s, %v", b, err)
		}
	})
}

// TestGroupErased: a person's words leave the group, too, and its holder has lost it.
func TestGroupErased(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		ms := beginTogether(t, st, 2)
		must(t, st.EraseContact(ctx, strings.ToUpper(ms[0].ContactID), now))
		lost, err := st.Record(ctx, []store.Result{{Message: ms[0], Transition: sent, At: now}, {Message: ms[1], Transition: sent, At: now}}, now)
		if err != nil || lost != 1 {
			t.Errorf("%d lost, %v", lost, err)
		}
		if m, err := st.Message(ctx, ms[0].ID); err != nil || m.State != outreach.Unknown || m.Address != "" || m.Text != "" {
			t.Errorf("erased: %+v, %v", m, err)
		}
		if m, err := st.Message(ctx, ms[1].ID); err != nil || m.State != outreach.Sent || m.Text == "" {
			t.Errorf("the other: %+v, %v", m, err)
		}
	})
}
