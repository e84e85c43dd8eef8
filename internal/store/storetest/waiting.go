package storetest

import (
	"database/sql"
	"testing"
	"time"

	"otklik/internal/store"
)

// Due lists a dealer's outreach that has not begun and is due in [from, to), the first
// one first.
func Due(t testing.TB, st *store.Store, dealerID string, from, to time.Time) []store.Outreach {
	t.Helper()
	ids := list(t, st, func(r *sql.Rows) (id string, err error) { return id, r.Scan(&id) },
		"select id from outreach where dealer_id = $1 and state in ('planned', 'held') and due_at >= $2 and due_at < $3 order by due_at, id", dealerID, from.UnixMicro(), to.UnixMicro())
	byID, err := st.OutreachByIDs(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]store.Outreach, len(ids))
	for i, id := range ids {
		out[i] = byID[id]
	}
	return out
}

// Events lists a dealer's events that no plan has taken up, in the order in which they
// were stored.
func Events(t testing.TB, st *store.Store, dealerID string) []store.Event {
	t.Helper()
	return list(t, st, func(r *sql.Rows) (e store.Event, err error) {
		var visit, subject sql.NullString
		var at int64
		err = r.Scan(&e.ID, &e.DealerID, &e.Kind, &e.ContactID, &visit, &subject, &at)
		e.At, e.VisitID, e.SubjectID = time.UnixMicro(at).UTC(), visit.String, subject.String
		return e, err
	}, "select id, dealer_id, kind, contact_id, visit_id, subject_id, at from event where dealer_id = $1 order by created_at, id", dealerID)
}

// list reads rows past the store.
func list[T any](t testing.TB, st *store.Store, scan func(*sql.Rows) (T, error), query string, args ...any) (out []T) {
	t.Helper()
	err := st.Tx(t.Context(), store.RankPerson, func(tx *store.Tx) error {
		rows, err := tx.QueryContext(t.Context(), query, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for out = nil; rows.Next(); {
			x, err := scan(rows)
			if err != nil {
				return err
			}
			out = append(out, x)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
