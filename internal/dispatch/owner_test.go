package dispatch_test

import (
	"slices"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestNobodyAsksAboutHimself: the survey call of a program for which the customer's own
// advisor answers goes to another with the program's role, without one to a manager
// (invariant 14).
func TestNobodyAsksAboutHimself(t *testing.T) {
	for name, tt := range map[string]struct {
		roles []string // of colleagues, beside the advisor who is an operator
		want  int      // whose call it is; -1 for whoever takes it
		rated bool     // the advisor answers for the program
	}{
		"another operator":     {[]string{store.RoleManager, store.RoleOperator}, 1, true},
		"only a manager":       {[]string{store.RoleMarketer, store.RoleManager}, 1, true},
		"nobody named":         {[]string{store.RoleManager, store.RoleOperator}, -1, false},
		"nobody else is there": {[]string{store.RoleMarketer}, -1, true},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				r := dispatchtest.New(t, st)
				r.Visit(t, "1001", "Иванов Иван", phone, 49*time.Hour)
				save := func(e store.Employee) string {
					e.DealerID, e.Active, e.Login = r.Dealer.ID, true, e.Name
					saved, err := st.SaveEmployee(t.Context(), e, storetest.Now)
					if err != nil {
						t.Fatal(err)
					}
					return saved.ID
				}
				vs, err := st.VisitsOf(t.Context(), contactOf(t, st, r))
				if err != nil {
					t.Fatal(err)
				}
				advisor := save(store.Employee{ID: vs[0].AdvisorID, Name: "Орлова М.В.", Roles: []string{store.RoleAdvisor, store.RoleOperator}})
				var ids []string
				for i, role := range tt.roles {
					ids = append(ids, save(store.Employee{Name: "Коллега " + string(rune('А'+i)), Roles: []string{role}}))
				}
				if tt.rated {
					if err := st.SetProgram(t.Context(), store.ProgramSetting{DealerID: r.Dealer.ID, Program: "service-followup", Running: true, ResponsibleID: advisor, ChangedAt: storetest.Now}); err != nil {
						t.Fatal(err)
					}
				}
				r.Send(t)
				r.Forward(t, 7*time.Hour)
				r.Send(t)
				ts, err := st.Tasks(t.Context(), store.TaskFilter{DealerID: r.Dealer.ID, Kind: store.TaskSurveyCall, Open: true})
				if err != nil || len(ts) != 1 {
					t.Fatalf("calls: %+v, %v", ts, err)
				}
				want := ""
				if tt.want >= 0 {
					want = ids[tt.want]
				}
				if ts[0].OwnerID != want {
					t.Errorf("it is the call of %q, want %q", ts[0].OwnerID, want)
				}
			})
		})
	}
}

func contactOf(t *testing.T, st *store.Store, r *dispatchtest.Rig) string {
	t.Helper()
	cs, err := st.SearchContacts(t.Context(), r.Dealer.ID, phone, 1)
	if err != nil || len(cs) != 1 {
		t.Fatalf("contacts: %+v, %v", cs, err)
	}
	return cs[0].ID
}

// TestResponsibleWhoCannotLogIn answers for nothing (R005): what is due waits, and says so.
func TestResponsibleWhoCannotLogIn(t *testing.T) {
	for name, e := range map[string]store.Employee{
		"only in the roster": {Name: "Орлова", Active: true},
		"disabled":           {Name: "Орлова", Login: "orlova"},
		"of another dealer":  {Name: "Орлова", Login: "orlova", Active: true},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				r := dispatchtest.New(t, st)
				e.DealerID, e.Roles = r.Dealer.ID, []string{store.RoleOperator}
				if name == "of another dealer" {
					d, err := st.SaveDealer(t.Context(), store.Dealer{Code: "north", Name: "Север", Zone: "Europe/Moscow", Country: "RU", Locale: "ru"}, storetest.Now)
					if err != nil {
						t.Fatal(err)
					}
					e.DealerID = d.ID
				}
				saved, err := st.SaveEmployee(t.Context(), e, storetest.Now)
				if err != nil {
					t.Fatal(err)
				}
				if err := st.SetProgram(t.Context(), store.ProgramSetting{DealerID: r.Dealer.ID, Program: "service-followup", Running: true, ResponsibleID: saved.ID, ChangedAt: storetest.Now}); err != nil {
					t.Fatal(err)
				}
				id := r.Visit(t, "1001", "Иванов Иван", phone, 25*time.Hour)
				if ms := r.Send(t); len(ms) != 0 {
					t.Errorf("sent though nobody answers for it: %+v", ms)
				}
				os, err := st.OutreachOf(t.Context(), id)
				if err != nil || !slices.ContainsFunc(os, func(o store.Outreach) bool { return o.Rule == program.RuleNobody }) {
					t.Errorf("outreach: %+v, %v", os, err)
				}
			})
		})
	}
}

// TestBuyerWhoAnswered is not called: what he was asked after the purchase is about no
// visit.
func TestBuyerWhoAnswered(t *testing.T) {
	for name, answers := range map[string]bool{"answered": true, "silent": false} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				r := dispatchtest.New(t, st)
				id := r.Purchase(t, "D1", phone, "", 3*24*time.Hour)
				if ms := r.Send(t); len(ms) != 1 {
					t.Fatalf("%d messages", len(ms))
				}
				if answers {
					cs, err := st.ConversationsFor(t.Context(), id)
					if err != nil || len(cs) != 1 {
						t.Fatalf("%d conversations, %v", len(cs), err)
					}
					five := 5
					if err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
						return tx.SaveAnswer(t.Context(), store.Answer{ConversationID: cs[0].ID, Question: "purchase", Rating: &five, Channel: channels.SMS}, r.Clock.Business())
					}); err != nil {
						t.Fatal(err)
					}
				}
				r.Forward(t, 7*time.Hour)
				r.Send(t)
				ts, err := st.Tasks(t.Context(), store.TaskFilter{DealerID: r.Dealer.ID, Kind: store.TaskSurveyCall, Open: true})
				if err != nil || (len(ts) == 0) != answers {
					t.Errorf("%d calls, %v", len(ts), err)
				}
				if ds := decisions(t, r); slices.Contains(ds, "call:drop:answered") != answers {
					t.Errorf("decisions: %v", ds)
				}
			})
		})
	}
}
