package intake

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []line
	}{
		{"plain", "a;b\nc;d", []line{{1, []string{"a", "b"}}, {2, []string{"c", "d"}}}},
		{"CRLF and an empty line", "a;b\r\n\r\nc;\r\n", []line{{1, []string{"a", "b"}}, {2, []string{""}}, {3, []string{"c", ""}}}},
		{"old Mac", "a;b\rc;d\r", []line{{1, []string{"a", "b"}}, {2, []string{"c", "d"}}}},
		{"quoted break", "a;\"b\r\nb\"\r\nc;d\n", []line{{1, []string{"a", "b\r\nb"}}, {3, []string{"c", "d"}}}},
		{"doubled quote", `"ООО ""Ромашка""";1` + "\n", []line{{1, []string{`ООО "Ромашка"`, "1"}}}},
		{"quotes inside", `ООО "Ромашка";1` + "\n2;3", []line{{1, []string{`ООО "Ромашка"`, "1"}}, {2, []string{"2", "3"}}}},
		{"quote in front, not closed at the end", `"Ромашка" ООО;1` + "\n2;3", []line{{1, []string{`"Ромашка" ООО`, "1"}}, {2, []string{"2", "3"}}}},
		{"quote never closed", "\"Ромашка;1\n2;3", []line{{1, []string{`"Ромашка`, "1"}}, {2, []string{"2", "3"}}}},
		{"stray quote before a quoted cell", "\"a;1\n\"b\";2\n", []line{{1, []string{`"a`, "1"}}, {2, []string{"b", "2"}}}},
		{"blanks around quotes", `a; "b;c" ;d`, []line{{1, []string{"a", "b;c", "d"}}}},
		{"empty last cell", "a;", []line{{1, []string{"a", ""}}}},
	} {
		got := split(c.text, ';', 0)
		if !slices.EqualFunc(got, c.want, func(a, b line) bool { return a.no == b.no && slices.Equal(a.cells, b.cells) }) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// What encoding/csv writes is read back cell by cell, with the line where each row starts.
func TestSplitReadsWhatTheLibraryWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.SliceOfN(rapid.StringMatching(`[a-zЖ;," \n]{0,6}`), 2, 4), 1, 6).Draw(t, "rows")
		var b strings.Builder
		w := csv.NewWriter(&b)
		w.Comma = ';'
		if err := w.WriteAll(rows); err != nil {
			t.Fatal(err)
		}
		got := split(b.String(), ';', 0)
		if len(got) != len(rows) {
			t.Fatalf("%d rows of %d from %q", len(got), len(rows), b.String())
		}
		no := 1
		for i, row := range rows {
			if !slices.Equal(got[i].cells, row) || got[i].no != no {
				t.Fatalf("row %d at line %d: %q, want %q at %d", i, got[i].no, got[i].cells, row, no)
			}
			no += 1 + strings.Count(strings.Join(row, ""), "\n")
		}
	})
}

func TestDelimiters(t *testing.T) {
	for _, d := range []string{";", ",", "\t", "|"} {
		text := strings.ReplaceAll("Заказ-наряд;Дата закрытия;Клиент;Телефон\n1;15.11.2026;Иванов Иван;89010000000\n", ";", d)
		if f := read(t, text, moscow(t, Visits)); f.Delimiter != d || len(f.Rows) != 1 {
			t.Errorf("%q read as %q", d, f.Delimiter)
		}
		if f := read(t, "sep="+d+"\r\n"+text, moscow(t, Visits)); f.Delimiter != d || f.HeaderLine != 2 {
			t.Errorf("sep=%q read as %q", d, f.Delimiter)
		}
	}
}
