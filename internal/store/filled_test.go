package store

import (
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestFilled: an insert leaves out what the schema fills in by itself, and nothing that
// a row has.
func TestFilled(t *testing.T) {
	cols := []string{"id", "visit_id", "words", "note", "severity", "due_at", "state"}
	for _, tt := range []struct {
		name string
		rows [][]any
		want []string
	}{
		{"all filled", [][]any{{"1", "t", "s", "n", 1, at(time.Unix(1, 0)), ""}}, cols},
		{"null, blank and no time", [][]any{{"1", nil, "", "", 0, at(time.Time{}), ""}}, []string{"id", "state"}},
		{"one row has it", [][]any{{"1", nil, "", "", 0, at(time.Time{}), ""}, {"2", nil, "", "n", 0, at(time.Unix(1, 0)), ""}}, []string{"id", "note", "due_at", "state"}},
	} {
		names, rows := filled("task", cols, tt.rows)
		if !slices.Equal(names, tt.want) {
			t.Errorf("%s: %v", tt.name, names)
		}
		for i, row := range rows {
			for k, name := range names {
				if row[k] != tt.rows[i][slices.Index(cols, name)] {
					t.Errorf("%s: row %d has %v for %s", tt.name, i, row[k], name)
				}
			}
		}
	}
}

// TestBlank: what an insert leaves out the schema gives. That it is the same on both
// engines the test of their parity says.
func TestBlank(t *testing.T) {
	st, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "otklik.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(st.Close)
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for table, cols := range map[string][]string{"message": messageInsert, "answer": answerInsert, "remark": remarkInsert, "task": taskInsert} {
		defaults, err := collect(t.Context(), st.read, func(r scanner) (x [2]text, err error) { return x, r.Scan(&x[0], &x[1]) }, "select name, dflt_value from pragma_table_info($1)", table)
		if err != nil || len(defaults) == 0 {
			t.Fatalf("%s: %v, %v", table, defaults, err)
		}
		for _, d := range defaults {
			col, given := string(d[0]), string(d[1])
			want := map[any]string{nil: "", "": "''", 0: "0"}[blank[table][col]]
			if slices.Contains(cols, col) && given != want {
				t.Errorf("%s.%s is %q where an insert leaves it out, the schema says %q", table, col, want, given)
			}
		}
	}
}
