package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"otklik/internal/outreach"
)

// On PostgreSQL the messages of a group that begin together stand in one row of the
// table begun, as durable as rows of their own, until their outcomes are recorded:
// Record writes each message once, with its last state. As rows that say sending first
// they had to be written twice, with all their indexes. Who needs a message before its
// outcome is known has its group unfolded into rows that say sending: the resolver
// when the lease has passed, a report that is faster than the record, an erasure. What
// has been recorded of a group is a row already and stays as it is.

// nativeBegun writes a group's row. What is listed has blanks around it.
var nativeBegun = native{"begun", "insert into begun (id, channel, sender, until, begun_at, waiting, messages, people, addresses, columns, content) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"}

// together tells that the messages of a group may stand in one row.
func together(group []Begun) bool {
	m := &group[0].Message
	return m.Group != "" && !slices.ContainsFunc(group, func(b Begun) bool {
		return b.Message.Group != m.Group || b.Message.Channel != m.Channel || b.Message.Sender != m.Sender
	})
}

// fold writes the messages of a group as one row.
func fold(ctx context.Context, c *pgx.Conn, group []Begun, ok map[string]bool, messages *copyRows, business, until time.Time) error {
	if messages.err != nil {
		return messages.err
	}
	ids, people, addresses := []byte{' '}, []byte{' '}, []byte{' '}
	for i := range group {
		m := &group[i].Message
		if !ok[m.ID] {
			continue
		}
		ids = append(append(ids, m.ID...), ' ')
		people = append(append(append(append(people, m.ContactID...), ':'), m.Purpose...), ' ')
		addresses = append(append(addresses, m.Address...), ' ')
	}
	m := &group[0].Message
	r, err := nativeBegun.run(ctx, c, ident(m.Group), []byte(m.Channel), []byte(m.Sender), instant(until), instant(business), bigint(int64(len(ok))), ids, people, addresses, []byte(strings.Join(messageInsert, " ")), messages.b)
	return each(r, err, func(*cells) {})
}

// unfold writes the messages of groups that have no row yet as rows that say sending.
// It returns how many groups it met; where there are none it costs a look at a table of
// a few rows.
func (t *Tx) unfold(ctx context.Context, which string, args ...any) (int, error) {
	if t.s.pool == nil {
		return 0, nil
	}
	type row struct {
		columns string
		content []byte
	}
	groups, err := collect(ctx, t, func(r *sql.Rows) (x row, err error) { return x, r.Scan(&x.columns, &x.content) }, "delete from begun where "+which+" returning columns, content", args...)
	if err != nil {
		return 0, fmt.Errorf("looking for messages that have begun: %w", err)
	}
	for _, g := range groups {
		// The columns are those of the version that began them.
		err := t.conn.Raw(func(driver any) error {
			d, ok := driver.(interface{ Conn() *pgx.Conn })
			if !ok {
				return errNotNative
			}
			c := d.Conn()
			if _, err := c.Exec(ctx, "create temporary table if not exists unfolded (like message including defaults) on commit drop; truncate unfolded"); err != nil {
				return err
			}
			if _, err := copyInto(ctx, c, "unfolded", strings.Fields(g.columns), &copyRows{fields: fields{b: g.content}}); err != nil {
				return err
			}
			_, err := c.Exec(ctx, "insert into message select * from unfolded on conflict (id) do nothing")
			return err
		})
		if err != nil {
			return 0, fmt.Errorf("unfolding messages that have begun: %w", err)
		}
	}
	return len(groups), nil
}

// unfoldLate unfolds the groups whose lease has passed.
func (s *Store) unfoldLate(ctx context.Context, machine time.Time) error {
	if s.pool == nil {
		return nil
	}
	late, err := collect(ctx, s.read, func(r *sql.Rows) (id string, err error) { return id, r.Scan(&id) }, "select id from begun where until < $1", at(machine))
	if err != nil || len(late) == 0 {
		return err
	}
	return s.unfoldGroups(ctx, late)
}

func (s *Store) unfoldGroups(ctx context.Context, ids []string) error {
	return s.Tx(ctx, RankRecord, func(tx *Tx) error {
		_, err := tx.unfold(ctx, s.dialect.among("id", "uuid", 1), s.dialect.idSet(ids))
		return err
	})
}

// unfoldListed unfolds the groups of which a list names one of the values.
func (t *Tx) unfoldListed(ctx context.Context, list string, values ...string) (int, error) {
	if len(values) == 0 || t.s.pool == nil {
		return 0, nil
	}
	conds, args := make([]string, len(values)), make([]any, len(values))
	for i, v := range values {
		conds[i], args[i] = "strpos("+list+", $"+strconv.Itoa(i+1)+") > 0", v
	}
	return t.unfold(ctx, strings.Join(conds, " or "), args...)
}

var recordedInsert = append(messageInsert[:len(messageInsert):len(messageInsert)], "asked", "code", "reason", "retry_at", "sent_at")

