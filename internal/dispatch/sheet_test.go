package dispatch_test

import (
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestSheet: a step on paper opens a paper entry, of somebody with its role who is not
// rated, and none for who has refused surveys on any address.
func TestSheet(t *testing.T) {
	for name, tt := range map[string]struct {
		owner   string
		against store.Suppression
		none    bool
		of      int // whose it is of the people; -1 for whoever takes it
	}{
		"the operators'":         {of: -1},
		"of a role":              {owner: store.RoleManager, of: 1},
		"no surveys":             {against: store.Suppression{Purpose: "survey", Reason: store.OptedOut}, none: true, of: -1},
		"STOP":                   {against: store.Suppression{Purpose: store.AllPurposes, Reason: store.OptedOut}, none: true, of: -1},
		"no advertising":         {against: store.Suppression{Purpose: "ad", Reason: store.OptedOut}, of: -1},
		"a number that is dead":  {against: store.Suppression{Purpose: store.AllPurposes, Reason: "dead"}, of: -1},
		"somebody else's number": {against: store.Suppression{Purpose: store.AllPurposes, Reason: store.WrongNumber}, of: -1},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				r := dispatchtest.New(t, st)
				r.HandOut(tt.owner)
				r.Visit(t, "1001", "Иванов Иван", phone, time.Hour)
				vs, err := st.VisitsOf(t.Context(), contactOf(t, st, r))
				if err != nil {
					t.Fatal(err)
				}
				var people []string
				for _, e := range []store.Employee{{ID: vs[0].AdvisorID, Name: "Орлова М.В."}, {Name: "Андрей Соколов"}, {Name: "Мария Орлова", Roles: []string{store.RoleOperator}}} {
					e.DealerID, e.Active, e.Login = r.Dealer.ID, true, e.Name
					if e.Roles == nil {
						e.Roles = []string{store.RoleManager}
					}
					saved, err := st.SaveEmployee(t.Context(), e, storetest.Now)
					if err != nil {
						t.Fatal(err)
					}
					people = append(people, saved.ID)
				}
				if x := tt.against; x.Reason != "" {
					x.Channel, x.Address, x.At = channels.SMS, phone, storetest.Now
					if err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error { return tx.Suppress(t.Context(), x) }); err != nil {
						t.Fatal(err)
					}
				}
				r.Send(t)
				ts, err := st.Tasks(t.Context(), store.TaskFilter{DealerID: r.Dealer.ID, Kind: store.TaskPaper, Open: true})
				if err != nil || len(ts) > 1 || (len(ts) == 0) != tt.none {
					t.Fatalf("sheets: %+v, %v", ts, err)
				}
				if tt.none {
					return
				}
				owner := ""
				if tt.of >= 0 {
					owner = people[tt.of]
				}
				if x := ts[0]; x.OwnerID != owner || x.State != store.TaskOpen || x.VisitID != vs[0].ID || x.Survey != "after-service" || x.WayIn != "paper" {
					t.Errorf("the sheet is %+v", x)
				}
			})
		})
	}
}
