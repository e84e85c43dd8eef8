package intake

import (
	"slices"
	"strings"
	"testing"
)

const joinHeader = "Заказ-наряд;Дата закрытия;Клиент;Телефон;VIN;Виды работ;Сумма\n"

func TestJoin(t *testing.T) {
	for _, c := range []struct {
		name, rows string
		out        string // per row given back: line, works and sum, or the refusal
	}{
		{"identical lines collapse", "1;15.11.2026;Иванов;89010000000;V1;ТО;100\n1;15.11.2026;Иванов;89010000000;V1;ТО;100\n", "2 ТО 10000"},
		{"lines of works add up", "1;15.11.2026;Иванов;89010000000;V1;ТО;100\n1;15.11.2026;Иванов;89010000000;V1;мойка;50\n", "2 ТО+мойка 15000"},
		{"a copy of a further line adds nothing",
			"1;15.11.2026;Иванов;;V1;ТО;100\n1;15.11.2026;Иванов;;V1;мойка;50\n1;15.11.2026;Иванов;;V1;мойка;50\n", "2 ТО+мойка 15000"},
		{"the order's amount on every line", "1;15.11.2026;Иванов;;V1;ТО;150\n1;15.11.2026;Иванов;;V1;мойка;150\n", "2 ТО+мойка 15000"},
		{"equal amounts are lines' amounts where others differ",
			"1;15.11.2026;Иванов;;V1;ТО;50\n1;15.11.2026;Иванов;;V1;мойка;50\n2;15.11.2026;Ким;;V2;ТО;50\n2;15.11.2026;Ким;;V2;мойка;70\n",
			"2 ТО+мойка 10000, 4 ТО+мойка 12000"},
		{"the same works again are a later state", "1;15.11.2026;Иванов;;V1;ТО;100\n1;15.11.2026;Иванов;;V1;ТО;120\n", "2 ТО 12000"},
		{"the same car with another customer is the same order", "1;15.11.2026;Иванов;;V1;ТО;100\n1;15.11.2026;Петров;;V1;мойка;50\n", "2 ТО+мойка 15000"},
		{"the same customer with another car is the same order", "1;15.11.2026;Иванов;;V1;ТО;100\n1;15.11.2026;Иванов;;V2;мойка;50\n", "2 ТО+мойка 15000"},
		{"somebody else's car", "1;15.11.2026;Иванов;;V1;ТО;100\n1;15.11.2026;Петров;;V2;мойка;50\n", "2 ТО 10000, 3 !duplicate_order"},
		{"nobody's car", "1;15.11.2026;Иванов;;;ТО;100\n1;15.11.2026;Петров;;;мойка;50\n", "2 ТО 10000, 3 !duplicate_order"},
		{"a refused line takes its order along",
			"1;15.11.2026;Иванов;;V1;ТО;100\n1;31.02.2026;Иванов;;V1;мойка;50\n2;15.11.2026;Ким;;V2;ТО;70\n", "2 !same_order_refused, 3 bad_date !no_date, 4 ТО 7000"},
		{"refused lines without a number stay alone", ";15.11.2026;Иванов;;V1;ТО;100\n2;15.11.2026;Ким;;V2;ТО;70\n", "2 !no_order, 3 ТО 7000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := read(t, joinHeader+c.rows, moscow(t, Visits))
			before := len(f.Rows)
			rows := Join(f.Rows)
			var out []string
			lines := 0
			for _, r := range rows {
				lines += 1 + len(r.Joined)
				kept := strings.ReplaceAll(codes(r), "no_address", "")
				if r.Refused() {
					out = append(out, itoa(int64(r.Line))+" "+strings.TrimSpace(kept))
					continue
				}
				out = append(out, itoa(int64(r.Line))+" "+strings.Join(r.Record.Works, "+")+" "+itoa(r.Record.Total.Minor))
			}
			if got := strings.Join(out, ", "); got != c.out {
				t.Errorf("%s, want %s", got, c.out)
			}
			if lines != before {
				t.Errorf("%d lines came back of %d", lines, before)
			}
			if again := Join(f.Rows); len(again) != len(rows) {
				t.Errorf("joined again: %d rows, before %d", len(again), len(rows))
			}
		})
	}
}

func TestJoinOfCustomers(t *testing.T) {
	f := read(t, "Код клиента;Клиент;Телефон\n1;Иванов Иван;89010000001\n1;Иванов Иван;89010000002\n;Ким Олег;89010000003\n;Ким Олег;89010000003\n;Ким Олег;89010000004\n",
		moscow(t, Customers))
	rows := Join(f.Rows)
	if len(rows) != 3 || !slices.Equal(rows[0].Record.Customer.Phones, []string{"+79010000001", "+79010000002"}) {
		t.Errorf("%d rows: %+v", len(rows), rows)
	}
	if len(f.Rows[0].Record.Customer.Phones) != 1 {
		t.Error("the given record was changed")
	}
}

// The same number at another dealer is another order.
func TestJoinKeepsDealersApart(t *testing.T) {
	f := read(t, "Дилер;Заказ-наряд;Дата закрытия;Клиент;VIN\nЮГ;1;15.11.2026;Иванов;V1\nСЕВЕР;1;15.11.2026;Ким;V2\n", moscow(t, Visits))
	if rows := Join(f.Rows); len(rows) != 2 || rows[0].Refused() || rows[1].Refused() {
		t.Errorf("%+v", rows)
	}
}
