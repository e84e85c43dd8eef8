package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// scanner is a row of an answer, whoever has asked.
type scanner interface{ Scan(dest ...any) error }

// statement is one of a batch.
type statement struct {
	what  string // for the error
	query string
	args  []any
	// take is given each row that comes back; nil where none does.
	take func(scanner) error
	// changed is told how many rows a statement without take has changed; may be nil.
	changed func(n int64) error
}

// batch collects statements that do not depend on each other's answers. On PostgreSQL
// they go out together and their answers are read together: a statement alone costs
// both sides a wake-up, more than most of them take. They are carried out in their
// order, each sees what was committed before it began.
type batch struct {
	t          *Tx
	statements []statement
}

// ask adds a statement whose rows are scanned and taken.
func ask[T any](b *batch, what string, scan func(scanner) (T, error), take func(T), query string, args ...any) {
	b.statements = append(b.statements, statement{what: what, query: query, args: args, take: func(r scanner) error {
		v, err := scan(r)
		if err == nil {
			take(v)
		}
		return err
	}})
}

// planOnce has PostgreSQL keep the plan of each statement of the transaction. All of
// them go by keys: planning one anew for the length of its lists took as long as
// carrying it out, and a join of any other kind would read a table that has grown
// since.
func (s *Store) planOnce(b *batch) {
	if s.pool != nil {
		b.statements = append(b.statements, statement{what: "preparing a transaction", query: "select set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)"})
	}
}

// all: ErrConflict when fewer rows than n were changed.
func all(n int) func(int64) error {
	return func(changed int64) error {
		if changed < int64(n) {
			return ErrConflict
		}
		return nil
	}
}

// change adds an update that is joined with the rows v; where all must be changed,
// ErrConflict says that some were not there.
func (b *batch) change(what string, cols []column, rows [][]any, update string, whole bool) error {
	if len(rows) == 0 {
		return nil
	}
	with, args, err := b.t.s.dialect.values(0, cols, rows)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	x := statement{what: what, query: with + update, args: args}
	if whole {
		x.changed = all(len(rows))
	}
	b.statements = append(b.statements, x)
	return nil
}

// insert adds the statements that write rows; where all must be written, ErrConflict
// says that some were there.
func (b *batch) insert(ctx context.Context, what, into string, cols []string, rows [][]any, suffix string, whole bool) error {
	cols, rows = filled(into, cols, rows)
	for len(rows) > 0 {
		n, query, args, err := b.t.insertion(ctx, into, cols, rows, suffix)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		x := statement{what: what, query: query, args: args}
		if whole {
			x.changed = all(n)
		}
		b.statements = append(b.statements, x)
		rows = rows[n:]
	}
	return nil
}

// blank are the values that the schema gives what an insert into these tables leaves
// out; other columns are null then.
var blank = map[string]map[string]any{
	"message": {"template": "", "subject": "", "html": "", "buttons": "", "options": "", "reading": "", "attempts": 0, "segments": 0, "priority": 0},
	"answer":  {"answer": "", "choice": "", "comment": ""},
	"remark":  {"department": "", "topics": ""},
	"task":    {"reason": "", "severity": 0, "words": "", "department": "", "source_party": "", "way_in": "", "survey": "", "outcome": "", "note": ""},
}

// filled leaves out the columns in which no row has a value of its own: a third of a
// message, and each costs both sides a list.
func filled(into string, cols []string, rows [][]any) ([]string, [][]any) {
	if blank[into] == nil {
		return cols, rows
	}
	var kept []int
	for j, col := range cols {
		standard := blank[into][col]
		if slices.ContainsFunc(rows, func(row []any) bool {
			m, is := row[j].(moment)
			return row[j] != standard && (!is || !m.IsZero())
		}) {
			kept = append(kept, j)
		}
	}
	if len(kept) == len(cols) || len(kept) == 0 {
		return cols, rows
	}
	names, lean, cells := make([]string, len(kept)), make([][]any, len(rows)), make([]any, len(rows)*len(kept))
	for i, row := range rows {
		lean[i], cells = cells[:len(kept):len(kept)], cells[len(kept):]
		for k, j := range kept {
			lean[i][k], names[k] = row[j], cols[j]
		}
	}
	return names, lean
}

// run carries the statements out and leaves the batch empty. After an error the
// transaction can only be rolled back.
func (b *batch) run(ctx context.Context) error {
	statements := b.statements
	b.statements = nil
	if len(statements) > 1 && b.t.s.pool != nil {
		err := b.t.conn.Raw(func(c any) error {
			driver, ok := c.(interface{ Conn() *pgx.Conn })
			if !ok {
				return errNotNative
			}
			return runTogether(ctx, driver.Conn(), statements)
		})
		if !errors.Is(err, errNotNative) {
			return err
		}
	}
	for _, x := range statements {
		if err := x.run(ctx, b.t); err != nil {
			return fmt.Errorf("%s: %w", x.what, err)
		}
	}
	return nil
}

// errNotNative: the connection is one that a test has wrapped.
var errNotNative = errors.New("not a connection of the PostgreSQL driver")

func (x statement) run(ctx context.Context, t *Tx) error {
	if x.take != nil {
		_, err := collect(ctx, t, func(r *sql.Rows) (struct{}, error) { return struct{}{}, x.take(r) }, x.query, x.args...)
		return err
	}
	r, err := t.ExecContext(ctx, x.query, x.args...)
	if err != nil || x.changed == nil {
		return err
	}
	n, err := r.RowsAffected()
	if err != nil {
		return err
	}
	return x.changed(n)
}

func runTogether(ctx context.Context, c *pgx.Conn, statements []statement) (err error) {
	var out pgx.Batch
	for _, x := range statements {
		out.Queue(x.query, storable(x.args)...)
	}
	answers := c.SendBatch(ctx, &out)
	defer func() { err = errors.Join(err, answers.Close()) }()
	for _, x := range statements {
		if err := x.answer(answers); err != nil {
			return fmt.Errorf("%s: %w", x.what, err)
		}
	}
	return nil
}

func (x statement) answer(answers pgx.BatchResults) error {
	if x.take == nil {
		tag, err := answers.Exec()
		if err != nil || x.changed == nil {
			return err
		}
		return x.changed(tag.RowsAffected())
	}
	rows, err := answers.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := x.take(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
