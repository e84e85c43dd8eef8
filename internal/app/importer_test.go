package app_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/internal/app"
	"otklik/internal/calendar"
	"otklik/internal/intake"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// imports runs exports into a store.
type imports struct {
	*testing.T
	im *app.Importer
	d  store.Dealer
}

// run imports a text and gives the counts, and what was said of its lines.
func (x imports) run(kind intake.Kind, locale, text string, dry bool) (string, string) {
	x.Helper()
	var said strings.Builder
	f, n, err := x.im.Import(x.Context(), "f.csv", strings.NewReader(text), app.ImportOptions{Kind: kind, Dealer: x.d, Locale: locale, DryRun: dry,
		Problem: func(file string, p intake.Problem) {
			if p.Refused {
				said.WriteString(p.Text(file) + "\n")
			}
		}})
	if err != nil {
		x.Fatal(err)
	}
	var refused bytes.Buffer
	if k, err := f.WriteRefused(&refused); err != nil || k != n.Refused {
		x.Errorf("%d refused rows are written for %d: %v", k, n.Refused, err)
	}
	return fmt.Sprintf("read %d stored %d updated %d unchanged %d refused %d", n.Read, n.Stored, n.Updated, n.Unchanged, n.Refused), said.String()
}

// TestImportKinds: every kind of export is stored whole, a second run changes nothing,
// a dry run stores nothing and says the same.
func TestImportKinds(t *testing.T) {
	for _, tt := range []struct {
		kind         intake.Kind
		file, locale string
		first, again string
		said         string
		events       string
		edit         [2]string // what is changed in the file
		edited       string    // and the counts then
		editedEvents string
		check        func(context.Context, *testing.T, *store.Store, store.Dealer)
	}{
		{intake.Deliveries, "deliveries-1c.csv", "ru", "read 5 stored 3 updated 0 unchanged 0 refused 2", "read 5 stored 0 updated 0 unchanged 3 refused 2",
			"f.csv:7: vin: no vehicle: neither chassis number nor plate nor model\nf.csv:8: Дата выдачи: no possible date\n",
			"vehicle_delivered vehicle_delivered vehicle_delivered", [2]string{"20.11.2026;12:30", "19.11.2026;12:30"}, "read 5 stored 0 updated 1 unchanged 2 refused 2", "vehicle_delivered", checkDeliveries},
		{intake.Appointments, "appointments-dms.csv", "en", "read 4 stored 2 updated 0 unchanged 0 refused 2", "read 4 stored 0 updated 0 unchanged 2 refused 2",
			"f.csv:4: Customer Name: no customer\nf.csv:5: Appt Date: no date\n",
			"appointment_booked", [2]string{"10:30 AM", "11:30 AM"}, "read 4 stored 0 updated 1 unchanged 1 refused 2", "appointment_booked", checkAppointments},
		{intake.Prospects, "prospects-crm.csv", "zh", "read 4 stored 3 updated 0 unchanged 0 refused 1", "read 4 stored 0 updated 0 unchanged 3 refused 1",
			"f.csv:5: 最近跟进时间: no date\n", "prospect_agreed prospect_contacted", [2]string{"2026-11-20 14:00", "2026-11-21 14:00"}, "read 4 stored 0 updated 1 unchanged 2 refused 1", "prospect_contacted", checkProspects},
		{intake.Customers, "customers-1c.csv", "ru", "read 4 stored 3 updated 0 unchanged 0 refused 1", "read 4 stored 0 updated 0 unchanged 3 refused 1",
			"f.csv:5: Наименование: no customer\n", "", [2]string{"К-02;Примерова Нина;89000003002;;08.03;Ж;;", "К-02;Примерова Нина;89000003002;;08.03.1979;Ж;такси;"}, "read 4 stored 0 updated 1 unchanged 2 refused 1", "", checkCustomers},
	} {
		t.Run(string(tt.kind), func(t *testing.T) {
			b, err := os.ReadFile("testdata/exports/" + tt.file)
			if err != nil {
				t.Fatal(err)
			}
			storetest.Each(t, func(t *testing.T, st *store.Store) {
				book, err := calendar.Default()
				if err != nil {
					t.Fatal(err)
				}
				x := imports{t, &app.Importer{Store: st, Now: func() time.Time { return storetest.Now }, Calendar: book}, storetest.Dealer(t, st)}
				for _, run := range []struct {
					name, text, counts, said, events string
					dry                              bool
				}{
					{"dry", string(b), tt.first, tt.said, "", true},
					{"first", string(b), tt.first, tt.said, tt.events, false},
					{"again", string(b), tt.again, tt.said, "", false},
					{"edited", strings.Replace(string(b), tt.edit[0], tt.edit[1], 1), tt.edited, tt.said, tt.editedEvents, false},
				} {
					counts, said := x.run(tt.kind, tt.locale, run.text, run.dry)
					if counts != run.counts || said != run.said {
						t.Errorf("%s: %s\n%s", run.name, counts, said)
					}
					if es := taken(t, st); es != run.events {
						t.Errorf("%s: events %q", run.name, es)
					}
				}
				tt.check(t.Context(), t, st, x.d)
			})
		})
	}
}

