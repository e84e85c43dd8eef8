package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Lists in statements are filled up to a power of two, so that a statement has few
// shapes and is found prepared. These bound them.
const (
	chunkRows = 64  // rows to be written
	listRows  = 256 // values of an IN list
)

// padded gives the length to which a list of n is filled.
func padded(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

// list binds a slice for an IN list after `from` parameters that stand already. The
// last value is repeated, which changes nothing.
func list[T any](from int, vs []T) (string, []any) {
	args := make([]any, padded(len(vs)))
	for i := range args {
		args[i] = vs[min(i, len(vs)-1)]
	}
	return placeholders(from, len(args)), args
}

// keys binds ids for an IN list, see key and list.
func keys(from int, ids []string) (string, []any) {
	in, args := list(from, ids)
	for i, id := range args {
		args[i] = key(id.(string))
	}
	return in, args
}

// column is one column of a list of rows that stands in a statement.
type column struct{ name, typ string }

// values writes rows as a common table expression "with v (…) as (…)". PostgreSQL
// takes an array a column, so that the statement is the same for any number of rows;
// SQLite takes the values themselves, without casts, which would turn ids into
// numbers. Its parameters come after the first `from`.
func (d dialect) values(from int, cols []column, rows [][]any) (string, []any, error) {
	var b strings.Builder
	b.WriteString("with v (")
	for i, c := range cols {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.name)
	}
	if d.name == "postgres" {
		b.WriteString(") as (select * from unnest(")
		for i, c := range cols {
			b.WriteString(map[bool]string{true: "", false: ", "}[i == 0])
			b.WriteString("cast($" + strconv.Itoa(from+i+1) + " as " + c.typ + "[])")
		}
		b.WriteString(")) ")
		args, err := transposed(rows, len(cols))
		return b.String(), args, err
	}
	b.WriteString(") as (values ")
	args := make([]any, 0, padded(len(rows))*len(cols))
	for i := range padded(len(rows)) {
		row := rows[min(i, len(rows)-1)]
		if i > 0 {
			b.WriteString(", ")
		}
		writePlaceholders(&b, from+len(args), len(cols))
		args = append(args, row...)
	}
	b.WriteString(") ")
	return b.String(), args, nil
}

// change runs an update that is joined with the rows v and ends in "returning id";
// fixed are its parameters $1 and on. It returns the ids that were changed.
func (t *Tx) change(ctx context.Context, cols []column, rows [][]any, update string, fixed ...any) ([]string, error) {
	with, args, err := t.s.dialect.values(len(fixed), cols, rows)
	if err != nil {
		return nil, err
	}
	return collect(ctx, t, func(r *sql.Rows) (id string, err error) { return id, r.Scan(&id) }, with+update, append(fixed, args...)...)
}

// transposed gives one array for each column, as PostgreSQL reads it in text. Written
// by hand: a slice of pointers for each column cost the driver, and the server that
// had to convert its elements, more than the rows themselves.
func transposed(rows [][]any, cols int) ([]any, error) {
	args := make([]any, cols)
	var b []byte
	for j := range cols {
		b = append(b[:0], '{')
		for i, row := range rows {
			if i > 0 {
				b = append(b, ',')
			}
			var err error
			if b, err = appendElement(b, row[j]); err != nil {
				return nil, fmt.Errorf("column %d: %w", j+1, err)
			}
		}
		args[j] = string(append(b, '}'))
	}
	return args, nil
}

// appendElement writes a value as an element of an array; nil is null.
func appendElement(b []byte, v any) ([]byte, error) {
	if x, ok := v.(driver.Valuer); ok {
		var err error
		if v, err = x.Value(); err != nil {
			return b, err
		}
	}
	switch x := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case string:
		return appendQuoted(b, storableText(x)), nil
	case int:
		return strconv.AppendInt(b, int64(x), 10), nil
	case int64:
		return strconv.AppendInt(b, x, 10), nil
	case bool:
		return strconv.AppendBool(b, x), nil
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String: // a type of its own, like a channel's
		return appendQuoted(b, storableText(r.String())), nil
	case reflect.Int, reflect.Int64:
		return strconv.AppendInt(b, r.Int(), 10), nil
	}
	return b, fmt.Errorf("%T cannot be written in bulk", v)
}

