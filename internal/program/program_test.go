package program_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"otklik/internal/calendar"
	"otklik/internal/outreach"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

var now = storetest.Now

func book(t testing.TB) *calendar.Book {
	t.Helper()
	b, err := calendar.Default()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func followup(t testing.TB) *program.Definition {
	t.Helper()
	all, err := program.Load(os.DirFS("../../templates"), "programs")
	if err != nil {
		t.Fatal(err)
	}
	return all["service-followup"]
}

func TestPlanOffsets(t *testing.T) {
	rows := program.Plan(followup(t), program.Occasion{VisitID: "v", At: now}, now, book(t))
	if len(rows) != 2 {
		t.Fatal(rows)
	}
	for i, want := range []struct{ due, deadline time.Duration }{{24 * time.Hour, 72 * time.Hour}, {48 * time.Hour, 72 * time.Hour}} {
		if !rows[i].DueAt.Equal(now.Add(want.due)) || !rows[i].DeadlineAt.Equal(now.Add(want.deadline)) || rows[i].State != outreach.Planned {
			t.Errorf("step %d: %+v", i, rows[i])
		}
	}
	late := program.Plan(followup(t), program.Occasion{VisitID: "v", At: now.Add(-73 * time.Hour)}, now, book(t))
	for _, r := range late {
		if r.State != outreach.Dropped || r.Rule != program.RuleTooLate {
			t.Errorf("past its deadline: %+v", r)
		}
		// What the page "why" says of it.
		if want := `{"deadline":"` + now.Add(-time.Hour).UTC().Format(time.RFC3339) + `"}`; r.Inputs != want {
			t.Errorf("inputs %s, want %s", r.Inputs, want)
		}
	}
}

// TestAdvisorDoesNotAsk: a survey call whose owner is the advisor is refused with its line,
// other calls of his are not (invariant 14).
func TestAdvisorDoesNotAsk(t *testing.T) {
	head := "id: a\ntrigger: visit_completed\nresponsible: operator\nsteps:\n  - {id: ask, purpose: survey, survey: csi, channels: [sms]}\n  - {id: call, purpose: survey, channels: [phone], owner: "
	for rest, wrong := range map[string]bool{"advisor}": true, "advisor, task: survey_call}": true, "advisor, task: no_show_call}": false, "consultant}": false, "operator}": false} {
		_, err := program.Parse("a.yaml", []byte(head+rest))
		if said := err != nil && strings.Contains(err.Error(), "a.yaml:6: step call: owner advisor"); said != wrong || (err != nil) != wrong {
			t.Errorf("%s: %v", rest, err)
		}
	}
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	for name, bad := range map[string]string{
		"no id":          "trigger: x",
		"no responsible": "id: a\ntrigger: x\nsteps: [{id: s}]",
		"order":          "id: a\ntrigger: x\nresponsible: operator\nsteps: [{id: s, purpose: survey, channels: [sms], earliest: 2h, target: 1h, deadline: 3h}]",
		"unless":         "id: a\ntrigger: x\nresponsible: operator\nsteps: [{id: s, purpose: survey, channels: [sms], unless: bored}]",
	} {
		if _, err := program.Parse(name, []byte(bad)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestPlanner plans real events on both engines: a second run is harmless, visits
// within 72 hours share the latest survey, and a corrected time moves the plan.
func TestPlanner(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		p := &program.Planner{Store: st, Programs: program.Fixed(map[string]*program.Definition{"service-followup": followup(t)}), Book: book(t)}
		first := storetest.Visit("1", "Иванов Иван", "+79000000001", now.Add(-10*time.Hour))
		saved := storetest.Save(t, st, d, first)
		run := func(want int64) {
			t.Helper()
			if n, err := p.Run(ctx, now); err != nil || n != want {
				t.Fatalf("planned %d, %v; want %d", n, err, want)
			}
		}
		run(2)
		run(0)
		storetest.Save(t, st, d, storetest.Visit("2", "Иванов Иван", "+79000000001", now.Add(-time.Hour)), storetest.Visit("3", "Иванов Иван", "+79000000001", now.Add(-80*time.Hour)))
		run(4)
		pending, err := st.PendingOf(ctx, "service-followup", []string{saved[0].ContactID})
		if err != nil || len(pending) != 2 {
			t.Fatalf("one survey and one call should stand: %+v, %v", pending, err)
		}
		for _, o := range pending {
			v, err := st.Visit(ctx, o.VisitID)
			if err != nil || v.Order != "2" {
				t.Errorf("the latest visit stays, not %s (%v)", v.Order, err)
			}
		}
		moved := storetest.Visit("2", "Иванов Иван", "+79000000001", now.Add(-2*time.Hour))
		storetest.Save(t, st, d, moved)
		run(2)
		pending, err = st.PendingOf(ctx, "service-followup", []string{saved[0].ContactID})
		if err != nil || len(pending) != 2 || !pending[0].DueAt.Equal(now.Add(22*time.Hour)) {
			t.Errorf("a corrected time moves the plan: %+v, %v", pending, err)
		}
	})
}
