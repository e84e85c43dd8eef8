package outlook_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/outlook"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// line is what a day says of somebody.
type line struct{ At, Contact, Program, Step, Channel, Verdict, Rule string }

// linesOf reads a day: what is said to be over must be, and what was sent has a message.
func linesOf(t *testing.T, o *outlook.Outlook, dealer string, from time.Time, over bool) (out []line) {
	t.Helper()
	d, err := o.Day(t.Context(), dealer, from, from.Add(24*time.Hour), true, time.Minute)
	if err != nil || !d.Ready() {
		t.Fatal(err)
	}
	counted := 0
	for _, g := range d.Counts() {
		counted += g.N
		rows, err := d.Page(outlook.Filter{Program: g.Program, Verdict: g.Verdict, Rule: g.Rule}, 0, 1000)
		if err != nil || len(rows) != g.N {
			t.Errorf("%d rows of %+v: %v", len(rows), g, err)
		}
	}
	const size = 77
	for page := 0; ; page++ { // as a page reads it
		rows, err := d.Page(outlook.Filter{}, size*page, size)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if r.Finished != over || (r.Message == outreach.Sent) != (over && r.Verdict == "send") {
				t.Errorf("finished %v, message %q of %+v", r.Finished, r.Message, r.Forecast)
			}
			out = append(out, line{r.At.Format(time.RFC3339), r.Contact, r.Program, r.Step, string(r.Channel), r.Verdict, r.Rule})
		}
		if len(rows) < size {
			break
		}
	}
	if counted != len(out) {
		t.Errorf("%d are counted, %d shown", counted, len(out))
	}
	slices.SortFunc(out, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.Contact, b.Contact), cmp.Compare(a.Program, b.Program), cmp.Compare(a.Step, b.Step))
	})
	return out
}

// TestDayIsWhatHappens compares 8 March as it is foreseen three days before with what it
// was; and the counts of the month with both.
func TestDayIsWhatHappens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		zone := r.Dealer.Location()
		clk := r.Stop(time.Date(2027, 3, 5, 9, 0, 0, 0, zone))
		day := time.Date(2027, 3, 8, 0, 0, 0, 0, zone)
		women, unknown, born := 0, 0, 0
		err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
			var cs []store.ContactRecord
			for i := range 720 { // more are over than one read gives
				c := store.ContactRecord{ExternalID: fmt.Sprint(i), Name: fmt.Sprint("Клиент ", i), Given: "Анна", Gender: []string{"female", "male", "", "female"}[i%4], Deceased: i == 4}
				if i%5 != 1 {
					c.Phones = []string{fmt.Sprintf("+7900%07d", i)}
				}
				switch {
				case c.Deceased:
				case c.Gender == "female":
					women++
				case c.Gender == "":
					unknown++
				}
				if i%7 == 0 {
					c.Birthday = "1980-03-08"
					born++
				}
				cs = append(cs, c)
			}
			_, err := tx.SaveContacts(t.Context(), r.Dealer, cs, clk.Business())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"birthday", "womens-day"} {
			if err := st.SetProgram(t.Context(), store.ProgramSetting{DealerID: r.Dealer.ID, Program: id, Running: true, ChangedAt: clk.Business()}); err != nil {
				t.Fatal(err)
			}
		}
		o := &outlook.Outlook{Store: st, Clock: clk, Planner: r.Planner, Dispatcher: r.Dispatcher}
		t.Cleanup(o.Close)
		tallies, err := o.Days(t.Context(), r.Dealer.ID, []time.Time{day, day.AddDate(0, 0, 1)})
		want := [][]outlook.Tally{{{Program: "birthday", Planned: born}, {Program: "womens-day", Planned: women, Unknown: unknown, Dropped: 1}}}
		if d := gocmp.Diff(want, tallies); d != "" || err != nil {
			t.Errorf("before: %v %s", err, d)
		}
		foreseen := linesOf(t, o, r.Dealer.ID, day, false)
		for clk.Business().Before(day.AddDate(0, 0, 1)) {
			if _, err := r.Planner.Run(t.Context(), clk.Business()); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Dispatcher.Once(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			clk.Set(clk.Business().Add(time.Hour))
		}
		happened := linesOf(t, o, r.Dealer.ID, day, true)
		if d := gocmp.Diff(foreseen, happened); d != "" || len(foreseen) != born+women+unknown+1 {
			t.Errorf("%d foreseen (-), %d happened (+):\n%s", len(foreseen), len(happened), d)
		}
		tallies, err = o.Days(t.Context(), r.Dealer.ID, []time.Time{day, day.AddDate(0, 0, 1)})
		sent := 0
		for _, l := range happened {
			if l.Verdict == "send" {
				sent++
			}
		}
		if err != nil || sent == 0 || tallies[0][0].Done+tallies[0][1].Done != sent || tallies[0][1].Unknown != unknown {
			t.Errorf("after: %v, %d sent, %+v", err, sent, tallies)
		}
	})
}

// TestFarDayIsWhatHappens: a day that lies ahead is judged by what goes to the same people
// before it. Who is congratulated on two days before has had his two of the week.
func TestFarDayIsWhatHappens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		r := dispatchtest.New(t, st)
		zone := r.Dealer.Location()
		clk := r.Stop(time.Date(2027, 2, 20, 9, 0, 0, 0, zone))
		women := time.Date(2027, 3, 8, 0, 0, 0, 0, zone)
		err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
			var cs []store.CustomerRecord
			for i := range 6 {
				c := store.CustomerRecord{ContactRecord: store.ContactRecord{ExternalID: fmt.Sprint(i), Name: fmt.Sprint("Клиент ", i), Given: "Анна", Gender: "female", Phones: []string{fmt.Sprintf("+7900%07d", i)}}}
				if i < 4 {
					c.Birthday = "1980-03-06"
				}
				if i < 2 {
					c.Car = store.CarRecord{VIN: fmt.Sprint("XTA0000000000000", i), Model: "LADA Vesta", DeliveredOn: "2024-03-07"}
				}
				cs = append(cs, c)
			}
			_, err := tx.SaveCustomers(t.Context(), r.Dealer, cs, clk.Business())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"birthday", "womens-day", "car-birthday"} {
			if err := st.SetProgram(t.Context(), store.ProgramSetting{DealerID: r.Dealer.ID, Program: id, Running: true, ChangedAt: clk.Business()}); err != nil {
				t.Fatal(err)
			}
		}
		o := &outlook.Outlook{Store: st, Clock: clk, Planner: r.Planner, Dispatcher: r.Dispatcher}
		t.Cleanup(o.Close)
		foreseen := linesOf(t, o, r.Dealer.ID, women, false)
		for clk.Business().Before(women.AddDate(0, 0, 8)) {
			if _, err := r.Planner.Run(t.Context(), clk.Business()); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Dispatcher.Once(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			clk.Set(clk.Business().Add(time.Hour))
		}
		if d := gocmp.Diff(foreseen, linesOf(t, o, r.Dealer.ID, women, true)); d != "" || len(foreseen) != 6 {
			t.Errorf("%d foreseen (-), happened (+):\n%s", len(foreseen), d)
		}
		sent := 0
		for _, l := range foreseen {
			if l.Verdict == "send" {
				sent++
			}
		}
		if sent != 4 {
			t.Errorf("%d of 6 are sent to, want the 4 who had no two others in the week: %+v", sent, foreseen)
		}
	})
}
