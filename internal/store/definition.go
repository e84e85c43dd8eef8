package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Version keeps the content of a definition and returns its version: content that
// is the newest already keeps its number, changed content gets the next one.
func (s *Store) Version(ctx context.Context, kind, id, content, hash, source string, now time.Time) (int, error) {
	const tries = 10 // as many nodes may start at once with different content
	var version int
	var err error
	for range tries {
		if version, err = s.version(ctx, kind, id, content, hash, source, -1, now); !errors.Is(err, ErrConflict) {
			break
		}
	}
	if err != nil {
		return 0, fmt.Errorf("keeping the version of %s %s: %w", kind, id, err)
	}
	return version, nil
}

// VersionAfter is Version for somebody who has seen a version: ErrConflict where there is
// a newer one by now.
func (s *Store) VersionAfter(ctx context.Context, seen int, kind, id, content, hash, source string, now time.Time) (int, error) {
	version, err := s.version(ctx, kind, id, content, hash, source, seen, now)
	if err != nil {
		return 0, fmt.Errorf("keeping the version of %s %s: %w", kind, id, err)
	}
	return version, nil
}

// version is one try; ErrConflict when another node took the number meanwhile, or the
// newest is not the one that was seen (-1 for whichever).
func (s *Store) version(ctx context.Context, kind, id, content, hash, source string, seen int, now time.Time) (version int, err error) {
	type row struct {
		version int
		hash    string
	}
	err = s.Tx(ctx, RankBulk, func(tx *Tx) error {
		last, err := one(ctx, tx, func(r *sql.Rows) (x row, err error) { return x, r.Scan(&x.version, &x.hash) },
			"select version, content_hash from definition where kind = $1 and id = $2 order by version desc limit 1", kind, id)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		version = last.version
		if seen >= 0 && seen != last.version {
			return ErrConflict
		}
		if err == nil && last.hash == hash {
			return nil
		}
		version++
		r, err := tx.ExecContext(ctx, `insert into definition (id, version, kind, content, content_hash, source, created_at) values ($1, $2, $3, $4, $5, $6, $7)
			on conflict (id, kind, version) do nothing`, id, version, kind, content, hash, source, at(now))
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrConflict)
		}
		return nil
	})
	return version, err
}

// DefinitionCount is how many versions of a kind there are: none is ever changed or
// deleted.
func (s *Store) DefinitionCount(ctx context.Context, kind string) (int, error) {
	return one(ctx, s.read, func(r *sql.Rows) (n int, err error) { return n, r.Scan(&n) }, "select count(*) from definition where kind = $1", kind)
}

// Definition reads the content of one version.
func (s *Store) Definition(ctx context.Context, kind, id string, version int) (string, error) {
	return one(ctx, s.read, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) },
		"select content from definition where kind = $1 and id = $2 and version = $3", kind, id, version)
}

// DefinitionVersion is one version of a definition, without its content.
type DefinitionVersion struct {
	ID      string
	Version int
	// Hash is of the content; Source is "shipped", "folder" or who wrote it.
	Hash, Source string
	At           time.Time
}

// DefinitionVersions lists the versions of all definitions of a kind, by id, the
// newest last.
func (s *Store) DefinitionVersions(ctx context.Context, kind string) (map[string][]DefinitionVersion, error) {
	rows, err := collect(ctx, s.read, func(r *sql.Rows) (x DefinitionVersion, err error) {
		var when moment
		err = r.Scan(&x.ID, &x.Version, &x.Hash, &x.Source, &when)
		x.At = when.Time
		return x, err
	}, "select id, version, content_hash, source, created_at from definition where kind = $1 order by id, version", kind)
	if err != nil {
		return nil, fmt.Errorf("listing the versions of definitions: %w", err)
	}
	out := map[string][]DefinitionVersion{}
	for _, x := range rows {
		out[x.ID] = append(out[x.ID], x)
	}
	return out, nil
}
