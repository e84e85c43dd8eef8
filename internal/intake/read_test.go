package intake

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// An Альфа-Авто like export: title lines, other order of columns, names in three columns, telephones in several.
const titledExport = `Отчёт: Закрытые заказ-наряды;;;;;;;;;;;
Период: 01.11.2026 - 30.11.2026;;;;;;;;;;;
;;;;;;;;;;;
№ п/п;Фамилия;Имя;Отчество;Моб. тел.;Раб. телефон;№ ЗН;Дата выдачи;Время выдачи;Марка;Модель;VIN-код;Итого к оплате
1;ПЕТРОВА;АННА;СЕРГЕЕВНА;+7 (901) 000-11-22;8 (863) 200-00-50 доб. 3;ЗН-001;03.11.2026;18:30;LADA;Vesta;XTAEDCNSB6X5NRV8A;12 500,50
2;ООО "Вектор";;;8 901 000 11 23;;ЗН-002;04.11.2026;09:15;LADA;LADA Granta;XTAEDCNSB6X5NRV8B;1 000
Итого по отчёту:;;;;;;;;;;;;13 500,50
Исполнитель: Иванова И.И.;;;;;;;;;;;;
`

func TestTitledExport(t *testing.T) {
	f := read(t, titledExport, moscow(t, Visits))
	if f.HeaderLine != 4 || len(f.Rows) != 2 || f.Rows[0].Line != 5 || len(f.Rows[0].Problems)+len(f.Rows[1].Problems) != 0 {
		t.Fatalf("header on line %d, rows %+v", f.HeaderLine, f.Rows)
	}
	want := &Record{
		Order: "ЗН-001", HandedOverAt: at("2026-11-03T15:30:00Z"),
		Total: Money{Minor: 1250050, Currency: "RUB", Valid: true},
		Customer: Customer{
			Name: "Петрова Анна Сергеевна", Family: "Петрова", Given: "Анна", Patronymic: "Сергеевна",
			Gender: "female", GenderSource: "patronymic", Locale: "ru", Zone: "Europe/Moscow", Phones: []string{"+79010001122", "+78632000050"},
		},
		Vehicle: Vehicle{VIN: "XTAEDCNSB6X5NRV8A", Make: "LADA", Model: "LADA Vesta"},
	}
	if got := f.Rows[0].Record; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	second := f.Rows[1].Record
	if !second.Customer.Company || second.Customer.CompanyName != `ООО "Вектор"` || second.Vehicle.Model != "LADA Granta" {
		t.Errorf("%+v", second)
	}
}

