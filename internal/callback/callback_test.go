package callback_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

func TestWorkBy(t *testing.T) {
	msk, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ due, want string }{
		{"2026-11-24T11:05", "2026-11-24T11:05"},
		{"2026-11-24T09:00", "2026-11-24T09:00"},
		{"2026-11-24T02:00", "2026-11-23T20:00"},
		{"2026-11-24T20:00", "2026-11-24T20:00"},
		{"2026-11-24T23:59", "2026-11-24T20:00"},
		{"2026-12-01T03:00", "2026-11-30T20:00"},
	} {
		due, err := time.ParseInLocation("2006-01-02T15:04", tt.due, msk)
		if err != nil {
			t.Fatal(err)
		}
		if got := callback.WorkBy(due.UTC(), msk).Format("2006-01-02T15:04"); got != tt.want {
			t.Errorf("WorkBy(%s) = %s, want %s", tt.due, got, tt.want)
		}
	}
}

// TestPromise: nobody is promised a time that is over.
func TestPromise(t *testing.T) {
	msk, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ now, due, want string }{
		"a day later":                        {"2026-11-23T11:05", "2026-11-24T11:05", "2026-11-24T11:05"},
		"the next night":                     {"2026-11-23T11:05", "2026-11-24T02:00", "2026-11-23T20:00"},
		"a written question of the evening":  {"2026-11-23T19:30", "2026-11-23T21:30", "2026-11-23T20:00"},
		"a written question after work":      {"2026-11-23T22:00", "2026-11-24T00:00", "2026-11-24T11:00"},
		"a written question before work":     {"2026-11-24T03:00", "2026-11-24T05:00", "2026-11-24T11:00"},
		"on the last evening of a month":     {"2026-11-30T20:00", "2026-11-30T22:00", "2026-12-01T11:00"},
		"past the deadline":                  {"2026-11-24T12:00", "2026-11-24T10:00", "2026-11-24T14:00"},
		"past the deadline, in the evening":  {"2026-11-24T19:00", "2026-11-24T10:00", "2026-11-25T11:00"},
		"past the deadline, early next day":  {"2026-11-25T08:59", "2026-11-24T10:00", "2026-11-25T11:00"},
		"past the deadline, as work begins":  {"2026-11-25T09:00", "2026-11-24T10:00", "2026-11-25T11:00"},
		"past the deadline, last whole hour": {"2026-11-25T17:59", "2026-11-24T10:00", "2026-11-25T19:59"},
	} {
		t.Run(name, func(t *testing.T) {
			var at [2]time.Time
			for i, s := range []string{tt.now, tt.due} {
				if at[i], err = time.ParseInLocation("2006-01-02T15:04", s, msk); err != nil {
					t.Fatal(err)
				}
			}
			if got := callback.Promise(at[1].UTC(), at[0].UTC(), msk).Format("2006-01-02T15:04"); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// office is a dealer with two operators, a manager and one open callback.
type office struct {
	*dispatchtest.Rig
	desk                 *callback.Desk
	maria, emma, manager store.Employee
	task                 store.Task
}

func newOffice(t *testing.T, st *store.Store) *office {
	t.Helper()
	ctx := t.Context()
	o := &office{Rig: dispatchtest.New(t, st)}
	o.Clock.Stand()
	nothing := func() {}
	o.desk = &callback.Desk{Store: st, Clock: o.Clock, Roster: o.Roster, Drafter: o.Drafter, Survey: o.Survey, Policy: o.Dispatcher.Policy, Changed: nothing, Wake: nothing}
	for _, p := range []struct {
		e    *store.Employee
		role string
	}{{&o.maria, store.RoleOperator}, {&o.emma, store.RoleOperator}, {&o.manager, store.RoleManager}} {
		e, err := st.SaveEmployee(ctx, store.Employee{DealerID: o.Dealer.ID, Name: p.role, Roles: []string{p.role}, Active: true}, storetest.Now)
		if err != nil {
			t.Fatal(err)
		}
		*p.e = e
	}
	contact := o.Visit(t, "1001", "Иванов Иван", "+79000000101", 25*time.Hour)
	now := o.Clock.Business()
	err := st.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
		var err error
		o.task, err = tx.OpenTask(ctx, store.Task{DealerID: o.Dealer.ID, Kind: store.TaskCallback, ContactID: contact, Reason: "low_score", Words: "стучит", DueAt: now.Add(24 * time.Hour), Clocks: callback.Clocks(now), WayIn: string(channels.SMS)}, now)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (o *office) read(t *testing.T) store.Task {
	t.Helper()
	x, err := o.Store.Task(t.Context(), o.task.ID)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func wants(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// TestOneOwner is invariant 7: one owner at any time, and only he or a manager acts.
func TestOneOwner(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		o := newOffice(t, st)
		ctx, id := t.Context(), o.task.ID
		wants(t, "acting without a claim", o.desk.Attempt(ctx, id, o.maria, callback.Attempt{Outcome: callback.StepReached}), callback.ErrNotOwner)
		wants(t, "claim", o.desk.Claim(ctx, id, o.maria), nil)
		wants(t, "claim again", o.desk.Claim(ctx, id, o.maria), nil)
		wants(t, "claim of another's", o.desk.Claim(ctx, id, o.emma), store.ErrConflict)
		wants(t, "another acts", o.desk.Attempt(ctx, id, o.emma, callback.Attempt{Outcome: callback.StepReached}), callback.ErrNotOwner)
		wants(t, "release", o.desk.Release(ctx, id, o.maria), nil)
		wants(t, "claim after release", o.desk.Claim(ctx, id, o.emma), nil)
		if x := o.read(t); x.OwnerID != o.emma.ID || x.State != store.TaskClaimed {
			t.Errorf("task = %+v", x)
		}
		stranger := store.Employee{ID: st.NewID(), DealerID: st.NewID(), Roles: []string{store.RoleAdmin}}
		wants(t, "another dealer's employee", o.desk.Claim(ctx, id, stranger), store.ErrNotFound)
	})
}

// TestClosing walks every way to close a callback and sees the wrong ones refused.
func TestClosing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		o := newOffice(t, st)
		ctx, id := t.Context(), o.task.ID
		next := o.Clock.Business().Add(72 * time.Hour)
		wants(t, "claim", o.desk.Claim(ctx, id, o.maria), nil)
		wants(t, "no solution", o.desk.Agree(ctx, id, o.maria, callback.Agreement{Next: next}), callback.ErrNoSolution)
		wants(t, "no next contact", o.desk.Agree(ctx, id, o.maria, callback.Agreement{Solution: "замена"}), callback.ErrNoNextContact)
		wants(t, "a next contact in the past", o.desk.Agree(ctx, id, o.maria, callback.Agreement{Solution: "замена", Next: next.AddDate(-1, 0, 0)}), callback.ErrNoNextContact)
		wants(t, "manager without a next contact", o.desk.Close(ctx, id, o.manager, "клиент уехал"), callback.ErrNoNextContact)
		wants(t, "agree", o.desk.Agree(ctx, id, o.maria, callback.Agreement{Solution: "замена", Consent: "yes", Next: next}), nil)
		for _, c := range o.read(t).Clocks {
			if met := !c.MetAt.IsZero(); met != (c.Kind == callback.ClockSolution) {
				t.Errorf("clock %s met: %v", c.Kind, met)
			}
		}
		wants(t, "operator without the customer", o.desk.Close(ctx, id, o.maria, "всё хорошо"), callback.ErrNotConfirmed)
		wants(t, "resolving a callback as a plain task", o.desk.Resolve(ctx, id, o.maria, "x"), callback.ErrNotConfirmed)
		wants(t, "manager without a reason", o.desk.Close(ctx, id, o.manager, ""), callback.ErrNotConfirmed)
		wants(t, "manager with a reason", o.desk.Close(ctx, id, o.manager, "клиент уехал"), nil)
		if x := o.read(t); x.State != store.TaskClosed || x.ConfirmedBy != "manager" {
			t.Errorf("task = %+v", x)
		}
		wants(t, "after the end", o.desk.Claim(ctx, id, o.maria), callback.ErrClosed)
		steps, err := st.Steps(ctx, id)
		if err != nil || steps[len(steps)-1].Text != "клиент уехал" {
			t.Errorf("the manager's reason is not recorded: %+v, %v", steps, err)
		}
	})
}

// TestUnreachable: a customer who can be asked on no channel leaves the closing to a
// manager.
func TestUnreachable(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		o := newOffice(t, st)
		ctx, id := t.Context(), o.task.ID
		err := st.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
			return tx.Suppress(ctx, store.Suppression{Channel: channels.SMS, Address: "+79000000101", Purpose: store.AllPurposes, Reason: store.OptedOut, At: storetest.Now})
		})
		wants(t, "suppress", err, nil)
		wants(t, "claim", o.desk.Claim(ctx, id, o.maria), nil)
		wants(t, "agree", o.desk.Agree(ctx, id, o.maria, callback.Agreement{Solution: "замена", Next: o.Clock.Business().Add(time.Hour)}), nil)
		wants(t, "ask", o.desk.Ask(ctx, id, o.maria), callback.ErrUnreachable)
	})
}

