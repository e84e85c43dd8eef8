package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"otklik/channels"
)

// databases makes the databases of a measurement: each is filled once and copied
// for every run, so that all runs begin alike.
type databases struct {
	pg  *postgres // nil for SQLite
	dir string    // of SQLite's files, and of the program
	// copies numbers the runs' databases.
	copies int
}

// openDatabases starts a PostgreSQL, or makes a folder for SQLite files.
func openDatabases(ctx context.Context, engine string) (*databases, error) {
	dir, err := os.MkdirTemp("", "otklik-load-")
	if err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	d := &databases{dir: dir}
	if engine == "postgres" {
		if d.pg, err = startPostgres(ctx); err != nil {
			return nil, errors.Join(err, d.close())
		}
	}
	return d, nil
}

func (d *databases) close() error {
	var err error
	if d.pg != nil {
		err = d.pg.close()
	}
	return errors.Join(err, os.RemoveAll(d.dir))
}

// cpu is what the database server has used so far; SQLite's share is in the
// program that uses it.
func (d *databases) cpu() time.Duration {
	if d.pg == nil {
		return 0
	}
	return d.pg.cpu()
}

// create makes an empty database and gives its URL.
func (d *databases) create(ctx context.Context, name string) (string, error) {
	if d.pg == nil {
		return "sqlite:" + d.file(name), nil
	}
	return d.pg.database(name), d.pg.execute(ctx, "create database "+name)
}

// copyOf gives the URL of a fresh copy of a filled database that nobody uses, with
// statistics as autovacuum would have made them and nothing left to be flushed.
func (d *databases) copyOf(ctx context.Context, name string) (string, error) {
	d.copies++
	to := fmt.Sprintf("%s_%d", name, d.copies)
	if d.pg != nil {
		return d.pg.database(to), d.pg.execute(ctx, fmt.Sprintf("create database %s template %s", to, name), "checkpoint")
	}
	return "sqlite:" + d.file(to), copyFile(d.file(name), d.file(to))
}

// drop removes a copy.
func (d *databases) drop(ctx context.Context, url string) error {
	if d.pg == nil {
		path := strings.TrimPrefix(url, "sqlite:")
		return errors.Join(os.Remove(path), removeIfThere(path+"-wal"), removeIfThere(path+"-shm"))
	}
	return d.pg.execute(ctx, "drop database "+url[strings.LastIndexByte(url, '/')+1:strings.LastIndexByte(url, '?')])
}

func (d *databases) file(name string) string { return filepath.Join(d.dir, name+".db") }

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copying a database: %w", err)
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return fmt.Errorf("copying a database: %w", err)
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("copying a database: %w", err)
	}
	return nil
}

// settle leaves a filled database as one finds it the next morning.
func (d *databases) settle(ctx context.Context, url string) error {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		db, err := openSQLite(path)
		if err != nil {
			return err
		}
		_, err = db.ExecContext(ctx, "analyze; pragma wal_checkpoint(truncate)")
		if err = errors.Join(err, db.Close()); err != nil {
			return fmt.Errorf("settling the database: %w", err)
		}
		return nil
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("settling the database: %w", err)
	}
	_, err = conn.Exec(ctx, "vacuum (analyze)")
	return errors.Join(err, conn.Close(ctx))
}

// fillOutbox makes the bare loop's database: n rows to distinct people.
func (d *databases) fillOutbox(ctx context.Context, name string, channel channels.Kind, n int) error {
	url, err := d.create(ctx, name)
	if err != nil {
		return err
	}
	address := "'customer' || i || '@mail' || (i % 100) || '.example'"
	if channel == channels.SMS {
		address = "'+79' || substr('00000000' || i, -9)"
	}
	if d.pg == nil {
		db, err := openSQLite(d.file(name))
		if err != nil {
			return err
		}
		_, err = db.ExecContext(ctx, sqliteOutboxTable)
		if err == nil {
			_, err = db.ExecContext(ctx, `with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < ?)
				insert into outbox (id, key, address) select i + 1, lower(hex(randomblob(16))), `+address+` from n`, n)
		}
		if err = errors.Join(err, db.Close()); err != nil {
			return fmt.Errorf("filling the outbox: %w", err)
		}
		return d.settle(ctx, url)
	}
	if channel == channels.SMS {
		address = "'+79' || lpad(i::text, 9, '0')"
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("filling the outbox: %w", err)
	}
	_, err = conn.Exec(ctx, postgresOutboxTable)
	if err == nil {
		_, err = conn.Exec(ctx, "insert into outbox (id, key, address) select i + 1, gen_random_uuid()::text, "+address+" from generate_series(0, $1::bigint - 1) i", n)
	}
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return fmt.Errorf("filling the outbox: %w", err)
	}
	return d.settle(ctx, url)
}
