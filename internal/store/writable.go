package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// lockPatience is how long Writable waits for a table: no write of this program waits for
// another, so whoever keeps it longer stops them all.
const lockPatience = "500ms"

// Writable tries whether all tables take writes, and changes nothing. Its error names the
// tables that others have locked on PostgreSQL and the sessions that did. SQLite has one
// lock for all (ErrLocked).
func (s *Store) Writable(ctx context.Context) error {
	if s.pool == nil {
		return nil
	}
	tables, err := collect(ctx, s.read, func(r *sql.Rows) (name string, err error) { return name, r.Scan(&name) },
		"select relname from pg_class where relnamespace = current_schema()::regnamespace and relkind = 'r' and has_table_privilege(oid, 'insert') order by relname")
	if err != nil {
		return fmt.Errorf("reading which tables there are: %w", err)
	}
	for i := range tables {
		tables[i] = pgx.Identifier{tables[i]}.Sanitize()
	}
	errTried := errors.New("tried")
	err = s.Tx(ctx, RankPerson, func(tx *Tx) error {
		// Row exclusive is what any insert and update takes.
		if _, err := tx.ExecContext(ctx, "set local lock_timeout = '"+lockPatience+"'"); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "lock table "+strings.Join(tables, ", ")+" in row exclusive mode"); err != nil {
			return err
		}
		return errTried
	})
	switch {
	case errors.Is(err, errTried):
		return nil
	case pgCode(err) != "55P03":
		return err
	}
	locks, asking := s.tableLocks(ctx)
	if asking != nil || len(locks) == 0 {
		return errors.Join(fmt.Errorf("a table is locked by somebody: %w", err), asking)
	}
	return errors.New(strings.Join(locks, "; "))
}

// tableLocks tells which tables others keep from being written. Who waits for such a lock
// keeps all that come after him waiting, too.
func (s *Store) tableLocks(ctx context.Context) ([]string, error) {
	locks, err := collect(ctx, s.read, func(r *sql.Rows) (string, error) {
		var table, program string
		var pid int
		var has bool
		if err := r.Scan(&table, &pid, &program, &has); err != nil {
			return "", err
		}
		does := "waits for a lock on"
		if has {
			does = "has locked"
		}
		return fmt.Sprintf("session %d (%s) %s table %s", pid, program, does, table), nil
	}, `select c.relname, coalesce(l.pid, 0), coalesce(nullif(a.application_name, ''), 'unnamed'), l.granted
		from pg_locks l join pg_class c on c.oid = l.relation left join pg_stat_activity a on a.pid = l.pid
		where l.database = (select oid from pg_database where datname = current_database()) and c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
			and l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
		order by l.granted desc, c.relname, l.pid`)
	if err != nil {
		return nil, fmt.Errorf("reading who holds locks: %w", err)
	}
	return locks, nil
}
