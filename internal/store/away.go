package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// ErrAway: the database cannot be reached now, or went away half-way. The same call may
// be made again when it is back; whether a commit under way was kept is not known.
var ErrAway = errors.New("the database is away")

// Kinds of ErrAway in which the database answers and takes no writes.
var (
	ErrFull     = fmt.Errorf("%w: its disk is full", ErrAway)
	ErrReadOnly = fmt.Errorf("%w: it can only be read", ErrAway)
	// ErrCrowded: the server lets nobody more in (max_connections, or the limit of a role
	// or database).
	ErrCrowded = fmt.Errorf("%w: it has no connection left", ErrAway)
	ErrLocked  = fmt.Errorf("%w: another process holds its write lock", ErrAway)
)

// Cause is ErrAway, or a kind of it, for an error that says the database cannot be
// reached or takes no writes, and the error itself for any other. An error of the call's
// own context stays what it is.
func Cause(err error) error {
	var connecting *pgconn.ConnectError
	// What pgconn says of a connection, unlike what the server answers, tells whether
	// anything was sent.
	var connection interface{ SafeToRetry() bool }
	switch refused := refusal(err); {
	case err == nil, errors.Is(err, ErrLocked), errors.Is(err, context.Canceled):
	case refused != nil:
		return refused
	case errors.As(err, &connecting), errors.Is(err, driver.ErrBadConn), goingDown(pgCode(err)):
		return ErrAway
	case errors.Is(err, context.DeadlineExceeded):
	case errors.As(err, &connection):
		return ErrAway
	}
	return err
}

// Passes tells an error that lies in what others do with the database at the moment: a
// lock that somebody holds for long, a deadlock, too little memory. The same call may
// succeed later, though the database is not away.
func Passes(err error) bool {
	switch code := pgCode(err); code {
	case "55P03", "57014", "40P01", "40001": // lock_timeout, statement_timeout, deadlock, serialization
		return true
	default:
		return strings.HasPrefix(code, "53") // insufficient resources
	}
}

// goingDown tells what a server answers that ends, starts or takes no more connections:
// https://www.postgresql.org/docs/15/errcodes-appendix.html
func goingDown(code string) bool {
	switch code {
	case "57P01", "57P02", "57P03", "57P05":
		return true
	}
	return len(code) == 5 && code[:2] == "08"
}

// refusal is the kind of ErrAway that an engine's answer stands for, nil for none:
// https://www.sqlite.org/rescode.html#primary_result_code_list
func refusal(err error) error {
	switch pgCode(err) {
	case "53100":
		return ErrFull
	case "53300":
		return ErrCrowded
	case "25006": // a standby, or what its keeper has set so
		return ErrReadOnly
	}
	var lite *sqlite.Error
	if !errors.As(err, &lite) {
		return nil
	}
	switch lite.Code() & 0xff {
	case 5:
		return ErrLocked
	case 13:
		return ErrFull
	case 8:
		return ErrReadOnly
	case 10, 14: // the disk fails, or the file is gone
		return ErrAway
	}
	return nil
}
