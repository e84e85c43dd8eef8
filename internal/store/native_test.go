package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// What a claim gives, and what a begin writes, is the same whichever way the engine is
// spoken to: PostgreSQL in binary form, SQLite through database/sql.
func TestClaimedAndBegunAsRead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		d := storetest.Dealer(t, st)
		saved := storetest.Save(t, st, d, storetest.Visit("N1", "Проверкин Иван", "+79000000001", now.Add(-30*time.Hour)))
		planned := []store.Outreach{{DealerID: d.ID, ContactID: saved[0].ContactID, VisitID: saved[0].VisitID, Program: "after-service", ProgramVersion: 7, Occasion: saved[0].VisitID, Step: "survey",
			Purpose: outreach.Survey, Priority: 3, State: outreach.Held, DueAt: now.Add(-time.Minute), TargetAt: now, DeadlineAt: now.Add(time.Hour), Rule: "quiet_hours", Inputs: `{"zone":"Europe/Moscow"}`}}
		if err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
			_, err := tx.Plan(t.Context(), planned, now)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		os, err := storetest.ClaimOutreach(t.Context(), st, st.NewID(), 10, now, now, time.Minute)
		if err != nil || len(os) != 1 {
			t.Fatal(len(os), err)
		}
		o := os[0]
		read, err := st.OutreachByID(t.Context(), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(read, o); diff != "" {
			t.Errorf("the claimed outreach differs from its row (-row +claimed):\n%s", diff)
		}
		c := store.Conversation{ID: st.NewID(), DealerID: d.ID, ContactID: o.ContactID, OutreachID: o.ID, VisitID: o.VisitID, Survey: "after-service", SurveyVersion: 2, Locale: "ru",
			Channel: channels.Email, Address: "a@b.example", State: store.ConversationOpen, Position: `{"question":"overall"}`, Token: "token", Version: 1, OpenedAt: now, UpdatedAt: now}
		m := store.Message{ID: st.NewID(), DealerID: d.ID, OutreachID: o.ID, ConversationID: c.ID, ContactID: o.ContactID, Direction: store.Out, Channel: channels.Email, Sender: "s@b.example", Address: "a@b.example",
			Purpose: outreach.Survey, Template: "after-service/invite", Subject: "Тема \"в кавычках\"", Text: "Строка\nдве \\ {}", HTML: `{"a":1}`, Buttons: [][]channels.Button{{{Label: "1", Data: "x"}}},
			Options: store.MessageOptions{ToName: "Иван", ReplyTo: "r@b.example"}, State: outreach.Sending, Segments: 2, Priority: 3, DueAt: now, AnswersAt: now.Add(-time.Second), ValidUntil: now.Add(time.Hour),
			ClaimToken: o.ClaimToken, CreatedAt: now}
		ok, err := st.Begin(t.Context(), []store.Begun{{Message: m, Outreach: &o, Conversation: &c}}, now, now, time.Minute)
		if err != nil || !ok[m.ID] {
			t.Fatal(ok, err)
		}
		gotC, err := st.Conversation(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, gotC); diff != "" {
			t.Errorf("the conversation differs (-begun +row):\n%s", diff)
		}
		gotM, err := st.Message(t.Context(), m.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, gotM); diff != "" {
			t.Errorf("the message differs (-begun +row):\n%s", diff)
		}
	})
}
