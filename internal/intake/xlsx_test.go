package intake

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// book writes a workbook whose second sheet holds rows; the first has a title page.
func book(t testing.TB, from1904 bool, rows [][]any) []byte {
	t.Helper()
	x := excelize.NewFile()
	defer func() { _ = x.Close() }()
	if err := x.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &from1904}); err != nil {
		t.Fatal(err)
	}
	if err := x.SetCellStr("Sheet1", "A1", "Отчёт по сервису"); err != nil {
		t.Fatal(err)
	}
	if _, err := x.NewSheet("Данные"); err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		if err != nil {
			t.Fatal(err)
		}
		if err := x.SetSheetRow("Данные", cell, &row); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := x.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWorkbook(t *testing.T) {
	when := time.Date(2026, 11, 15, 22, 19, 0, 0, time.UTC)
	data := book(t, false, [][]any{
		{"Заказ-наряды за ноябрь"},
		nil,
		{"№ ЗН", "Клиент", "Телефон", "Дата закрытия", "Выдан", "Дата рождения", "Сумма", "Пробег"},
		{45000, "Иванов Иван Иванович", 79010001122, when, 46341.5, time.Date(1988, 1, 21, 0, 0, 0, 0, time.UTC), 82574.01, 107134},
		{"ЗН-2", "Петрова Анна", "8 901 000 11 23", "15.11.2026 10:00", "", "21.01.1988", "1 000,50", ""},
		nil,
		{"ЗН-3", "", 9010001124.0, when, "", "", "", ""},
		{"Итого", nil, nil, nil, nil, nil, 83574.51, nil},
	})
	f, err := Read(context.Background(), "v.xlsx", bytes.NewReader(data), moscow(t, Visits))
	if err != nil {
		t.Fatal(err)
	}
	if f.Encoding != encXLSX || f.Sheet != "Данные" || f.HeaderLine != 3 || len(f.Rows) != 3 {
		t.Fatalf("%s %s header %d, %d rows", f.Encoding, f.Sheet, f.HeaderLine, len(f.Rows))
	}
	r := f.Rows[0].Record
	if r == nil || r.Order != "45000" || !r.ClosedAt.Equal(at("2026-11-15T19:19:00Z")) || !r.HandedOverAt.Equal(at("2026-11-15T09:00:00Z")) ||
		r.Customer.Birthday != "1988-01-21" || r.Customer.Phones[0] != "+79010001122" || r.Total.Minor != 8257401 || r.Vehicle.Mileage != 107134 {
		t.Errorf("%+v %v", r, f.Rows[0].Problems)
	}
	if r := f.Rows[1].Record; r == nil || !r.ClosedAt.Equal(at("2026-11-15T07:00:00Z")) || r.Total.Minor != 100050 {
		t.Errorf("%+v", r)
	}
	if f.Rows[2].Line != 7 || codes(f.Rows[2]) != "!no_customer" {
		t.Errorf("line %d: %v", f.Rows[2].Line, f.Rows[2].Problems)
	}

	var out bytes.Buffer
	if n, err := f.WriteRefused(&out); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	mended := strings.Replace(out.String(), "ЗН-3;;", "ЗН-3;Ким Олег;", 1)
	again, err := Read(context.Background(), "v.xlsx.refused.csv", strings.NewReader(mended), moscow(t, Visits))
	if err != nil || len(again.Rows) != 1 || again.Rows[0].Refused() || !again.Rows[0].Record.ClosedAt.Equal(at("2026-11-15T19:19:00Z")) {
		t.Errorf("%v: %q", err, mended)
	}
}

func TestWorkbookOf1904(t *testing.T) {
	data := book(t, true, [][]any{{"№ ЗН", "Клиент", "Телефон", "Дата закрытия"}, {1, "Иванов Иван", 79010001122, 44879.5}})
	f, err := Read(context.Background(), "v.xlsx", bytes.NewReader(data), moscow(t, Visits))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Rows[0].Record.ClosedAt; !got.Equal(at("2026-11-15T09:00:00Z")) {
		t.Error(got)
	}
}

func TestWorkbooksThatCannotBeRead(t *testing.T) {
	empty := excelize.NewFile()
	var b bytes.Buffer
	if err := empty.Write(&b); err != nil {
		t.Fatal(err)
	}
	good := book(t, false, [][]any{{"№ ЗН", "Клиент", "Дата"}, {1, "Иванов", "15.11.2026"}})
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"no cell", b.Bytes(), ErrEmpty},
		{"no header", book(t, false, [][]any{{1, 2}, {3, 4}}), ErrHeader},
		{"cut off", good[:len(good)/2], ErrEncoding},
	} {
		if _, err := Read(context.Background(), "v.xlsx", bytes.NewReader(c.data), moscow(t, Visits)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}
