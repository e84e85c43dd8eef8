package store

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"otklik/migrations"
)

// Migration is one step of the schema.
type Migration struct {
	Version int64
	Name    string
	Applied bool
}

func (s *Store) provider() (*goose.Provider, error) {
	dir, err := fs.Sub(migrations.FS, s.dialect.name)
	if err != nil {
		return nil, err
	}
	d, opts := goose.DialectSQLite3, []goose.ProviderOption{goose.WithVerbose(false)}
	if s.dialect.name == "postgres" {
		d = goose.DialectPostgres
		// Nodes that start together migrate once, one after the other.
		l, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, err
		}
		opts = append(opts, goose.WithSessionLocker(l))
	}
	return goose.NewProvider(d, s.write, dir, opts...)
}

// Migrate brings the schema up to date and returns how many steps were applied.
// On SQLite a copy of an existing file is kept beside it first.
func (s *Store) Migrate(ctx context.Context) (int, error) {
	p, err := s.provider()
	if err != nil {
		return 0, fmt.Errorf("reading migrations: %w", err)
	}
	pending, err := p.HasPending(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading the schema version: %w", err)
	}
	if !pending {
		return 0, nil
	}
	if err := s.copyBefore(ctx, p); err != nil {
		return 0, err
	}
	done, err := p.Up(ctx)
	if err != nil {
		return len(done), fmt.Errorf("migrating: %w", err)
	}
	return len(done), nil
}

func (s *Store) copyBefore(ctx context.Context, p *goose.Provider) error {
	v, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("reading the schema version: %w", err)
	}
	if s.path == "" || v == 0 {
		return nil
	}
	dst := fmt.Sprintf("%s.before-%05d", s.path, v+1)
	if err := os.Remove(dst); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("removing an old copy: %w", err)
	}
	if _, err := s.write.ExecContext(ctx, "vacuum into $1", dst); err != nil {
		return fmt.Errorf("copying the database before migrating: %w", err)
	}
	return nil
}

// Pending is how many steps are not applied; it costs few questions where none is.
func (s *Store) Pending(ctx context.Context) (n int, err error) {
	p, err := s.provider()
	if err != nil {
		return 0, fmt.Errorf("reading migrations: %w", err)
	}
	if some, err := p.HasPending(ctx); err != nil || !some {
		if err != nil {
			err = fmt.Errorf("reading the schema version: %w", err)
		}
		return 0, err
	}
	ms, err := s.Migrations(ctx)
	for _, m := range ms {
		if !m.Applied {
			n++
		}
	}
	return n, err
}

// Versions are the newest step that the database has and the newest that this program
// knows. The first is the greater one where a newer version has migrated: with that an
// older one goes on working, for steps only add.
func (s *Store) Versions(ctx context.Context) (has, knows int64, err error) {
	p, err := s.provider()
	if err != nil {
		return 0, 0, fmt.Errorf("reading migrations: %w", err)
	}
	if has, knows, err = p.GetVersions(ctx); err != nil {
		return 0, 0, fmt.Errorf("reading the schema version: %w", err)
	}
	return has, knows, nil
}

// Migrations lists all steps that this program knows, in order.
func (s *Store) Migrations(ctx context.Context) ([]Migration, error) {
	p, err := s.provider()
	if err != nil {
		return nil, fmt.Errorf("reading migrations: %w", err)
	}
	sts, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the schema version: %w", err)
	}
	out := make([]Migration, len(sts))
	for i, st := range sts {
		out[i] = Migration{Version: st.Source.Version, Name: st.Source.Path, Applied: st.State == goose.StateApplied}
	}
	return out, nil
}
