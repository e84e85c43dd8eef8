package serve_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // tables are counted without our own store
	"golang.org/x/text/encoding/charmap"
	_ "modernc.org/sqlite"

	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// onEngines runs a test on both engines with a database of its own.
func onEngines(t *testing.T, run func(t *testing.T, db string)) {
	t.Helper()
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			run(t, storetest.URL(t, engine))
		})
	}
}

// open opens a database without our own store and lists its tables.
func open(t testing.TB, url string) (*sql.DB, []string) {
	t.Helper()
	driver, dsn, list := "pgx", url, `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, dsn, list = "sqlite", path, `SELECT name FROM sqlite_master WHERE type = 'table'`
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var names []string
	for _, row := range texts(t, db, list) {
		names = append(names, row[0])
	}
	return db, names
}

// texts gives the rows of a query, every value as text.
func texts(t testing.TB, db *sql.DB, query string) [][]string {
	t.Helper()
	found, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for found.Next() {
		row := make([]sql.NullString, len(columns))
		to := make([]any, len(columns))
		for i := range row {
			to[i] = &row[i]
		}
		if err := found.Scan(to...); err != nil {
			t.Fatal(err)
		}
		values := make([]string, len(columns))
		for i, v := range row {
			values[i] = v.String
		}
		out = append(out, values)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// rows counts every table's rows.
func rows(t testing.TB, url string) map[string]int {
	t.Helper()
	db, tables := open(t, url)
	counts := map[string]int{}
	for _, name := range tables {
		counts[name] = len(texts(t, db, `SELECT 1 FROM `+name))
	}
	return counts
}

// search gives the tables in which a word stands.
func search(t testing.TB, url, word string) (where []string) {
	t.Helper()
	db, tables := open(t, url)
	for _, name := range tables {
		for _, row := range texts(t, db, `SELECT * FROM `+name) {
			if strings.Contains(strings.Join(row, "\n"), word) {
				where = append(where, name)
			}
		}
	}
	return where
}

// contact gives the id of the person of a family name.
func (w *town) contact(url, family string) string {
	w.t.Helper()
	db, _ := open(w.t, url)
	found := texts(w.t, db, `SELECT id FROM contact WHERE family = '`+family+`'`)
	if len(found) != 1 {
		w.t.Fatalf("contacts of %s: %v", family, found)
	}
	return found[0][0]
}

// counts is the last line that an import prints about a file, or the total.
type counts struct {
	File      string `json:"file"`
	Read      int    `json:"read"`
	Stored    int    `json:"stored"`
	Updated   int    `json:"updated"`
	Unchanged int    `json:"unchanged"`
	Refused   int    `json:"refused"`
}

func (c counts) line() string {
	return fmt.Sprintf("%s: read %d stored %d updated %d unchanged %d refused %d", c.File, c.Read, c.Stored, c.Updated, c.Unchanged, c.Refused)
}

// counted reads the count lines of an import's output, by file.
func counted(t testing.TB, out string) map[string]counts {
	t.Helper()
	found := map[string]counts{}
	for _, l := range lines(out) {
		name, rest, _ := strings.Cut(l, ": read ")
		c := counts{File: name}
		if n, err := fmt.Sscanf(rest, "%d stored %d updated %d unchanged %d refused %d", &c.Read, &c.Stored, &c.Updated, &c.Unchanged, &c.Refused); n != 5 || c.line() != l {
			t.Fatalf("line %q is no count line (%v)", l, err)
		}
		if c.Read != c.Stored+c.Updated+c.Unchanged+c.Refused {
			t.Errorf("%s: read is not the sum", l)
		}
		found[name] = c
	}
	return found
}

// export is a dealer system's file with one row of each fault.
const export = `Журнал заказ-нарядов;;;;;
Заказ-наряд;Дата закрытия;Клиент;Телефон;E-mail;Сумма, руб.
А1;15.11.2026 12:00;Иванов Иван Петрович;8 (900) 000-00-01;ivan@example.org;1 200,00
А2;31.02.2026;Петров Пётр;+7 900 000 00 02;;10,00
А3;15.11.2026 13:00;Сидоров Сидор;890000000031;;20,00
А4;15.11.2026 14:00;Никонов Никон;;;30,00
;15.11.2026 15:00;Безномерный Илья;+79000000005;;40,00
А6;15.11.2026 16:00;;+79000000006;;50,00
А7;15.11.2026 17:00;ООО «Ромашка»;+79000000007;;60,00
А1;15.11.2026 18:00;Другой Человек;+79000000008;;70,00
Итого;;;;;1 480,00
`

func windows1251(t testing.TB, text string) string {
	t.Helper()
	b, err := charmap.Windows1251.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestImport takes a broken export in, mends what was refused and takes it in
// again, on both engines.
func TestImport(t *testing.T) {
	onEngines(t, func(t *testing.T, db string) {
		s := newShell(t, "OTKLIK_DATABASE_URL="+db)
		s.file("заказы.csv", windows1251(t, export))
		s.ok("migrate", "up")
		s.ok("token", "add") // the dealer stands before the tables are counted
		before := rows(t, db)
		dry := s.run("import", "--kind", "visits", "--dry-run", "заказы.csv")
		dry.want(t, 0)
		if after := rows(t, db); !maps.Equal(before, after) {
			t.Errorf("a dry run stored something:\n%v\n%v", before, after)
		}
		first := s.run("import", "--kind", "visits", "заказы.csv")
		first.want(t, 0, "заказы.csv:4: Дата закрытия: ", "заказы.csv:5: Телефон: 12 digits", "заказы.csv:6: Телефон: no usable",
			"заказы.csv:7: Заказ-наряд: ", "заказы.csv:8: Клиент: ", "заказы.csv:10: ", "заказы.refused.csv")
		if dry.out != first.out {
			t.Errorf("the dry run counts otherwise:\n%s%s", dry.out, first.out)
		}
		want := counts{File: "заказы.csv", Read: 8, Stored: 4, Refused: 4}
		if got := counted(t, first.out); got["заказы.csv"] != want {
			t.Errorf("counts %v, want %v\n%s", got, want, first.err)
		}
		total := want
		total.File = "total"
		if ls := lines(first.out); len(ls) != 2 || ls[1] != total.line() {
			t.Errorf("output %q", first.out)
		}
		for _, secret := range []string{"890000000031", "ivan@example.org", "900"} {
			if strings.Contains(first.err, secret) {
				t.Errorf("standard error repeats %q:\n%s", secret, first.err)
			}
		}
		for _, l := range lines(first.err) {
			if strings.HasPrefix(l, "заказы.csv:") && len(strings.SplitN(l, ": ", 3)) != 3 && !strings.Contains(l, "refused") {
				t.Errorf("line %q is not FILE:LINE: column: reason", l)
			}
		}
		mend(t, s, "заказы.refused.csv")
		second := s.run("import", "--kind", "visits", "заказы.csv")
		if got := counted(t, second.out)["заказы.csv"]; got != (counts{File: "заказы.csv", Read: 8, Unchanged: 4, Refused: 4}) {
			t.Errorf("imported again: %v\n%s", got, second.err)
		}
	})
}

// mend repairs the refused rows in the file as it was written, and imports it.
func mend(t *testing.T, s shell, name string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	text, err := charmap.Windows1251.NewDecoder().String(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	head := strings.SplitN(text, "\n", 2)[0]
	if !strings.HasPrefix(head, "Заказ-наряд;") || !strings.HasSuffix(strings.TrimSpace(head), "otklik_error") {
		t.Errorf("header %q", head)
	}
	repaired := strings.NewReplacer("31.02.2026", "28.02.2026", "А6;15.11.2026 16:00;;", "А6;15.11.2026 16:00;Шестов Олег;",
		";15.11.2026 15:00;Безномерный", "А5;15.11.2026 15:00;Безномерный", "А1;15.11.2026 18:00", "А8;15.11.2026 18:00").Replace(text)
	s.file("mended.csv", windows1251(t, repaired))
	e := s.run("import", "--kind", "visits", "mended.csv")
	e.want(t, 0)
	if got := counted(t, e.out)["mended.csv"]; got != (counts{File: "mended.csv", Read: 4, Stored: 4}) {
		t.Errorf("mended: %v\n%s%s", got, repaired, e.err)
	}
	e = s.run("import", "--kind", "visits", "--json", "mended.csv")
	e.want(t, 0)
	var got []counts
	for _, l := range lines(e.out) {
		var c counts
		if err := json.Unmarshal([]byte(l), &c); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		got = append(got, c)
	}
	if !slices.Equal(got, []counts{{File: "mended.csv", Read: 4, Unchanged: 4}, {File: "total", Read: 4, Unchanged: 4}}) {
		t.Errorf("--json: %v", got)
	}
}

// TestImportFilesThatCannotBeRead: each is named with what is wrong, the others
// are read, and the exit code is 1.
func TestImportFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newShell(t, "OTKLIK_DATABASE_URL="+storetest.URL(t, "sqlite"))
	s.file("good.csv", "Заказ-наряд;Дата закрытия;Клиент;Телефон\nБ1;15.11.2026 12:00;Иванов Иван;89000000001\n")
	s.file("empty.csv", "")
	s.file("noise.csv", "\x00\x01\x02\xff\xfe\x00\x81\x8d\x8f\x90\x9d\x00\x00")
	s.file("letter.csv", "Уважаемые коллеги!\nВысылаем данные завтра.\n")
	e := s.run("import", "--kind", "visits", "missing.csv", "empty.csv", "noise.csv", "letter.csv", ".", "good.csv")
	e.want(t, 1, "missing.csv: ", "empty.csv: file is empty", "noise.csv: ", "unknown encoding", "letter.csv: header not found", ".: ")
	got := counted(t, e.out)
	if got["good.csv"].Stored != 1 || got["total"] != (counts{File: "total", Read: 1, Stored: 1}) {
		t.Errorf("the good file: %v", got)
	}
}

// TestImportSamples reads the three samples outside the repository as they are.
func TestImportSamples(t *testing.T) {
	t.Parallel()
	samples := filepath.Join(testserver.Shared(t), "samples")
	s := newShell(t, "OTKLIK_DATABASE_URL="+storetest.URL(t, "sqlite"))
	files := []string{"visits-1c.csv", "visits-dms.csv", "visits-cn.csv"}
	args := []string{"import", "--kind", "visits"}
	for _, f := range files {
		args = append(args, filepath.Join(samples, f))
	}
	first := counted(t, s.ok(args...))
	second := counted(t, s.ok(args...))
	for _, f := range files {
		a, b := first[filepath.Join(samples, f)], second[filepath.Join(samples, f)]
		if a.Read == 0 || a.Stored < a.Read*3/4 || a.Unchanged > a.Read/10 {
			t.Errorf("%s: %+v", f, a)
		}
		if b.Stored != 0 || b.Updated != 0 || b.Refused != a.Refused || b.Read != a.Read {
			t.Errorf("%s again: %+v", f, b)
		}
		t.Log(a.line())
	}
}

// TestImportUsage is what ends with exit code 2 before a file is opened.
func TestImportUsage(t *testing.T) {
	t.Parallel()
	s := newShell(t, "OTKLIK_DATABASE_URL="+storetest.URL(t, "sqlite"))
	s.file("two.yaml", "dealers:\n  - {code: north, name: Север}\n  - {code: south, name: Юг}\n")
	s.file("good.csv", "Заказ-наряд;Дата закрытия;Клиент;Телефон\nБ1;15.11.2026 12:00;Иванов Иван;89000000001\n")
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"import", "--kind", "cars", "good.csv"}, "--kind"},
		{[]string{"import", "good.csv"}, "--kind"},
		{[]string{"import", "--kind", "visits"}, "FILE"},
		{[]string{"import", "--kind", "visits", "--dealer", "east", "good.csv"}, "north, south"},
		{[]string{"import", "--kind", "visits", "good.csv"}, "--dealer"},
		{[]string{"token", "add"}, "--dealer"},
		{[]string{"plan", "--from", "2026-11-22", "--to", "2026-11-23"}, "--dealer"},
		{[]string{"preview", "--survey", "after-service"}, "--dealer"},
		{[]string{"import", "--no-such-flag"}, "no-such-flag"},
		{[]string{"fly"}, "fly"},
	} {
		s.with("OTKLIK_CONFIG=two.yaml").run(c.args...).want(t, 2, c.says)
	}
	e := s.with("OTKLIK_CONFIG=two.yaml").run("import", "--kind", "visits", "--dealer", "south", "good.csv")
	e.want(t, 0)
	if got := counted(t, e.out)["good.csv"]; got.Stored != 1 {
		t.Errorf("with --dealer: %v", got)
	}
}
