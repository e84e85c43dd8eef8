package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// wholeTable finds a large table that is read from end to end.
var wholeTable = map[string]*regexp.Regexp{
	"postgres": regexp.MustCompile(`Seq Scan on (message|conversation|outreach|visit|task|contact|address)\b`),
	"sqlite":   regexp.MustCompile(`(?m)^SCAN (message|conversation|outreach|visit|task|contact|address|x|m|c|o|p|w|t)( [^U]|$)`),
}

// TestNoFullScans: whatever pages, the API and what comes in read of one person, one
// order or one address is found by an index, however long the history is.
func TestNoFullScans(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		d := storetest.Dealer(t, st)
		fill(t, st, db, d, 5000)
		db.SetMaxOpenConns(1) // settings count for what is asked after them
		const n = 4711
		id := func(kind int) string { return fmt.Sprintf("%08x-0000-7000-8000-%012x", kind, n) }
		phone, order := fmt.Sprint("+79", 100000000+n), fmt.Sprint("ЗН-", n)
		type statement struct {
			query string
			args  []any
		}
		var seen []statement
		must(t, st.Watch(func(q string, args []any) { seen = append(seen, statement{q, args}) }))
		tx := func(fn func(tx *store.Tx) error) func(context.Context) error {
			return func(ctx context.Context) error { return st.Tx(ctx, store.RankPerson, fn) }
		}
		ctx := t.Context()
		f := func(x store.Filter) store.Filter { x.DealerID = d.ID; return x }
		for name, read := range map[string]func(context.Context) error{
			"messages by order": func(ctx context.Context) error {
				_, err := st.ListMessages(ctx, f(store.Filter{Order: order}))
				return err
			},
			"messages by phone": func(ctx context.Context) error {
				_, err := st.ListMessages(ctx, f(store.Filter{Address: phone}))
				return err
			},
			"messages of one": func(ctx context.Context) error {
				_, err := st.ListMessages(ctx, f(store.Filter{ContactID: id(1)}))
				return err
			},
			"responses by order": func(ctx context.Context) error {
				_, err := st.ListResponses(ctx, f(store.Filter{Order: order}))
				return err
			},
			"responses by phone": func(ctx context.Context) error {
				_, err := st.ListResponses(ctx, f(store.Filter{Address: phone}))
				return err
			},
			"decisions by order": func(ctx context.Context) error {
				_, err := st.ListDecisions(ctx, f(store.Filter{Order: order}))
				return err
			},
			"decisions by phone": func(ctx context.Context) error {
				_, err := st.ListDecisions(ctx, f(store.Filter{Address: phone}))
				return err
			},
			"tasks by order": func(ctx context.Context) error {
				_, err := st.Tasks(ctx, store.TaskFilter{DealerID: d.ID, Order: order, Open: true})
				return err
			},
			"tasks by phone": func(ctx context.Context) error {
				_, err := st.Tasks(ctx, store.TaskFilter{DealerID: d.ID, Address: phone})
				return err
			},
			"messages of a contact":      func(ctx context.Context) error { _, err := st.MessagesOf(ctx, id(1), 100); return err },
			"conversations of a contact": func(ctx context.Context) error { _, err := st.ConversationsFor(ctx, id(1)); return err },
			"unassigned":                 func(ctx context.Context) error { _, err := st.Unassigned(ctx, d.ID, 50); return err },
			"conversation of outreach":   func(ctx context.Context) error { _, err := st.ConversationOfOutreach(ctx, id(5)); return err },
			"waiting":                    func(ctx context.Context) error { _, _, err := st.Waiting(ctx, now); return err },
			"next due":                   func(ctx context.Context) error { _, err := st.NextDue(ctx); return err },
			"conversation of visit":      tx(func(tx *store.Tx) error { _, err := tx.ConversationOfVisit(ctx, id(4), "s"); return err }),
			"conversations of":           tx(func(tx *store.Tx) error { _, err := tx.ConversationsOf(ctx, id(1), now.Add(-time.Hour)); return err }),
			"last of a conversation":     tx(func(tx *store.Tx) error { _, err := tx.LastOf(ctx, id(10)); return err }),
			"last to":                    tx(func(tx *store.Tx) error { _, err := tx.LastTo(ctx, channels.SMS, phone); return err }),
			"by provider": tx(func(tx *store.Tx) error {
				_, err := tx.MessageByProvider(ctx, channels.SMS, store.Out, "SM1")
				return err
			}),
			"report": tx(func(tx *store.Tx) error {
				_, err := tx.Report(ctx, channels.Report{Channel: channels.SMS, ProviderID: "SM1", State: channels.StateDelivered}, now)
				return err
			}),
			"cancel": tx(func(tx *store.Tx) error { return tx.CancelWaiting(ctx, channels.SMS, phone, store.OptedOut, now) }),
			"a group of events": func(ctx context.Context) error {
				return st.Together(ctx, store.RankPerson, func(g *store.Group) error {
					asks := []store.Ask{{Channel: channels.SMS, Address: phone, ProviderID: "SM2"}, {Channel: channels.SMS, Address: "+791", ConversationID: id(10)},
						{Channel: channels.SMS, Address: "+792", Token: fmt.Sprint("t", n)}, {Channel: channels.SMS, Address: phone, References: []string{"SM3"}}}
					if err := g.Load(ctx, asks, now.Add(-time.Hour)); err != nil {
						return err
					}
					if people := g.People(asks[0]); !slices.Contains(people, id(1)) {
						t.Errorf("whose address is %s: %v", phone, people)
					}
					if people := g.People(asks[2]); len(people) != 1 || people[0] != id(1) {
						t.Errorf("whose token: %v", people)
					}
					turn := g.Turn()
					g.Keep(turn)
					if _, err := turn.OpenTaskOf(ctx, id(1), store.TaskCallback); err != nil && !errors.Is(err, store.ErrNotFound) {
						return err
					}
					c, err := turn.Conversation(ctx, id(10))
					if err != nil {
						return err
					}
					_, err = turn.SaveConversation(ctx, c, now)
					return errors.Join(err, turn.SaveAnswer(ctx, store.Answer{ConversationID: c.ID, Question: "q", Channel: channels.SMS}, now))
				})
			},
			"another customer's visit": tx(func(tx *store.Tx) error {
				r := storetest.Visit(order, "Петров Пётр", phone, now)
				r.VIN = fmt.Sprint("VIN", n)
				_, err := tx.SaveVisits(ctx, d, []store.VisitRecord{r}, now)
				return err
			}),
		} {
			if st.Engine() == "postgres" {
				_, err := db.ExecContext(ctx, "reset enable_seqscan")
				must(t, err)
			}
			seen = nil
			if err := read(ctx); err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Fatalf("%s: %v", name, err)
			}
			if len(seen) == 0 {
				t.Errorf("%s: no statement was seen", name)
			}
			for _, s := range seen {
				if strings.HasPrefix(s.query, "set local ") { // counts until the end of the transaction
					_, err := db.ExecContext(ctx, strings.Replace(s.query, "set local ", "set ", 1))
					must(t, err)
					continue
				}
				if plan := planOf(t, st, db, s.query, s.args); wholeTable[st.Engine()].MatchString(plan) {
					t.Errorf("%s reads a whole table:\n%s\n%s", name, s.query, plan)
				}
			}
		}
	})
}

// planOf asks the engine how it carries a statement out.
func planOf(t testing.TB, st *store.Store, db *sql.DB, query string, args []any) string {
	t.Helper()
	if st.Engine() == "postgres" {
		return strings.Join(strs(t, db, "explain "+query, args...), "\n")
	}
	rows, err := db.QueryContext(t.Context(), "explain query plan "+query, args...)
	must(t, err)
	defer func() { _ = rows.Close() }()
	var b strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		must(t, rows.Scan(&id, &parent, &unused, &detail))
		b.WriteString(detail + "\n")
	}
	must(t, rows.Err())
	return b.String()
}
