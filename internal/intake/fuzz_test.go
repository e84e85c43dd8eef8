package intake

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzRead: no input makes Read panic, every row is either a record or has a refusal, and what is refused can be read
// again with as many rows.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{titledExport, refusedExport, russianText, chineseText, latinText, "sep=;\nКлиент;Дата\n\"a\n", "", "\xFF\xFE"} {
		for _, enc := range []string{encUTF8, enc1251, encGB, enc16LE} {
			f.Add([]byte(encoded(f, seed, enc)), byte(0))
		}
	}
	f.Add(book(f, false, [][]any{{"№ ЗН", "Клиент", "Дата"}, {1, "Иванов", 46341.5}}), byte(1))
	kinds := []Kind{Visits, Customers, Deliveries, Appointments, Prospects}
	zone := zone(f, "Europe/Moscow")
	f.Fuzz(func(t *testing.T, data []byte, kind byte) {
		o := Options{Kind: kinds[int(kind)%len(kinds)], Country: "RU", Locale: "ru", Zone: zone, Now: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
		file, err := Read(context.Background(), "fuzz", bytes.NewReader(data), o)
		if err != nil {
			return
		}
		refused, line := 0, file.HeaderLine
		for _, r := range file.Rows {
			if r.Line <= line {
				t.Fatalf("line %d after %d", r.Line, line)
			}
			line = r.Line
			if r.Refused() {
				refused++
				if !strings.Contains(codes(r), "!") {
					t.Fatalf("line %d refused without a reason", r.Line)
				}
				continue
			}
			if r.Record.Customer.Name == "" || o.Kind == Visits && r.Record.Order == "" || o.Kind != Customers && r.Record.Clock().IsZero() {
				t.Fatalf("line %d: %+v", r.Line, r.Record)
			}
		}
		given := len(file.Rows)
		back := 0
		for _, r := range Join(file.Rows) {
			back += 1 + len(r.Joined)
		}
		if back != given {
			t.Fatalf("%d lines came back of %d", back, given)
		}
		var out bytes.Buffer
		if n, err := file.WriteRefused(&out); err != nil || n < refused {
			t.Fatalf("%d of %d refused rows written: %v", n, refused, err)
		}
	})
}

// FuzzCells: no cell makes a reader of single cells panic or give what is not clean.
func FuzzCells(f *testing.F) {
	for _, seed := range []string{"8-902-000-4854, +7 900 000 34 19", "15.11.2026 22:19", "2026年11月15日 下午2:30", "16 365,00 руб.", "O'Neil, John", "ООО «Ромашка»", "欧阳娜娜", "a@b.ru", "Смирнов А.А."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		good, _ := Phone(cell, "RU")
		for _, n := range good {
			if len(n) < 8 || len(n) > 16 || n[0] != '+' || len(digitsOf(n)) != len(n)-1 {
				t.Fatalf("%q gives the number %q", cell, n)
			}
		}
		emails, _ := parseEmails(cell)
		for _, e := range emails {
			if again, ok := Email(e); !ok || again != e {
				t.Fatalf("%q gives the address %q", cell, e)
			}
		}
		if c := PersonName(cell, "ru"); c.Name == "" && (c.Family != "" || c.Given != "" || c.Company) || utf8.ValidString(cell) && !utf8.ValidString(c.Name) {
			t.Fatalf("%q gives %+v", cell, c)
		}
		d, state := scanStamp(cell).read(false, time.Time{})
		if state == stampGood && (d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31 || d.h > 24) {
			t.Fatalf("%q gives %+v", cell, d)
		}
		parseMoney(cell, "ru", "RU", "")
		parseCount(cell)
		splitWorks(cell)
		words().understand(cell)
	})
}
