package intake

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

const refusedExport = "Отчёт\r\nЗаказ-наряд;Дата закрытия;Клиент;Телефон;Виды работ\r\n" +
	"1;15.11.2026;Иванов Иван;89010000000;ТО\r\n" +
	";16.11.2026;\"ООО \"\"Ромашка\"\"\";\"8 901 000 00 01; 12345\";\"ТО\r\nмойка\"\r\n" +
	"3;31.02.2026;Ким Олег;89010000002;ТО\r\n"

// The refused rows come in the file's own encoding and can be imported again: mended ones are taken, others refused
// with the same reasons.
func TestRefusedRoundTrip(t *testing.T) {
	for _, enc := range []string{enc1251, encKOI8, encUTF8, encUTF8BOM, enc16LE, enc16BE, encGB} {
		t.Run(enc, func(t *testing.T) {
			f, err := Read(context.Background(), "v.csv", strings.NewReader(encoded(t, refusedExport, enc)), moscow(t, Visits))
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			n, err := f.WriteRefused(&out)
			if n != 2 || err != nil {
				t.Fatal(n, err)
			}
			text, gotEnc, err := decode([]byte(out.String()))
			if err != nil || gotEnc != enc {
				t.Fatalf("written as %s: %v", gotEnc, err)
			}
			want := "Заказ-наряд;Дата закрытия;Клиент;Телефон;Виды работ;otklik_error\r\n" +
				";16.11.2026;\"ООО \"\"Ромашка\"\"\";\"8 901 000 00 01; 12345\";\"ТО\r\nмойка\";Заказ-наряд: no order number; Телефон: 5 digits are no telephone number of RU; left out\r\n"
			want = strings.Replace(want, "Заказ-наряд: no order", "\"Заказ-наряд: no order", 1)
			want = strings.Replace(want, "left out\r\n", "left out\"\r\n", 1)
			if !strings.HasPrefix(text, want) {
				t.Errorf("got\n%s\nwant\n%s", text, want)
			}

			again, err := Read(context.Background(), "v.refused.csv", strings.NewReader(out.String()), moscow(t, Visits))
			if err != nil || len(again.Rows) != 2 || slices.Contains(again.Header, errorColumn) {
				t.Fatalf("%v, header %v", err, again.Header)
			}
			for i, r := range again.Rows {
				old := f.Rows[i+1]
				if codes(r) != codes(old) || !reflect.DeepEqual(r.Raw, old.Raw) {
					t.Errorf("row %d: %s %q, was %s %q", i, codes(r), r.Raw, codes(old), old.Raw)
				}
			}
			var twice strings.Builder
			if _, err := again.WriteRefused(&twice); err != nil || twice.String() != out.String() {
				t.Errorf("written again (%v):\n%q\n%q", err, twice.String(), out.String())
			}

			mended := strings.Replace(strings.Replace(text, "\r\n;16", "\r\n2;16", 1), "31.02", "28.02", 1)
			last, err := Read(context.Background(), "v.refused.csv", strings.NewReader(encoded(t, mended, enc)), moscow(t, Visits))
			if err != nil || last.Rows[0].Refused() || last.Rows[1].Refused() || !slices.Equal(last.Rows[0].Record.Works, []string{"ТО", "мойка"}) {
				t.Errorf("%v: %+v", err, last.Rows)
			}
		})
	}
}

// A few refused rows alone do not tell the order of day and month: such dates are written in ISO form.
func TestRefusedDatesKeepTheirMeaning(t *testing.T) {
	f := read(t, "RO;Close Date;Customer;Phone\n1;02/28/2026;Ann Lee;+14155550191\n;03/04/2026;John Smith;+14155550191\n", moscow(t, Visits))
	var out strings.Builder
	if _, err := f.WriteRefused(&out); err != nil {
		t.Fatal(err)
	}
	again := read(t, strings.Replace(out.String(), "\n;", "\n2;", 1), moscow(t, Visits))
	if r := again.Rows[0].Record; r == nil || !r.ClosedAt.Equal(at("2026-03-03T21:00:00Z")) {
		t.Errorf("%q read as %+v", out.String(), r)
	}
}

// What the caller refuses is written with all its lines.
func TestRefuse(t *testing.T) {
	f := read(t, joinHeader+"1;15.11.2026;Иванов;;V1;ТО;100\n1;15.11.2026;Иванов;;V1;мойка;50\n2;15.11.2026;Ким;;V2;ТО;70\n", moscow(t, Visits))
	rows := Join(f.Rows)
	f.Refuse(rows[0], "Дилер", "unknown_dealer", "no dealer with the code X")
	var out strings.Builder
	if n, err := f.WriteRefused(&out); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	if got := strings.Count(out.String(), "Дилер: no dealer with the code X"); got != 2 {
		t.Errorf("%d reasons in\n%s", got, out.String())
	}
	if f.Rows[2].Refused() {
		t.Error("another order was refused too")
	}
}