func TestKinds(t *testing.T) {
	for _, c := range []struct {
		name  string
		kind  Kind
		text  string
		check func(*Record) bool
	}{
		{"customers", Customers, "Код клиента;Контрагент;Контакты;День рождения;Язык\nК-1;Иванов Иван Иванович;8-901-000-11-22, ivan@example.org;15.03;английский\n",
			func(r *Record) bool {
				return r.Customer.ExternalID == "К-1" && r.Customer.Phones[0] == "+79010001122" && r.Customer.Emails[0] == "ivan@example.org" &&
					r.Customer.Birthday == "--03-15" && r.Customer.Locale == "en" && r.Clock().IsZero()
			}},
		{"customers without an id", Customers, "姓名,手机,邮箱,性别\n欧阳娜娜,15000000311,a@example.org,女\n",
			func(r *Record) bool { return r.Customer.Family == "欧阳" && r.Customer.Gender == "female" }},
		{"deliveries", Deliveries, "Договор;Покупатель;Телефон;Дата выдачи;Модель;VIN;Продавец\nД-1;Иванов Иван;89010001122;05.11.2026 12:00;LADA Vesta;XTAEDCNSB6X5NRV8A;Орлова М.\n",
			func(r *Record) bool {
				return r.Order == "Д-1" && r.HandedOverAt.Equal(at("2026-11-05T09:00:00Z")) && r.Vehicle.DeliveredOn == "2026-11-05" && r.Advisor == "Орлова М."
			}},
		{"deliveries by date of sale", Deliveries, "Deal Number,Buyer,Cell,Sold Date,Vehicle,Sales Consultant\n77,\"Smith, John\",+1 415 555 0191,2026-11-05,2026 Camry,K. Lee\n",
			func(r *Record) bool {
				return r.Order == "77" && r.HandedOverAt.Equal(at("2026-11-04T21:00:00Z")) && r.Vehicle.DeliveredOn == "2026-11-05"
			}},
		{"a time of day under a bare header", Deliveries, "Дата выдачи а/м;Время;Клиент;Телефон;Модель\n05.11.2026;14:00;Ким Олег;89010001122;Vesta\n",
			func(r *Record) bool { return r.HandedOverAt.Equal(at("2026-11-05T11:00:00Z")) }},
		{"deliveries without a number", Deliveries, "客户姓名,手机,交车日期,车架号\n张伟,+8615000000311,2026年11月5日,XTAEDCNSB6X5NRV8A\n",
			func(r *Record) bool { return r.Order == "" && r.Customer.Name == "张伟" && !r.Clock().IsZero() }},
		{"appointments", Appointments, "Номер записи;Клиент;Телефон;Дата записи;Время записи;Создана;Причина обращения;Статус\n15;Иванов Иван;89010001122;25.11.2026;10:30;20.11.2026;ТО-2, стук;Не приехал\n",
			func(r *Record) bool {
				return r.Order == "15" && r.StartsAt.Equal(at("2026-11-25T07:30:00Z")) && r.State == "missed" && slices.Equal(r.Works, []string{"ТО-2", "стук"})
			}},
		{"appointments in English", Appointments, "Customer Name,Appt Date,Appt Time,Phone,Status\nJohn Smith,11/25/2026,10:30 AM,+14155550191,Confirmed\n",
			func(r *Record) bool { return r.StartsAt.Equal(at("2026-11-25T07:30:00Z")) && r.State == "booked" }},
		{"prospects", Prospects, "Имя;Телефон;Дата обращения;Модель;Комплектация;Способ оплаты;Тест-драйв;Вид контакта;Источник\nМария;89010001122;20.11.2026 14:00;LADA Vesta;Comfort;кредит;да;звонок;сайт\n",
			func(r *Record) bool {
				return r.OpenedAt.Equal(at("2026-11-20T11:00:00Z")) && r.Customer.Given == "Мария" && reflect.DeepEqual(r.Interest, map[string]string{
					"model": "LADA Vesta", "options": "Comfort", "payment": "кредит", "test_drive": "да", "contact_kind": "звонок", "source": "сайт"})
			}},
		{"prospects in Chinese", Prospects, "线索编号,潜客姓名,手机号,线索创建时间,意向车型,付款方式,线索来源\nL1,王伟,+8615000000311,2026-11-20 14:00,轩逸,贷款,官网\n",
			func(r *Record) bool {
				return r.Order == "L1" && r.Interest["model"] == "轩逸" && r.Interest["source"] == "官网"
			}},
		{"customers with tags, and one who has died", Customers, "Код;ФИО;Телефон;Теги;Умер\nК-1;Иванов Иван;89010001122;автоклуб, корпоратив;да\n",
			func(r *Record) bool {
				return r.Customer.Deceased && slices.Equal(r.Customer.Tags, []string{"автоклуб", "корпоратив"})
			}},
		{"customers in English", Customers, "Customer ID,Name,Phone,Customer Group,Deceased\n7,John Smith,+14155550191,fleet,no\n",
			func(r *Record) bool { return !r.Customer.Deceased && slices.Equal(r.Customer.Tags, []string{"fleet"}) }},
		{"an appointment for a warranty repair", Appointments, "№ записи;Клиент;Телефон;Дата записи;Дата обращения;Гарантия;Не на ходу;Согласован другой срок;Особое внимание;Со слов клиента;Статус\n16;Иванов Иван;89010001122;25.11.2026 10:30;24.11.2026 09:00;да;да;нет;был недоволен;стук справа;Записан\n",
			func(r *Record) bool {
				return r.Warranty && r.Immobile && !r.AgreedOther && r.Attention && r.AttentionReason == "был недоволен" && r.Request == "стук справа" && r.State == "booked" && r.OpenedAt.Equal(at("2026-11-24T06:00:00Z"))
			}},
		{"a prospect and what was agreed", Prospects, "Лид;Имя;Телефон;Дата последнего контакта;Дата следующего контакта;Интерес;Менеджер;Статус;Комментарий\n5;Мария;89010001122;20.11.2026 14:00;27.11.2026;Vesta;Зимин П.;Отказ;купит весной\n",
			func(r *Record) bool {
				return r.OpenedAt.Equal(at("2026-11-20T11:00:00Z")) && r.AgreedAt.Equal(at("2026-11-26T21:00:00Z")) && r.State == "lost" && r.Outcome == "Отказ" && r.Notes == "купит весной" && r.Advisor == "Зимин П."
			}},
		{"the last contact counts", Prospects, "Lead ID,Lead Name,Phone,Created,Last Contact,Next Contact,Status\n5,John Smith,+14155550191,2026-11-01 09:00,2026-11-20 14:00,2026-12-01,Test Drive\n",
			func(r *Record) bool {
				return r.OpenedAt.Equal(at("2026-11-20T11:00:00Z")) && r.AgreedAt.Equal(at("2026-11-30T21:00:00Z")) && r.State == "test_drive"
			}},
		{"a Chinese prospect", Prospects, "线索编号,潜客姓名,手机号,最近跟进时间,下次跟进时间,状态,备注\nL2,王伟,+8615000000311,2026-11-20 14:00,2026-11-28,已试驾,喜欢红色\n",
			func(r *Record) bool {
				return r.State == "test_drive" && !r.AgreedAt.IsZero() && r.Notes == "喜欢红色"
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := read(t, c.text, moscow(t, c.kind))
			if len(f.Rows) != 1 || f.Rows[0].Refused() || len(f.Rows[0].Problems) != 0 {
				t.Fatalf("%+v; understood %v", f.Rows, f.Fields)
			}
			if r := f.Rows[0].Record; !c.check(r) {
				t.Errorf("%+v; understood %v", r, f.Fields)
			}
		})
	}
}

