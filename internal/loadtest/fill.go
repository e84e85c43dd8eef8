package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/calendar"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/templates"
)

// The dealership of a measurement. The program is configured with the same values.
const (
	dealerCode = "load"
	dealerName = "Load"
	emailFrom  = "service@load.example"
	// completedAgo makes the survey of program service-followup due and past its
	// target, and its phone step not yet.
	completedAgo = 27 * time.Hour
)

// filled says how long it took to make a campaign.
type filled struct {
	Saving, Planning time.Duration
	// Planned are the outreach rows that the planner wrote.
	Planned int64
}

// fill makes a migrated database in which n contacts with one visit each are due
// for the survey after service. A contact has an email address or a phone, by
// channel. Limits are in force but high.
func fill(ctx context.Context, url string, channel channels.Kind, zone string, n int) (f filled, err error) {
	now := time.Now()
	if f.Saving, err = saveVisits(ctx, hurried(url), channel, zone, n, now); err != nil {
		return f, err
	}
	st, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return f, err
	}
	defer st.Close()
	planner, err := newPlanner(ctx, st, now)
	if err != nil {
		return f, err
	}
	began := time.Now()
	f.Planned, err = planner.Run(ctx, now)
	f.Planning = time.Since(began)
	return f, err
}

// hurried is a database URL whose sessions do not wait for the disk: what is only
// preparation may be lost with the power. What is measured never uses it.
func hurried(url string) string {
	if strings.HasPrefix(url, "sqlite:") {
		return url
	}
	return url + "&synchronous_commit=off"
}

// saveVisits makes the schema, the dealership and its customers.
func saveVisits(ctx context.Context, url string, channel channels.Kind, zone string, n int, now time.Time) (took time.Duration, err error) {
	st, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return 0, err
	}
	defer st.Close()
	if _, err := st.Migrate(ctx); err != nil {
		return 0, err
	}
	d, err := st.SaveDealer(ctx, store.Dealer{Code: dealerCode, Name: dealerName, Zone: zone, Country: "RU", Locale: "ru"}, now)
	if err != nil {
		return 0, err
	}
	if err := setLimits(ctx, st, now); err != nil {
		return 0, err
	}
	began := time.Now()
	for from := 0; from < n; from += store.SaveChunk {
		if err := saveChunk(ctx, st, d, channel, from, min(from+store.SaveChunk, n), now); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

func saveChunk(ctx context.Context, st *store.Store, d store.Dealer, channel channels.Kind, from, to int, now time.Time) error {
	records := make([]store.VisitRecord, 0, to-from)
	for i := from; i < to; i++ {
		records = append(records, visit(channel, i, now.Add(-completedAgo)))
	}
	err := st.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
		_, err := tx.SaveVisits(ctx, d, records, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("saving visits: %w", err)
	}
	return nil
}

// visit is the i-th customer's. Nobody has such a name and address.
func visit(channel channels.Kind, i int, completed time.Time) store.VisitRecord {
	names := []string{"Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Захар"}
	given := names[i%len(names)]
	c := store.ContactRecord{Name: fmt.Sprintf("%s Проверкин %d", given, i), Given: given, Family: "Проверкин"}
	if channel == channels.Email {
		c.Emails = []string{emailAddress(i)}
	} else {
		c.Phones = []string{phone(i)}
	}
	return store.VisitRecord{Order: fmt.Sprintf("L%08d", i), ClosedAt: completed, HandedOverAt: completed, CompletedAt: completed,
		Works: []string{"ТО-4", "Замена колодок"}, TotalMinor: 786000, Currency: "RUB", Advisor: "Советников С.", Mechanic: "Мастеров М.", Department: "Слесарный",
		VIN: fmt.Sprintf("XTALOAD%010d", i), Plate: fmt.Sprintf("Л%08d", i), Model: "LADA Vesta", Mileage: 1000 + i%100000, Customer: c}
}

// emailAddress spreads customers over a hundred domains.
func emailAddress(i int) string { return fmt.Sprintf("customer%d@mail%d.example", i, i%100) }

func phone(i int) string { return fmt.Sprintf("+79%09d", i) }

// setLimits writes the limits that a campaign passes as data, too high to be felt.
func setLimits(ctx context.Context, st *store.Store, now time.Time) error {
	const perSecond = 1_000_000
	return st.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
		for _, name := range []string{"channel:email", "channel:sms", "dealer:" + dealerCode, "global"} {
			if _, err := tx.ExecContext(ctx, "insert into rate_limit (name, units, per, burst, updated_at) values ($1, $2, $3, $4, $5)",
				name, perSecond, time.Second.Microseconds(), perSecond, now.UnixMicro()); err != nil {
				return fmt.Errorf("writing limit %s: %w", name, err)
			}
		}
		return nil
	})
}

// newPlanner makes a planner as the program has it, with numbered definitions.
func newPlanner(ctx context.Context, st *store.Store, now time.Time) (*program.Planner, error) {
	programs, err := program.Load(templates.FS, "programs")
	if err != nil {
		return nil, err
	}
	for id, p := range programs {
		content, err := templates.FS.ReadFile("programs/" + id + ".yaml")
		if err != nil {
			return nil, fmt.Errorf("reading program %s: %w", id, err)
		}
		if p.Version, err = st.Version(ctx, "program", id, string(content), store.HashToken(string(content)), "shipped", now); err != nil {
			return nil, err
		}
	}
	book, err := calendar.Default()
	if err != nil {
		return nil, err
	}
	rules, err := policy.Default()
	if err != nil {
		return nil, err
	}
	return &program.Planner{Store: st, Programs: program.Fixed(programs), Book: book, Policy: rules}, nil
}

// states counts rows by state, such as "message sent" or "survey done".
func states(ctx context.Context, url string) (map[string]int, error) {
	out := map[string]int{}
	err := query(ctx, url, `select 'message ' || state, count(*) from message where direction = 'out' group by state
		union all select step || ' ' || state, count(*) from outreach group by step, state`, func(rows *sql.Rows) error {
		var state string
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			return err
		}
		out[state] = n
		return nil
	})
	return out, err
}

// Queries for the ids of messages that the database calls sent.
const (
	sentByProgram = "select id from message where direction = 'out' and state = 'sent'"
	sentByLoop    = "select key from outbox where state = 2"
)

// sentNumbers are the numbers of the ids that a query gives.
func sentNumbers(ctx context.Context, url, ids string) (map[uint64]bool, error) {
	out := map[uint64]bool{}
	err := query(ctx, url, ids, func(rows *sql.Rows) error {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		out[number(id)] = true
		return nil
	})
	return out, err
}

// query reads from a database of either kind.
func query(ctx context.Context, url, text string, scan func(*sql.Rows) error) error {
	st, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	defer st.Close()
	err = st.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
		rows, err := tx.QueryContext(ctx, text)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return fmt.Errorf("reading what has become of the messages: %w", err)
	}
	return nil
}