// appendQuoted writes an element in quotes, with its quotes and backslashes escaped.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for {
		i := strings.IndexAny(s, `"\`)
		if i < 0 {
			return append(append(b, s...), '"')
		}
		b = append(append(b, s[:i]...), '\\', s[i])
		s = s[i+1:]
	}
}

// insert writes rows with few statements; suffix is appended ("on conflict …"). It
// returns how many rows were written.
func insert(ctx context.Context, t *Tx, into string, cols []string, rows [][]any, suffix string) (int64, error) {
	var total int64
	for len(rows) > 0 {
		n, query, args, err := t.insertion(ctx, into, cols, rows, suffix)
		if err != nil {
			return total, err
		}
		r, err := t.ExecContext(ctx, query, args...)
		if err != nil {
			return total, fmt.Errorf("inserting into %s: %w", into, err)
		}
		k, err := r.RowsAffected()
		if err != nil {
			return total, err
		}
		total += k
		rows = rows[n:]
	}
	return total, nil
}

// insertion is the statement for the first n rows. PostgreSQL takes all of them as
// one array a column, so that a table has one statement to be parsed and planned;
// SQLite takes powers of two, so that few are kept.
func (t *Tx) insertion(ctx context.Context, into string, cols []string, rows [][]any, suffix string) (n int, query string, args []any, err error) {
	var b strings.Builder
	b.WriteString("insert into " + into + " (" + strings.Join(cols, ", ") + ") ")
	if t.s.dialect.name == "postgres" && len(rows) > 1 {
		n = min(len(rows), 1000)
		args, err = t.arrays(ctx, &b, into, cols, rows[:n])
	} else {
		n = chunkRows
		for n > len(rows) {
			n /= 2
		}
		b.WriteString("values ")
		args = make([]any, 0, n*len(cols))
		for i, row := range rows[:n] {
			if i > 0 {
				b.WriteString(", ")
			}
			writePlaceholders(&b, len(args), len(cols))
			args = append(args, row...)
		}
	}
	if suffix != "" {
		b.WriteString(" " + suffix)
	}
	return n, b.String(), args, err
}

// arrays writes "select * from unnest(…)" with an array of texts for each column,
// cast to the column's own type.
func (t *Tx) arrays(ctx context.Context, b *strings.Builder, into string, cols []string, rows [][]any) ([]any, error) {
	types, err := t.s.columnTypes(ctx, t)
	if err != nil {
		return nil, err
	}
	for j, c := range cols {
		b.WriteString(map[bool]string{true: "select * from unnest(", false: ", "}[j == 0])
		b.WriteString("cast($" + strconv.Itoa(j+1) + " as " + types[into+"."+c] + "[])")
	}
	args, err := transposed(rows, len(cols))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", into, err)
	}
	// "on conflict" after a select without where would be read as a join's.
	b.WriteString(") where true")
	return args, nil
}

func (s *Store) columnTypes(ctx context.Context, q querier) (map[string]string, error) {
	if known := s.types.Load(); known != nil {
		return *known, nil
	}
	cols, err := collect(ctx, q, func(r *sql.Rows) (x [2]string, err error) { return x, r.Scan(&x[0], &x[1]) },
		"select table_name || '.' || column_name, data_type from information_schema.columns where table_schema = current_schema()")
	if err != nil {
		return nil, fmt.Errorf("reading the types of columns: %w", err)
	}
	types := make(map[string]string, len(cols))
	for _, c := range cols {
		types[c[0]] = c[1]
	}
	s.types.Store(&types)
	return types, nil
}
