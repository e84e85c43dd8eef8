package store_test

import (
	"errors"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestGroupConflict: when something has changed since it was read, nothing of the
// group is written.
func TestGroupConflict(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		d := storetest.Dealer(t, st)
		saved := storetest.Save(t, st, d, storetest.Visit("1", "Клиент", "+79000000001", now))[0]
		c := store.Conversation{ID: st.NewID(), DealerID: d.ID, ContactID: saved.ContactID, VisitID: saved.VisitID, Survey: "s", SurveyVersion: 1, Locale: "ru", Channel: channels.SMS, Address: "+79000000001",
			State: store.ConversationOpen, Position: "{}", Version: 1, Token: "token"}
		inTx(t, st, func(tx *store.Tx) error { return tx.OpenConversation(ctx, c, now) })
		ask := store.Ask{Channel: channels.SMS, Address: "+79000000001"}
		together := func(fn func(g *store.Group, turn *store.Turn) error) error {
			return st.Together(ctx, store.RankPerson, func(g *store.Group) error {
				if err := g.Load(ctx, []store.Ask{ask}, now.Add(-time.Hour)); err != nil {
					return err
				}
				turn := g.Turn()
				g.Keep(turn)
				return fn(g, turn)
			})
		}
		queue := func(turn *store.Turn) error {
			return turn.Queue(ctx, []store.Message{{DealerID: d.ID, ContactID: saved.ContactID, Channel: channels.SMS, Address: "+79000000001", Purpose: outreach.Answer, Text: "!"}}, now)
		}
		open := func(turn *store.Turn) (store.Task, error) {
			return turn.OpenTask(ctx, store.Task{DealerID: d.ID, Kind: store.TaskCallback, ContactID: saved.ContactID, ConversationID: c.ID, DueAt: now, Clocks: []store.Clock{{Kind: "solution", DueAt: now}}}, now)
		}
		for name, fn := range map[string]func(*store.Group, *store.Turn) error{
			"a conversation that moved": func(_ *store.Group, turn *store.Turn) error {
				old := c
				old.Version = 7
				_, err := turn.SaveConversation(ctx, old, now)
				return errors.Join(err, queue(turn))
			},
			"one conversation in two turns": func(g *store.Group, turn *store.Turn) error {
				other := g.Turn()
				g.Keep(other)
				_, err := turn.SaveConversation(ctx, c, now)
				_, again := other.SaveConversation(ctx, c, now)
				return errors.Join(err, again, queue(turn))
			},
			"one task in two turns": func(g *store.Group, turn *store.Turn) error {
				other := g.Turn()
				g.Keep(other)
				_, err := open(turn)
				_, again := open(other)
				return errors.Join(err, again, queue(turn))
			},
			"a task that was not read": func(_ *store.Group, turn *store.Turn) error {
				return errors.Join(queue(turn), turn.SaveTask(ctx, store.Task{ID: st.NewID(), Version: 1}, now))
			},
		} {
			if err := together(fn); !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if ms, err := st.MessagesOf(ctx, saved.ContactID, 10); err != nil || len(ms) != 0 {
			t.Errorf("a group that failed has written %+v, %v", ms, err)
		}
		// What a turn has changed it sees itself, and the database after the group.
		must(t, together(func(_ *store.Group, turn *store.Turn) error {
			x, err := open(turn)
			must(t, err)
			x.Words = "стук"
			must(t, turn.SaveTask(ctx, x, now))
			must(t, turn.SetClock(ctx, x.ID, store.Clock{Kind: "solution", DueAt: now, MetAt: now}))
			again, err := turn.TaskOfConversation(ctx, c.ID, store.TaskCallback)
			if err != nil || again.Words != "стук" || again.Version != 2 || again.Clocks[0].MetAt.IsZero() {
				t.Errorf("in the turn: %+v, %v", again, err)
			}
			return nil
		}))
		ts, err := st.Tasks(ctx, store.TaskFilter{DealerID: d.ID})
		if err != nil || len(ts) != 1 || ts[0].Words != "стук" || ts[0].Version != 2 || ts[0].Number != 1 {
			t.Fatalf("after the group: %+v, %v", ts, err)
		}
		if x, err := st.Task(ctx, ts[0].ID); err != nil || len(x.Clocks) != 1 || !x.Clocks[0].MetAt.Equal(now) {
			t.Errorf("its clocks: %+v, %v", x, err)
		}
	})
}
