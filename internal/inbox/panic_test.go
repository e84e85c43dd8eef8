package inbox_test

import (
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/survey"
)

// TestReplyThatBreaksTheParser goes to a person, and the program on.
func TestReplyThatBreaksTheParser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		w.send()
		able := w.in.Parser
		w.in.Parser = &reply.Parser{} // has nothing that it needs
		if ms := w.write(phone, "стоп"); len(ms) != 0 {
			t.Errorf("said to it: %+v", ms)
		}
		if ts := w.tasks(store.TaskReview); len(ts) != 1 || ts[0].Words != "стоп" || ts[0].Reason != callback.ReasonUnclear {
			t.Fatalf("reviews: %+v", ts)
		}
		w.in.Parser = able
		w.write(phone, "5")
		if ts := w.tasks(store.TaskReview); len(ts) != 0 {
			t.Errorf("what became clear needs no review: %+v", ts)
		}
	})
}

// TestEventThatBreaksTheProgram fails alone: it is offered again, and those that came with
// it are taken in.
func TestEventThatBreaksTheProgram(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		contact := w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		w.send()
		whole := w.in.Survey
		w.in.Survey = func(string) (*survey.Definition, bool) { panic("index out of range") }
		in := text("SM1", phone, "5")
		if err := w.in.Handle(t.Context(), channels.Event{Inbound: &in}, nil); err == nil || !strings.Contains(err.Error(), "index out of range") {
			t.Fatalf("taken in: %v", err)
		}
		w.hand(text("SM2", "+79000000190", "Сколько стоит ТО?"))
		w.in.Survey = whole
		w.hand(in)
		cs, err := st.ConversationsFor(t.Context(), contact)
		if err != nil || len(cs) != 1 {
			t.Fatalf("conversations: %+v, %v", cs, err)
		}
		as, err := st.Answers(t.Context(), []string{cs[0].ID})
		if got := as[cs[0].ID]; err != nil || len(got) != 1 || got[0].Rating == nil || *got[0].Rating != 5 {
			t.Errorf("answers: %+v, %v", got, err)
		}
	})
}
