package store_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/migrations"
)

// schema is what both engines can be asked about, in the words of SQLite's types.
type schema struct {
	Columns map[string]string // table.column → type, nullability, default
	Keys    []string          // primary and unique keys
	Foreign []string
	Indexes []string
}

var plainTypes = map[string]string{"uuid": "text", "bytea": "blob"}

// sqliteSchema asks SQLite's table-valued pragmas.
func sqliteSchema(t *testing.T, db *sql.DB) schema {
	t.Helper()
	s := schema{Columns: map[string]string{}}
	const tables = "sqlite_master m where m.type = 'table' and m.name not like 'sqlite_%' and m.name not like 'goose_%'"
	for _, c := range strs(t, db, `select m.name || '.' || c.name || '=' || lower(c.type) || case c."notnull" when 1 then ' not null' else '' end || coalesce(' default ' || lower(c.dflt_value), '')
		from `+strings.Replace(tables, " where", ", pragma_table_info(m.name) c where", 1)) {
		k, v, _ := strings.Cut(c, "=")
		s.Columns[k] = v
	}
	s.Foreign = strs(t, db, `select m.name || '.' || f."from" || ' → ' || f."table" || '.' || f."to" from `+strings.Replace(tables, " where", ", pragma_foreign_key_list(m.name) f where", 1)+` order by 1`)
	s.Keys = strs(t, db, `select m.name || ' ' || case i.origin when 'pk' then 'primary' else 'unique' end || ' (' || (select group_concat(x.name, ', ') from (select name from pragma_index_info(i.name) order by seqno) x) || ')'
		from `+strings.Replace(tables, " where", ", pragma_index_list(m.name) i where", 1)+` and i.origin <> 'c' order by 1`)
	for _, ddl := range strs(t, db, "select sql from sqlite_master where type = 'index' and sql is not null and tbl_name not like 'goose_%'") {
		s.Indexes = append(s.Indexes, plainIndex(ddl))
	}
	slices.Sort(s.Indexes)
	return s
}

// postgresSchema asks PostgreSQL's catalogue.
func postgresSchema(t *testing.T, db *sql.DB) schema {
	t.Helper()
	s := schema{Columns: map[string]string{}}
	for _, c := range strs(t, db, `select c.table_name || '.' || c.column_name || '=' || c.data_type || case c.is_nullable when 'NO' then ' not null' else '' end || coalesce(' default ' || c.column_default, '')
		from information_schema.columns c join information_schema.tables b on b.table_name = c.table_name and b.table_schema = c.table_schema
		where c.table_schema = 'public' and b.table_type = 'BASE TABLE' and c.table_name not like 'goose_%'`) {
		k, v, _ := strings.Cut(c, "=")
		typ, rest, _ := strings.Cut(v, " ")
		if plain, ok := plainTypes[typ]; ok {
			typ = plain
		}
		s.Columns[k] = strings.TrimSpace(typ + " " + strings.ReplaceAll(rest, "::text", ""))
	}
	const constraints = `from pg_constraint k where k.connamespace = 'public'::regnamespace and k.conrelid::regclass::text not like 'goose_%' and k.contype `
	s.Foreign = strs(t, db, `select k.conrelid::regclass || '.' || a.attname || ' → ' || k.confrelid::regclass || '.' || b.attname
		`+strings.Replace(constraints, " where", " join pg_attribute a on a.attrelid = k.conrelid and a.attnum = k.conkey[1] join pg_attribute b on b.attrelid = k.confrelid and b.attnum = k.confkey[1] where", 1)+`= 'f'`)
	s.Keys = strs(t, db, `select k.conrelid::regclass || ' ' || case k.contype when 'p' then 'primary' else 'unique' end || ' (' ||
		(select string_agg(a.attname, ', ' order by u.n) from unnest(k.conkey) with ordinality u(num, n) join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num) || ')' `+constraints+`in ('p', 'u')`)
	for _, ddl := range strs(t, db, `select indexdef from pg_indexes where schemaname = 'public' and tablename not like 'goose_%'
		and indexname not in (select conname from pg_constraint where connamespace = 'public'::regnamespace)`) {
		s.Indexes = append(s.Indexes, plainIndex(ddl))
	}
	for _, l := range [][]string{s.Foreign, s.Keys, s.Indexes} {
		slices.Sort(l)
	}
	return s
}

