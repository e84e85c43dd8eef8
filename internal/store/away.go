package store

import (
	"context"
	"database/sql/driver"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrAway: the database cannot be reached now, or went away half-way. The same call may
// be made again when it is back; whether a commit under way was kept is not known.
var ErrAway = errors.New("the database is away")

// Cause is ErrAway for an error that says the database cannot be reached, and the error
// itself for any other. An error of the call's own context stays what it is.
func Cause(err error) error {
	var connecting *pgconn.ConnectError
	// What pgconn says of a connection, unlike what the server answers, tells whether
	// anything was sent.
	var connection interface{ SafeToRetry() bool }
	switch {
	case err == nil, errors.Is(err, context.Canceled):
	case errors.As(err, &connecting), errors.Is(err, driver.ErrBadConn), goingDown(pgCode(err)):
		return ErrAway
	case errors.Is(err, context.DeadlineExceeded):
	case errors.As(err, &connection):
		return ErrAway
	}
	return err
}

// goingDown tells what a server answers that ends, starts or takes no more connections:
// https://www.postgresql.org/docs/15/errcodes-appendix.html
func goingDown(code string) bool {
	switch code {
	case "57P01", "57P02", "57P03", "53300":
		return true
	}
	return len(code) == 5 && code[:2] == "08"
}
