package crash_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // rows are read without our own store
	_ "modernc.org/sqlite"
)

// books are the rows of a campaign.
type books struct {
	outreach      []outreachRow
	messages      []messageRow
	conversations []conversationRow
	contacts      map[string]bool
	// attempts are the classes of the attempts of a message that were not accepted.
	attempts map[string][]string
	// visits is how many there are: each has one person and wants one survey.
	visits int
}

type outreachRow struct {
	id, contact, state, rule string
	claimed                  bool
}

type messageRow struct {
	id, outreach, conversation, contact, channel, sender, address, state, provider, code string
	attempts, asked                                                                      int
	claimed                                                                              bool
	// created and touched are business time; retry is machine time, zero for none.
	created, touched, retry time.Time
}

// String is what a complaint shows of a message.
func (m messageRow) String() string {
	const form = "15:04:05.000"
	return fmt.Sprintf("%s (%s %s, provider's id %q, attempts %d, asked %d, made %s, touched %s, to be tried or asked %s)",
		m.id, m.channel, m.state, m.provider, m.attempts, m.asked, m.created.Format(form), m.touched.Format(form), m.retry.Format(form))
}

// moment reads a time that is stored in microseconds.
func moment(stored string) time.Time {
	n, err := strconv.ParseInt(stored, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

type conversationRow struct{ id, outreach, contact string }

// database opens one without our own store.
func database(url string) (*sql.DB, error) {
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(20000)")
	}
	return sql.Open("pgx", url)
}

// table reads a query's rows as texts; null is "".
func table(ctx context.Context, db *sql.DB, query string) (out [][]string, err error) {
	found, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("reading rows: %w", err)
	}
	defer func() { _ = found.Close() }()
	cols, err := found.Columns()
	if err != nil {
		return nil, err
	}
	for found.Next() {
		row, into := make([]sql.NullString, len(cols)), make([]any, len(cols))
		for i := range row {
			into[i] = &row[i]
		}
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		texts := make([]string, len(row))
		for i, v := range row {
			texts[i] = v.String
		}
		out = append(out, texts)
	}
	return out, found.Err()
}

// due are the outreach rows of surveys; the call that the program plans beside each
// is due a day later only.
const due = "step = 'survey'"

// read takes all rows that the comparison needs.
func read(ctx context.Context, db *sql.DB) (b books, err error) {
	for _, q := range []struct {
		query string
		take  func(r []string)
	}{
		{"select id, contact_id, state, rule, case when claim_token is null then '' else 'claimed' end from outreach where " + due,
			func(r []string) { b.outreach = append(b.outreach, outreachRow{r[0], r[1], r[2], r[3], r[4] != ""}) }},
		{`select id, outreach_id, conversation_id, contact_id, channel, sender, address, state, provider_id, code, attempts, asked,
			case when claim_token is null then '' else 'claimed' end, created_at, updated_at, retry_at from message where direction = 'out'`,
			func(r []string) {
				m := messageRow{id: r[0], outreach: r[1], conversation: r[2], contact: r[3], channel: r[4], sender: r[5], address: r[6], state: r[7], provider: r[8], code: r[9], claimed: r[12] != "",
					created: moment(r[13]), touched: moment(r[14]), retry: moment(r[15])}
				_, _ = fmt.Sscan(r[10]+" "+r[11], &m.attempts, &m.asked) // both are numbers in every row
				b.messages = append(b.messages, m)
			}},
		{"select id, outreach_id, contact_id from conversation", func(r []string) { b.conversations = append(b.conversations, conversationRow{r[0], r[1], r[2]}) }},
		{"select id from contact", func(r []string) { b.contacts[r[0]] = true }},
		{"select message_id, class from attempt order by at, id", func(r []string) { b.attempts[r[0]] = append(b.attempts[r[0]], r[1]) }},
		{"select id from visit", func([]string) { b.visits++ }},
	} {
		if b.contacts == nil {
			b.contacts, b.attempts = map[string]bool{}, map[string][]string{}
		}
		rows, err := table(ctx, db, q.query)
		if err != nil {
			return b, err
		}
		for _, r := range rows {
			q.take(r)
		}
	}
	return b, nil
}

// unsettled tells what is left to be done, in words; empty when nothing is.
func unsettled(ctx context.Context, db *sql.DB) (string, error) {
	rows, err := table(ctx, db, `select 'events not planned', count(*) from event
		union all select 'outreach ' || state, count(*) from outreach where `+due+` and (state in ('planned', 'held', 'claimed') or claim_token is not null) group by state
		union all select channel || ' ' || state, count(*) from message where direction = 'out' and state in ('queued', 'sending') group by channel, state
		union all select 'groups that have begun', count(*) from begun`)
	if err != nil {
		return "", err
	}
	var left []string
	for _, r := range rows {
		if r[1] != "0" {
			left = append(left, r[1]+" "+r[0])
		}
	}
	slices.Sort(left)
	return strings.Join(left, ", "), nil
}

// inFlight gives the messages that are begun and not recorded, by lane.
func inFlight(ctx context.Context, db *sql.DB) (map[string][]string, error) {
	rows, err := table(ctx, db, "select channel, sender, id from message where direction = 'out' and state = 'sending' and claim_token is not null")
	if err != nil {
		return nil, err
	}
	groups, err := table(ctx, db, "select channel, sender, messages from begun")
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		ids := strings.Fields(g[2])
		recorded, err := table(ctx, db, "select id from message where id in ('"+strings.Join(ids, "', '")+"')")
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if !slices.ContainsFunc(recorded, func(r []string) bool { return r[0] == id }) {
				rows = append(rows, []string{g[0], g[1], id})
			}
		}
	}
	out := map[string][]string{}
	for _, r := range rows {
		out[r[0]+" "+r[1]] = append(out[r[0]+" "+r[1]], r[2])
	}
	return out, nil
}

// soon bounds a question to a database that may be away.
func soon(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Minute)
}