// TestImportedDayIsTheDealers: whoever gets a car an hour after midnight got it that day,
// whatever day it was in Greenwich.
func TestImportedDayIsTheDealers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		x := imports{t, &app.Importer{Store: st, Now: func() time.Time { return storetest.Now }}, storetest.Dealer(t, st)}
		counts, said := x.run(intake.Deliveries, "ru", "Номер договора;Дата выдачи;Время выдачи;Покупатель;Телефон покупателя;Модель;VIN\n"+
			"ДКП-1;20.11.2026;01:00;Вымышленнова Ольга;+79000002001;Vesta;XTAGFK330RY000101\nДКП-2;20.11.2026;23:30;Примеров Олег;+79000002002;Vesta;XTAGFK330RY000102\n", false)
		if counts != "read 2 stored 2 updated 0 unchanged 0 refused 0" {
			t.Fatalf("%s\n%s", counts, said)
		}
		for _, name := range []string{"Вымышленнова", "Примеров"} {
			vs, err := st.VehiclesOf(t.Context(), one(t.Context(), t, st, x.d, name).ID)
			if err != nil || len(vs) != 1 || vs[0].DeliveredOn != "2026-11-20" {
				t.Errorf("%s: %+v, %v", name, vs, err)
			}
		}
	})
}

// TestImportedAttention: special attention arrives with a reason, and as a mere flag
// (R137).
func TestImportedAttention(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		x := imports{t, &app.Importer{Store: st, Now: func() time.Time { return storetest.Now }}, storetest.Dealer(t, st)}
		counts, said := x.run(intake.Appointments, "ru", "Номер записи;Клиент;Телефон;Дата записи;Время записи;Особое внимание\n"+
			"1;Первый Иван;+79000003001;24.11.2026;10:00;да\n2;Второй Иван;+79000003002;24.11.2026;11:00;был недоволен\n3;Третий Иван;+79000003003;24.11.2026;12:00;нет\n4;Четвёртый Иван;+79000003004;24.11.2026;13:00;\n", false)
		if counts != "read 4 stored 4 updated 0 unchanged 0 refused 0" {
			t.Fatalf("%s\n%s", counts, said)
		}
		as, err := st.ListAppointments(t.Context(), store.AppointmentFilter{DealerID: x.d.ID, From: storetest.Now, To: storetest.Now.AddDate(0, 0, 3)})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range as {
			got = append(got, fmt.Sprintf("%s %t %s", a.Number, a.Attention, a.AttentionReason))
		}
		if want := []string{"1 true ", "2 true был недоволен", "3 false ", "4 false "}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// TestImportedZone: where somebody lives is told by a column, else by a landline or the country of his number; what a
// column has told stays.
func TestImportedZone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		x := imports{t, &app.Importer{Store: st, Now: func() time.Time { return storetest.Now }}, storetest.Dealer(t, st)}
		const people = "Первый Иван;+79000003001\nВторой Иван;+74232000002\nТретий Иван;+8613800000003\nЧетвёртый Иван;+79000003004\n"
		run := func(text, want string) {
			t.Helper()
			if counts, said := x.run(intake.Customers, "ru", text, false); counts != want {
				t.Errorf("%s, want %s\n%s", counts, want, said)
			}
		}
		run("Клиент;Телефон\n"+people, "read 4 stored 4 updated 0 unchanged 0 refused 0")
		run("Клиент;Телефон;Часовой пояс\nПервый Иван;+79000003001;Asia/Vladivostok\nТретий Иван;+8613800000003;МСК\nЧетвёртый Иван;+79000003004;где-то\n",
			"read 3 stored 0 updated 2 unchanged 1 refused 0")
		run("Клиент;Телефон\n"+people, "read 4 stored 0 updated 0 unchanged 4 refused 0")
		for name, want := range map[string]string{"Первый": "Asia/Vladivostok", "Второй": "Asia/Vladivostok", "Третий": "Europe/Moscow", "Четвёртый": ""} {
			if got := one(t.Context(), t, st, x.d, name).Zone; got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	})
}

// taken names the kinds of the events that waited, in the order of the alphabet.
func taken(t *testing.T, st *store.Store) string {
	t.Helper()
	var kinds []string
	for part := range st.TakeParts() {
		if _, _, _, err := st.TakeUp(t.Context(), store.Taking{Part: part}, storetest.Now, func(x store.Taken) store.Planned {
			for _, e := range x.Events {
				kinds = append(kinds, e.Kind)
			}
			return store.Planned{}
		}); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " ")
}

func one(ctx context.Context, t *testing.T, st *store.Store, d store.Dealer, query string) store.Contact {
	t.Helper()
	cs, err := st.SearchContacts(ctx, d.ID, query, 5)
	if err != nil || len(cs) != 1 {
		t.Fatalf("%s: %+v, %v", query, cs, err)
	}
	return cs[0]
}