// TestAppointmentsFarAhead: an appointment may lie ahead, up to two years.
func TestAppointmentsFarAhead(t *testing.T) {
	for day, want := range map[string]string{"22.11.2028": "", "23.11.2028": "bad_date !no_date", "31.12.9999": "bad_date !no_date"} {
		f := read(t, "Номер записи;Клиент;Телефон;Дата записи\n1;Иванов Иван;89010000000;"+day+"\n", moscow(t, Appointments))
		if got := codes(f.Rows[0]); got != want {
			t.Errorf("%s: %q, want %q: %v", day, got, want, f.Rows[0].Problems)
		}
	}
}

// TestDeliveredWhen: a vehicle is handed over neither before 1950 nor in the future nor
// after the visit that it came to; such a day is left out, the rest is taken.
func TestDeliveredWhen(t *testing.T) {
	for day, want := range map[string]string{"15.11.2026": "", "16.11.2026": "bad_date", "01.01.1950": "", "31.12.1949": "bad_date", "01.01.2099": "bad_date"} {
		f := read(t, "Заказ-наряд;Дата закрытия;Клиент;Телефон;Дата продажи\n1;15.11.2026;Иванов Иван;89010000000;"+day+"\n", moscow(t, Visits))
		if got := codes(f.Rows[0]); got != want {
			t.Errorf("%s: %q, want %q: %v", day, got, want, f.Rows[0].Problems)
		}
		if r := f.Rows[0].Record; r == nil || (r.Vehicle.DeliveredOn == "") != (want != "") {
			t.Errorf("%s: %+v", day, r)
		}
	}
	for day, want := range map[string]string{"24.11.2026": "", "25.11.2026": "bad_date"} {
		f := read(t, "Клиент;Телефон;Дата продажи\nИванов Иван;89010000000;"+day+"\n", moscow(t, Customers))
		if got := codes(f.Rows[0]); got != want {
			t.Errorf("%s: %q, want %q: %v", day, got, want, f.Rows[0].Problems)
		}
	}
}