// TestInquiryAnswered: a written question that was answered starts the survey of it after
// three hours, and no program of complaints; a reply that was only unclear starts nothing.
func TestInquiryAnswered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		o := newOffice(t, st)
		all, err := program.Load(os.DirFS("../../templates"), "programs")
		if err != nil {
			t.Fatal(err)
		}
		o.Planner.Programs = program.Fixed(map[string]*program.Definition{"inquiry-answered": all["inquiry-answered"], "complaint-reask": all["complaint-reask"]})
		o.Dispatcher.Programs = o.Planner.Programs
		for _, id := range []string{"inquiry-answered", "complaint-reask"} {
			if err := st.SetProgram(t.Context(), store.ProgramSetting{DealerID: o.Dealer.ID, Program: id, Running: true, ChangedAt: storetest.Now}); err != nil {
				t.Fatal(err)
			}
		}
		for i, reason := range []string{callback.ReasonInquiry, callback.ReasonUnclear} {
			contact := o.Visit(t, fmt.Sprint(2000+i), "Петров Пётр", fmt.Sprintf("+7900000020%d", i), time.Hour)
			now := o.Clock.Business()
			err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
				x, err := tx.OpenTask(t.Context(), store.Task{DealerID: o.Dealer.ID, Kind: store.TaskReview, ContactID: contact, Reason: reason, DueAt: now.Add(time.Hour), Clocks: callback.InquiryClocks(now), State: store.TaskClaimed, OwnerID: o.maria.ID}, now)
				o.task = x
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := o.desk.Resolve(t.Context(), o.task.ID, o.maria, "ответили"); err != nil {
				t.Fatal(err)
			}
		}
		if ms := o.Send(t); len(ms) != 0 {
			t.Fatalf("asked at once: %+v", ms)
		}
		if _, err := o.Clock.Advance(3*time.Hour + time.Minute); err != nil {
			t.Fatal(err)
		}
		if ms := o.Send(t); len(ms) != 1 || ms[0].To != "+79000000200" || !strings.Contains(ms[0].Text, "ли Вам наш ответ") {
			t.Errorf("after three hours: %+v", ms)
		}
	})
}