func checkDeliveries(ctx context.Context, t *testing.T, st *store.Store, d store.Dealer) {
	t.Helper()
	vs, err := st.VehiclesOf(ctx, one(ctx, t, st, d, "Вымышленнова").ID)
	if err != nil || len(vs) != 1 || vs[0].DeliveredOn != "2026-11-19" || vs[0].Make != "LADA" || vs[0].Model != "LADA Vesta SW" || vs[0].ConsultantID == "" {
		t.Errorf("her car: %+v, %v", vs, err)
	}
	if vs, err := st.VehiclesOf(ctx, one(ctx, t, st, d, "Пример-Транс").ID); err != nil || len(vs) != 2 {
		t.Errorf("two cars of one contract: %+v, %v", vs, err)
	}
}

func checkAppointments(ctx context.Context, t *testing.T, st *store.Store, d store.Dealer) {
	t.Helper()
	as, err := st.ListAppointments(ctx, store.AppointmentFilter{DealerID: d.ID, From: storetest.Now, To: storetest.Now.AddDate(0, 0, 3)})
	if err != nil || len(as) != 2 {
		t.Fatalf("%+v, %v", as, err)
	}
	a, b := as[0], as[1]
	if a.Number != "A-1" || !a.StartsAt.Equal(time.Date(2026, 11, 24, 8, 30, 0, 0, time.UTC)) || !a.Attention || a.AttentionReason != "was unhappy last time" || a.Request != "noise front left" || a.Advisor != "K. Lee" || a.Works[0] != "LOF" {
		t.Errorf("moved: %+v", a)
	}
	if b.State != store.AppointmentCanceled {
		t.Errorf("canceled: %+v", b)
	}
}

func checkProspects(ctx context.Context, t *testing.T, st *store.Store, d store.Dealer) {
	t.Helper()
	ps, err := st.ProspectsOf(ctx, one(ctx, t, st, d, "王示例").ID)
	if err != nil || len(ps) != 1 {
		t.Fatalf("%+v, %v", ps, err)
	}
	p := ps[0]
	// Seven working days after Saturday 21 November in Russia: Tuesday 1 December.
	if p.Model != "轩逸" || p.Options != "顶配 白色" || p.Payment != "贷款" || p.TestDrive != "周六试驾" || p.ContactKind != "来店" || p.Origin != "官网" || p.Consultant != "赵顾问" || p.Notes != "喜欢红色" ||
		p.State != store.ProspectContacted || !p.DueAt.Equal(time.Date(2026, 12, 1, 11, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", p)
	}
	if ps, err = st.ProspectsOf(ctx, one(ctx, t, st, d, "李样本").ID); err != nil || !ps[0].DueAt.Equal(ps[0].AgreedAt) || ps[0].State != store.ProspectTestDrive {
		t.Errorf("agreed: %+v, %v", ps, err)
	}
	if ps, err = st.ProspectsOf(ctx, one(ctx, t, st, d, "张虚构").ID); err != nil || ps[0].State != store.ProspectLost || ps[0].Outcome != "战败" {
		t.Errorf("lost: %+v, %v", ps, err)
	}
}

func checkCustomers(ctx context.Context, t *testing.T, st *store.Store, d store.Dealer) {
	t.Helper()
	c := one(ctx, t, st, d, "Примеров Сергей")
	if vs, err := st.VehiclesOf(ctx, c.ID); err != nil || len(vs) != 1 || vs[0].DeliveredOn != "2022-03-14" || c.Birthday != "1984-02-29" || c.Tags != "автоклуб такси" {
		t.Errorf("%+v %+v, %v", c, vs, err)
	}
	if c := one(ctx, t, st, d, "Примерова Нина"); c.Birthday != "1979-03-08" || c.Tags != "такси" || c.Gender != "female" {
		t.Errorf("the year of a birthday: %+v", c)
	}
	if c := one(ctx, t, st, d, "Усопшев"); !c.Deceased {
		t.Errorf("%+v", c)
	}
}

// TestNextContactOnWorkingDays: the seventh working day is counted without the days on
// which the dealer is closed.
func TestNextContactOnWorkingDays(t *testing.T) {
	book, err := calendar.Default()
	if err != nil {
		t.Fatal(err)
	}
	d := store.Dealer{Country: "RU", Zone: "Europe/Moscow"}
	spoke := time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC) // a Monday
	day := calendar.Date{Year: 2026, Month: 11, Day: 18}
	closed := calendar.Closures{{From: day, To: day}}
	for _, tt := range []struct {
		closed calendar.Closures
		want   string
	}{{nil, "2026-11-25"}, {closed, "2026-11-26"}} {
		if got := app.NextContact(book, tt.closed, d, spoke).Format(time.DateOnly); got != tt.want {
			t.Errorf("closed %v: %s, want %s", tt.closed, got, tt.want)
		}
	}
}
