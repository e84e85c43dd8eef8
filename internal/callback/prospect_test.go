package callback_test

import (
	"os"
	"testing"
	"time"

	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestACustomerWhoAsksForACarIsFollowedUp: whoever has had his car serviced here and
// wants a new one is a prospect like any other (R061 to R065).
func TestACustomerWhoAsksForACarIsFollowedUp(t *testing.T) {
	all, err := program.Load(os.DirFS("../../templates"), "programs")
	if err != nil {
		t.Fatal(err)
	}
	for id, agreed := range map[string]bool{"prospect-followup": false, "prospect-agreed": true} {
		t.Run(id, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				o := newOffice(t, st)
				ctx := t.Context()
				o.Planner.Programs = program.Fixed(map[string]*program.Definition{id: all[id]})
				o.Dispatcher.Programs = o.Planner.Programs
				if err := st.SetProgram(ctx, store.ProgramSetting{DealerID: o.Dealer.ID, Program: id, Running: true, ChangedAt: storetest.Now}); err != nil {
					t.Fatal(err)
				}
				now := o.Clock.Business()
				record := store.ProspectRecord{Number: "P1", Model: "Vesta", ContactedAt: now, Customer: storetest.Visit("1001", "Иванов Иван", "+79000000101", now).Customer}
				record.Customer.Prospect = true
				if agreed {
					record.AgreedAt = now.AddDate(0, 0, 7)
				}
				err := st.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
					_, err := tx.SaveProspects(ctx, o.Dealer, []store.ProspectRecord{record}, now)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				for range 14 {
					o.Send(t)
					o.Forward(t, 24*time.Hour)
				}
				ts, err := st.Tasks(ctx, store.TaskFilter{DealerID: o.Dealer.ID, Kind: store.TaskProspect})
				if err != nil || len(ts) != 1 || ts[0].ContactID != o.task.ContactID {
					t.Errorf("calls: %+v, %v", ts, err)
				}
			})
		})
	}
}
