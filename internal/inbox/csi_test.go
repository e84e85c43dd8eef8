package inbox_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/inbox"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/survey"
)

// ask has the follow-up of a service begin with another survey.
func (w *world) ask(survey string) {
	p := *w.Planner.Programs()["service-followup"]
	p.Steps = slices.Clone(p.Steps)
	p.Steps[0].Survey = survey
	w.Planner.Programs = program.Fixed(map[string]*program.Definition{p.ID: &p})
	w.Dispatcher.Programs = w.Planner.Programs
}

// TestSplitQuestionnaire sends CSI by SMS, and the customer goes on in Telegram and
// ends on the form: all ask the three elements drawn for him, and none twice.
func TestSplitQuestionnaire(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		w.ask("csi")
		contact := w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		w.one(w.send(), "Оцените от 1 до 5")
		def, _ := w.Survey("csi")
		drawn := def.Draw(contact, w.Clock.Business().In(w.Dealer.Location()))

		token, state := w.position(contact)
		if len(drawn) != 3 || !slices.Equal(state.Drawn, drawn) {
			t.Fatalf("the conversation has drawn %v, want %v", state.Drawn, drawn)
		}
		tap := func(question, value string) {
			t.Helper()
			w.n++
			w.hand(channels.Inbound{Channel: channels.Telegram, ProviderID: "TG" + question, From: "4242", Data: token + ":" + question + ":" + value, References: []string{"77"}})
		}
		tap("overall", "5")
		if _, state = w.position(contact); state.Question != drawn[0] || state.Channel != channels.Telegram {
			t.Fatalf("after the first tap %q is open on %s, want %q in Telegram", state.Question, state.Channel, drawn[0])
		}
		q, _ := def.Question(drawn[0])
		if ms := w.queued(channels.Telegram); len(ms) != 1 || !strings.Contains(ms[0], q.Ask["ru"].Any) {
			t.Fatalf("Telegram is told %q, want %q", ms, q.Ask["ru"].Any)
		}
		tap(drawn[0], "4")
		if _, state = w.position(contact); state.Question != drawn[1] {
			t.Fatalf("after the second tap %q is open, want %q", state.Question, drawn[1])
		}

		var shown []string
		for _, q := range state.Sheet(def, channels.Form) {
			if q.Set != "" {
				shown = append(shown, q.ID)
			}
		}
		if !slices.Equal(shown, drawn) {
			t.Errorf("the form shows %v, want %v", shown, drawn)
		}
		four := 4
		got, err := w.in.Submit(t.Context(), inbox.Submission{Token: token, Channel: channels.Form,
			Values: map[string]survey.Value{drawn[1]: {Rating: &four}, drawn[2]: {Rating: &four}, "expectation": {Choice: survey.Better}, "suggestions": {Text: "кофе получше"}}})
		if err != nil || len(got.Refused) > 0 || got.Flagged || got.Outcome != survey.Good {
			t.Fatalf("the form: %+v, %v", got, err)
		}
		if _, state = w.position(contact); !state.Done {
			t.Error("the survey goes on after the form")
		}
		rs, err := st.ListResponses(t.Context(), store.Filter{DealerID: w.Dealer.ID, Order: "1001"})
		if err != nil || len(rs) != 1 {
			t.Fatalf("responses: %+v, %v", rs, err)
		}
		var answered []string
		for _, a := range rs[0].Answers {
			answered = append(answered, a.Question)
		}
		slices.Sort(answered)
		want := slices.Sorted(slices.Values(append([]string{"overall", "expectation", "suggestions"}, drawn...)))
		if !slices.Equal(answered, want) {
			t.Errorf("answered %v, want %v", answered, want)
		}
		if cb := w.tasks(store.TaskCallback); len(cb) != 0 {
			t.Errorf("a callback for good elements: %+v", cb)
		}
	})
}

// TestWorseThanExpected: one tap brings the customer to a human.
func TestWorseThanExpected(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st)
		w.ask("csi")
		contact := w.visit("1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		w.send()
		token, _ := w.position(contact)
		w.hand(channels.Inbound{Channel: channels.Telegram, ProviderID: "TG1", From: "4242", Data: token + ":expectation:worse", References: []string{"77"}})
		if cb := w.tasks(store.TaskCallback); len(cb) != 1 || cb[0].Reason != string(survey.NotGood) {
			t.Errorf("callbacks: %+v", cb)
		}
	})
}

// position is where the only conversation of a contact stands.
func (w *world) position(contact string) (token string, state survey.State) {
	w.t.Helper()
	cs, err := w.Store.ConversationsFor(w.t.Context(), contact)
	if err != nil || len(cs) != 1 {
		w.t.Fatalf("conversations: %+v, %v", cs, err)
	}
	if err := json.Unmarshal([]byte(cs[0].Position), &state); err != nil {
		w.t.Fatal(err)
	}
	return cs[0].Token, state
}

// queued are the texts that wait for a channel.
func (w *world) queued(ch channels.Kind) (texts []string) {
	w.t.Helper()
	ms, err := w.Store.ListMessages(w.t.Context(), store.Filter{DealerID: w.Dealer.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range ms {
		if m.Channel == ch && m.Direction == store.Out {
			texts = append(texts, m.Text)
		}
	}
	return texts
}