// recorded writes the columns recordedInsert of a message with its outcome.
func (c *copyRows) recorded(r *Result, begun, now time.Time) {
	m, w := r.Message, r.written()
	m.State, m.ClaimToken, m.DoneAt = r.Transition.State, "", w.done
	m.Attempts += w.spent
	if r.Receipt.ProviderID != "" {
		m.ProviderID = r.Receipt.ProviderID
	}
	if r.Receipt.Segments > 0 {
		m.Segments = r.Receipt.Segments
	}
	c.message(&m, time.Time{}, begun, now)
	c.integer(int64(m.Asked + r.Transition.AskedMore))
	c.text(w.code)
	c.text(w.reason)
	c.moment(r.Transition.DueAt)
	c.moment(w.sent)
}

// errUnfolded: a group is not in one row any more, or never was with all that is to be
// recorded of it.
var errUnfolded = errors.New("a group has been unfolded")

// recordBegun is Record for messages that stand in the rows of their groups; false when
// somebody has unfolded one of these, or the provider has given an id twice: then they
// are rows.
func (s *Store) recordBegun(ctx context.Context, rs []Result, business time.Time) (bool, error) {
	counts := map[string]int{}
	for i := range rs {
		counts[rs[i].Message.Group]++
	}
	ids := slices.Sorted(maps.Keys(counts))
	err := s.loading(ctx, func(tx *Tx, load loader) error {
		groups, err := tx.count(ctx, ids, counts)
		if err != nil {
			return err
		}
		rows := newCopyRows(len(rs), len(recordedInsert))
		for i := range rs {
			g := groups[rs[i].Message.Group]
			if !strings.Contains(g.messages, rs[i].Message.ID) {
				return errUnfolded // its claim was lost; as a row it would be somebody else's
			}
			rows.recorded(&rs[i], g.since, business)
		}
		if _, err := load(ctx, "message", recordedInsert, rows); err != nil {
			return err
		}
		if slices.ContainsFunc(rs, Result.more) {
			ours := make(map[string]bool, len(rs))
			for i := range rs {
				ours[rs[i].Message.ID] = true
			}
			if err := tx.recordRest(ctx, rs, ours, business); err != nil {
				return err
			}
		}
		var spent []string
		for id, g := range groups {
			if g.left <= 0 {
				spent = append(spent, id)
			}
		}
		if len(spent) == 0 {
			return nil
		}
		_, err = tx.ExecContext(ctx, "delete from begun where "+s.dialect.among("id", "uuid", 1), s.dialect.idSet(spent))
		return err
	})
	if errors.Is(err, errUnfolded) || s.dialect.unique(err) || s.dialect.retryable(err) {
		return false, s.unfoldGroups(ctx, ids)
	}
	return err == nil, err
}

// counted is a group of which messages have been counted as recorded: when it began,
// how many are left, and the ids of all.
type counted struct {
	since    time.Time
	left     int
	messages string
}

// count takes messages of groups as recorded and locks the groups.
func (t *Tx) count(ctx context.Context, ids []string, counts map[string]int) (map[string]counted, error) {
	rows := make([][]any, len(ids))
	for i, id := range ids {
		rows[i] = []any{id, counts[id]}
	}
	with, args, err := t.s.dialect.values(0, []column{{"id", "uuid"}, {"n", "bigint"}}, rows)
	if err != nil {
		return nil, err
	}
	out := make(map[string]counted, len(ids))
	_, err = collect(ctx, t, func(r *sql.Rows) (struct{}, error) {
		var id string
		var began moment
		var g counted
		err := r.Scan(&id, &began, &g.left, &g.messages)
		g.since = began.Time
		out[id] = g
		return struct{}{}, err
	}, with+"update begun set waiting = begun.waiting - v.n from v where begun.id = v.id returning begun.id, begun.begun_at, begun.waiting, begun.messages", args...)
	if err == nil && len(out) < len(ids) {
		err = errUnfolded
	}
	return out, err
}

// flight is a group under way: when it began, and to whom for what.
type flight struct {
	at     time.Time
	people string
}

// askFlights asks for the groups under way. It stands before the question for past
// sends: what is recorded between the two is in both, and seen.
func askFlights(into *[]flight) question {
	return question{"messages that have begun", "select begun_at, people from begun", nil, func(r *cells) { *into = append(*into, flight{r.moment(), r.text()}) }}
}

// fly adds what has begun and is not recorded to what was sent.
func (f *Facts) fly(flights []flight) {
	for _, g := range flights {
		for _, who := range strings.Fields(g.people) {
			id, p, _ := strings.Cut(who, ":")
			if _, wanted := f.Contacts[id]; !wanted {
				continue
			}
			f.Written[id] = true
			if !outreach.Purpose(p).Capped() || slices.ContainsFunc(f.Sent[id], func(s PastSend) bool { return !s.At.Before(g.at) }) {
				continue
			}
			f.Sent[id] = append([]PastSend{{outreach.Purpose(p), g.at}}, f.Sent[id]...)
		}
	}
}