var (
	noise  = regexp.MustCompile(`::text(\[\])?| using btree|public\.|array|[()\[\]'"]`)
	blanks = regexp.MustCompile(`\s+`)
	anyOf  = regexp.MustCompile(`= any `)
)

// plainIndex writes an index definition as both engines would.
func plainIndex(ddl string) string {
	s := noise.ReplaceAllString(strings.ToLower(ddl), " ")
	s = anyOf.ReplaceAllString(blanks.ReplaceAllString(s, " "), "in ")
	return strings.TrimSpace(strings.ReplaceAll(s, " ,", ","))
}

// TestSchemaParity compares the two schemas by asking the engines.
func TestSchemaParity(t *testing.T) {
	var got []schema
	for engine, ask := range map[string]func(*testing.T, *sql.DB) schema{"sqlite": sqliteSchema, "postgres": postgresSchema} {
		url := storetest.FreshURL(t, engine)
		storetest.OpenURL(t, url)
		s := ask(t, raw(t, engine, url))
		if len(s.Columns) < 200 || len(s.Keys) < 30 || len(s.Foreign) < 40 || len(s.Indexes) < 30 {
			t.Errorf("%s: the question was wrong: %d columns, %d keys, %d foreign keys, %d indexes", engine, len(s.Columns), len(s.Keys), len(s.Foreign), len(s.Indexes))
		}
		got = append(got, s)
	}
	if d := cmp.Diff(got[0], got[1]); d != "" {
		t.Errorf("the engines differ:\n%s", d)
	}
}

// TestMigrationFiles wants the same numbers and names in both folders.
func TestMigrationFiles(t *testing.T) {
	names := func(dir string) []string {
		all, err := fs.Glob(migrations.FS, dir+"/*.sql")
		must(t, err)
		for i := range all {
			all[i] = path.Base(all[i])
		}
		return all
	}
	if d := cmp.Diff(names("sqlite"), names("postgres")); d != "" || len(names("sqlite")) == 0 {
		t.Errorf("migrations differ: %s", d)
	}
}

// TestDownUp takes the whole schema down, sees that nothing is left, and brings it
// up again.
func TestDownUp(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		dialect := goose.DialectSQLite3
		if st.Engine() == "postgres" {
			dialect = goose.DialectPostgres
		}
		dir, err := fs.Sub(migrations.FS, st.Engine())
		must(t, err)
		p, err := goose.NewProvider(dialect, db, dir)
		must(t, err)
		before := fmt.Sprint(tables(t, st, db))
		_, err = p.DownTo(t.Context(), 0)
		must(t, err)
		if left := tables(t, st, db); len(left) != 0 {
			t.Errorf("Down leaves %v", left)
		}
		ms, err := st.Migrations(t.Context())
		if err != nil || len(ms) == 0 || ms[0].Applied {
			t.Errorf("status after Down: %+v, %v", ms, err)
		}
		if n, err := st.Pending(t.Context()); err != nil || n != len(ms) {
			t.Errorf("pending after Down: %d of %d, %v", n, len(ms), err)
		}
		n, err := st.Migrate(t.Context())
		if err != nil || n != len(ms) {
			t.Errorf("up again: %d, %v", n, err)
		}
		if after := fmt.Sprint(tables(t, st, db)); after != before {
			t.Errorf("tables after Down and Up: %s", after)
		}
		if n, err := st.Migrate(t.Context()); err != nil || n != 0 {
			t.Errorf("a second Migrate did something: %d, %v", n, err)
		}
		if n, err := st.Pending(t.Context()); err != nil || n != 0 {
			t.Errorf("pending at last: %d, %v", n, err)
		}
	})
}