func TestRowProblems(t *testing.T) {
	const header = "Заказ-наряд;Дата закрытия;Выдан;Клиент;Телефон;E-mail;Пробег;Сумма;Пол\n"
	for _, c := range []struct{ name, row, codes string }{
		{"good", "1;15.11.2026;16.11.2026;Иванов Иван;89010000000;a@example.org;100;100;М", ""},
		{"no order", ";15.11.2026;16.11.2026;Иванов Иван;89010000000;;;;", "!no_order"},
		{"dash for an order", "-;15.11.2026;16.11.2026;Иванов Иван;89010000000;;;;", "!no_order"},
		{"no customer", "1;15.11.2026;16.11.2026;;89010000000;;;;", "!no_customer"},
		{"number for a customer", "1;15.11.2026;16.11.2026;62;89010000000;;;;", "!no_customer"},
		{"neither date", "1;;;Иванов Иван;89010000000;;;;", "!no_date"},
		{"one impossible, one good", "1;31.02.2026;16.11.2026;Иванов Иван;89010000000;;;;", "bad_date"},
		{"the other impossible", "1;15.11.2026;31.02.2026;Иванов Иван;89010000000;;;;", "bad_date"},
		{"both impossible", "1;30.02.2026;31.02.2026;Иванов Иван;89010000000;;;;", "bad_date bad_date !no_date"},
		{"one impossible, one empty", "1;31.02.2026;;Иванов Иван;89010000000;;;;", "bad_date !no_date"},
		{"one far ahead, one good", "1;15.11.2026;16.11.2036;Иванов Иван;89010000000;;;;", "bad_date"},
		{"the other far ahead", "1;16.11.2036;15.11.2026;Иванов Иван;89010000000;;;;", "bad_date"},
		{"both far ahead", "1;31.12.9999;31.12.9999;Иванов Иван;89010000000;;;;", "bad_date bad_date !no_date"},
		{"two days ahead", "1;;24.11.2026 14:59;Иванов Иван;89010000000;;;;", ""},
		{"a little more", "1;;24.11.2026 15:01;Иванов Иван;89010000000;;;;", "bad_date !no_date"},
		{"one empty", "1;15.11.2026;;Иванов Иван;89010000000;;;;", ""},
		{"twelve digits", "1;15.11.2026;;Иванов Иван;891612345678;a@example.org;;;", "bad_phone"},
		{"bad address", "1;15.11.2026;;Иванов Иван;89010000000;нет@;;;", "bad_email"},
		{"no address", "1;15.11.2026;;Иванов Иван;;;;;", "no_address"},
		{"no usable address", "1;15.11.2026;;Иванов Иван;12345;нет@;;;", "bad_phone bad_email no_address"},
		{"says none", "1;15.11.2026;;Иванов Иван;нет;нет;;;", "no_address"},
		{"mileage and amount", "1;15.11.2026;;Иванов Иван;89010000000;;много;дорого;?", "bad_money bad_number"},
		{"several", ";;;;89010000000;;;5;", "!no_order !no_customer !no_date"},
		{"shifted", "1;15.11.2026;;Иванов;Иван;89010000000;;;;100;М", "!shifted"},
		{"short row", "1;15.11.2026;;Иванов Иван;89010000000", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := read(t, header+c.row+"\n", moscow(t, Visits))
			if len(f.Rows) != 1 {
				t.Fatalf("%d rows", len(f.Rows))
			}
			if got := codes(f.Rows[0]); got != c.codes {
				t.Errorf("%q, want %q: %v", got, c.codes, f.Rows[0].Problems)
			}
			if f.Rows[0].Refused() != strings.Contains(c.codes, "!") {
				t.Errorf("refused %v with %q", f.Rows[0].Refused(), c.codes)
			}
		})
	}
}

func TestProblemText(t *testing.T) {
	f := read(t, "Заказ-наряд;Дата закрытия;Клиент;Телефон\n\"1\n2\";31.02.2026;Иванов Иван;891612345678\n\n3;15.11.2026;;\n", moscow(t, Visits))
	var got []string
	for _, r := range f.Rows {
		for _, p := range r.Problems {
			got = append(got, p.Text("v.csv"))
		}
	}
	want := []string{
		`v.csv:2: Дата закрытия: "31.02.2026" is not in the calendar; left out`,
		`v.csv:2: Дата закрытия: no possible date of closing or hand-over`,
		`v.csv:2: Телефон: 12 digits are no telephone number of RU; left out`,
		`v.csv:2: Телефон: no usable phone number or e-mail address; the customer cannot be reached`,
		`v.csv:5: Клиент: no customer`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Title, blank and total lines and a repeated header are no rows; rows that only look like them are.
func TestWhatIsARow(t *testing.T) {
	const header = "Заказ-наряд;Дата закрытия;Клиент;Телефон;Сумма\n"
	for _, c := range []struct {
		line string
		row  bool
	}{
		{"1;15.11.2026;Иванов Иван;89010000000;5", true},
		{";;;;", false}, {"", false}, {" ; ;\u00a0;;", false},
		{"Итого:;;62", false}, {"ИТОГО;;;;1 000,00", false}, {";;Итого;;1000", false}, {";;;;62 000,00", false}, {"Орлова М.В.;;;;1000", false}, {"Цех № 2;;;;1000", false}, {"Всего: 62;;;;", false}, {"Total;;;;5", false},
		{"合计;;;;5", false}, {"Итого по цеху;;;;1000", false}, {"Grand total;;62;;5", false}, {"Итого;;12 шт.;;", true},
		{"Слесарный цех за ноябрь;;;;", false}, {"Директор __________ Иванов;;;;", false},
		{"Заказ-наряд;Дата закрытия;Клиент;Телефон;Сумма", false},
		{"ЮГ1;;;;", true}, {"ЗН 1;;;;", true}, {";;Иванов Иван Иванович;;", true}, {";;;8 901 000 00 00;", true},
		{"1;15.11.2026;Тотальные решения, ООО;89010000000;5", true}, {"1;15.11.2026;Итоговая Анна;89010000000;5", true},
		{"Итого;15.11.2026;Иванов Иван;89010000000;5", true}, {"Totally;;Иванов Иван;;", true},
	} {
		f := read(t, header+c.line+"\n", moscow(t, Visits))
		if (len(f.Rows) == 1) != c.row {
			t.Errorf("%q: %d rows", c.line, len(f.Rows))
		}
	}
}

func TestHeaderOfTwoLines(t *testing.T) {
	f := read(t, "Заказ-наряд;Дата;Клиент;;;Сумма\n;;ФИО;Телефон;Дата рождения;\n1;15.11.2026;Иванов Иван;89010000000;21.01.1988;100\n", moscow(t, Visits))
	if len(f.Rows) != 1 || f.Rows[0].Refused() || f.Rows[0].Record.Customer.Birthday != "1988-01-21" || !f.Rows[0].Record.Total.Valid {
		t.Errorf("%v: %+v", f.Fields, f.Rows)
	}
}

// Where a header says nothing, the cells do.
func TestSniffing(t *testing.T) {
	rows := ""
	for _, r := range []string{"А-17;Иванов Иван Иванович;89010000001;ivan@example.org;XTAEDCNSB6X5NRV81", "А-18;Петрова Анна;89010000002;;XTAEDCNSB6X5NRV82",
		"А-19;Ким Олег;89010000003;kim@example.org;XTAEDCNSB6X5NRV83"} {
		rows += r + ";15.11.2026\n"
	}
	f := read(t, "Поле 1;Клиент;Поле 3;Поле 4;;Дата\n"+rows, moscow(t, Visits))
	r := f.Rows[0].Record
	if r == nil || r.Order != "А-17" || len(r.Customer.Phones) != 1 || len(r.Customer.Emails) != 1 || r.Vehicle.VIN == "" || r.ClosedAt.IsZero() {
		t.Errorf("understood %v: %+v", f.Fields, r)
	}
	f = read(t, "Заказ-наряд;Дата;Клиент;Телефон мастера;Организация\n1;15.11.2026;Иванов Иван;89010000001;ООО Дилер\n2;15.11.2026;Петрова Анна;89010000001;ООО Дилер\n", moscow(t, Visits))
	if r := f.Rows[0].Record; len(r.Customer.Phones) != 0 || r.Customer.Company {
		t.Errorf("the advisor's number became the customer's: %+v", r.Customer)
	}
	f = read(t, "Заказ-наряд;Дата;Клиент\n1;15.11.2026;\"Иванов Иван, тел. 8-901-000-00-01\"\n", moscow(t, Visits))
	if r := f.Rows[0].Record; r.Customer.Name != "Иванов Иван" || !slices.Equal(r.Customer.Phones, []string{"+79010000001"}) {
		t.Errorf("a number inside the name: %+v", r.Customer)
	}
}

func TestMapping(t *testing.T) {
	o := moscow(t, Visits)
	o.Mapping = map[string]string{"реквизит 7": "order", "Инфо": "phone", "Телефон": "ignore"}
	f := read(t, "Реквизит 7;Инфо;Клиент;Дата;Телефон\n12;89010000001;Иванов Иван;15.11.2026;89010000002\n", o)
	r := f.Rows[0].Record
	if r == nil || r.Order != "12" || !slices.Equal(r.Customer.Phones, []string{"+79010000001"}) || f.Fields["Реквизит 7"] != "order" || f.Fields["Телефон"] != "" {
		t.Errorf("%v: %+v", f.Fields, r)
	}
}

func TestRegionOptionWins(t *testing.T) {
	o := moscow(t, Visits)
	o.Region = "US"
	f := read(t, "RO Number,Customer,Phone,Closed\n1,John Smith,(415) 555-0191,2026-11-15\n2,Ann Lee,89010000000,2026-11-15\n", o)
	if f.Region != "US" || f.RegionGuessed || f.Rows[0].Record.Customer.Phones[0] != "+14155550191" || codes(f.Rows[1]) != "bad_phone no_address" {
		t.Errorf("region %s: %v", f.Region, f.Rows)
	}
}

func TestSums(t *testing.T) {
	f := read(t, "Заказ-наряд;Дата;Клиент;Телефон;Сумма работ, руб;Сумма запчастей, руб\n1;15.11.2026;Иванов Иван;89010000000;100,50;200\n", moscow(t, Visits))
	if got := f.Rows[0].Record.Total; got != (Money{30050, "RUB", true}) {
		t.Errorf("%+v", got)
	}
	f = read(t, "Заказ-наряд;Дата;Клиент;Телефон;Сумма работ;Итого;Валюта\n1;15.11.2026;Иванов Иван;89010000000;100,50;200;KZT\n", moscow(t, Visits))
	if got := f.Rows[0].Record.Total; got != (Money{20000, "KZT", true}) {
		t.Errorf("%+v", got)
	}
}

func TestSplitWorks(t *testing.T) {
	for cell, want := range map[string][]string{
		"ТО-4, замена тормозных колодок":      {"ТО-4", "замена тормозных колодок"},
		"масло 5W-30 4,5 л; фильтр":           {"масло 5W-30 4,5 л", "фильтр"},
		"замена рычагов (левый, правый), ТО":  {"замена рычагов (левый, правый)", "ТО"},
		"常规保养、更换刹车片":                          {"常规保养", "更换刹车片"},
		"1. диагностика\n2. мойка":            {"1. диагностика", "2. мойка"},
		"Гарантия: замена датчика кислорода ": {"Гарантия: замена датчика кислорода"},
		"": nil, "-": nil,
	} {
		if got := splitWorks(cell); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", cell, got, want)
		}
	}
}

func TestSameExportInEveryEncoding(t *testing.T) {
	want := read(t, titledExport, moscow(t, Visits)).Rows
	for _, enc := range []string{encUTF8BOM, enc16LE, enc16BE, enc1251, encKOI8, enc866, encGB} {
		f, err := Read(context.Background(), "x.csv", strings.NewReader(encoded(t, titledExport, enc)), moscow(t, Visits))
		if err != nil {
			t.Errorf("%s: %v", enc, err)
			continue
		}
		if f.Encoding != enc || !reflect.DeepEqual(f.Rows, want) {
			t.Errorf("%s read as %s: %+v", enc, f.Encoding, f.Rows)
		}
	}
}
