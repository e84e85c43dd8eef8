package inbox_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"otklik/channels"
	"otklik/internal/conversation"
	"otklik/internal/inbox"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// event is one thing the person of the property does, so long after the one before.
type event struct {
	pause time.Duration
	in    channels.Inbound
}

// drawEvents draws what a person does in a Telegram chat: texts and taps.
func drawEvents(t *rapid.T, start time.Time) []event {
	says := []string{"5", "2. стук остался", "да", "нет", "ой, 4, не 5", "спасибо", "долго ждал", "до скольки работаете?", "5 да да", "йцукен", "после шести"}
	var out []event
	at := start
	for i := range rapid.IntRange(1, 6).Draw(t, "events") {
		e := event{pause: time.Duration(rapid.SampledFrom([]int{1, 6, 20, 1200}).Draw(t, "pause")) * time.Second}
		at = at.Add(e.pause)
		if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
			q := rapid.SampledFrom([]string{"fixed:yes", "fixed:no", "on_time:yes", "explained:no", "recommend:yes"}).Draw(t, "tap")
			e.in = channels.Inbound{ProviderID: fmt.Sprint("tap:", i), Data: ":" + q}
		} else {
			e.in = channels.Inbound{ProviderID: fmt.Sprint("m", i), Text: rapid.SampledFrom(says).Draw(t, "text"), At: at}
		}
		e.in.Channel, e.in.From, e.in.To = channels.Telegram, "", "bot"
		out = append(out, e)
	}
	return out
}

// customer has been asked the first question of the survey in a Telegram chat of his
// own, which is also his conversation's token.
func (w *world) customer(st *store.Store, n int) (contact, token string) {
	w.t.Helper()
	contact, token = w.visit(fmt.Sprint("order-", n), fmt.Sprint("Клиент ", n), fmt.Sprintf("+7900%07d", n), time.Hour), fmt.Sprint("chat", n)
	must(w.t, st.Tx(w.t.Context(), store.RankPerson, func(tx *store.Tx) error {
		now := w.Clock.Business()
		if err := tx.Dial(w.t.Context(), contact, channels.Telegram, token, now); err != nil {
			return err
		}
		return tx.OpenConversation(w.t.Context(), store.Conversation{ID: st.NewID(), DealerID: w.Dealer.ID, ContactID: contact, Survey: "after-service", SurveyVersion: 1, Locale: "ru", Channel: channels.Telegram,
			Address: token, State: store.ConversationOpen, Position: `{"question":"overall","asked":[{"question":"overall","channel":"telegram"}],"channel":"telegram"}`, Token: token}, now)
	}))
	return contact, token
}

// of makes an event that of one customer.
func of(in channels.Inbound, token string) channels.Inbound {
	in.From, in.ProviderID = token, token+in.ProviderID
	if in.Data != "" {
		in.Data = token + in.Data
	}
	return in
}

// node is another node, or one that was started anew: it knows nothing but the
// database.
func (w *world) node(st *store.Store) *inbox.Inbox {
	return &inbox.Inbox{Store: st, Clock: w.in.Clock, Roster: w.in.Roster, Parser: w.in.Parser, Survey: w.in.Survey, Drafter: w.in.Drafter, Copies: conversation.NewMemory(w.Clock.Machine),
		Log: w.in.Log, Wake: w.in.Wake, Changed: w.in.Changed}
}

// deliver hands an event to nodes at the same moment.
func (w *world) deliver(nodes []*inbox.Inbox, in channels.Inbound) {
	w.t.Helper()
	var wg sync.WaitGroup
	for _, node := range nodes {
		wg.Go(func() {
			if err := node.Handle(w.t.Context(), channels.Event{Inbound: &in}, nil); err != nil {
				w.t.Error(err)
			}
		})
	}
	wg.Wait()
}

// end is what a person's events have led to, as one text.
func (w *world) end(contact string) string {
	w.t.Helper()
	ts, err := w.Store.Tasks(w.t.Context(), store.TaskFilter{DealerID: w.Dealer.ID, ContactID: contact, Open: true})
	must(w.t, err)
	slices.SortFunc(ts, func(a, b store.Task) int { return strings.Compare(a.Kind, b.Kind) })
	out := fmt.Sprintf("answers %v", w.answers(contact))
	for _, x := range ts {
		out += fmt.Sprintf("; %s %s %d %q %s", x.Kind, x.Reason, x.Severity, x.Words, x.CallFrom.Format("15:04"))
	}
	rs, err := w.Store.RemarksOf(w.t.Context(), contact)
	must(w.t, err)
	var remarks []string
	for _, r := range rs {
		remarks = append(remarks, fmt.Sprintf("%s %q", r.Kind, r.Text))
	}
	slices.Sort(remarks)
	ms, err := w.Store.MessagesOf(w.t.Context(), contact, 100)
	must(w.t, err)
	told := map[string]int{}
	for _, m := range ms {
		if m.Direction == store.Out {
			told[m.Template+" "+string(m.State)]++
		}
	}
	return fmt.Sprintf("%s; remarks %v; told %v", out, remarks, told)
}

// TestOrder is the property that the answers do not depend on how events come:
// duplicates at any later time, a restart before any event, and two nodes that get
// the same event at once lead to the same answers and callbacks as the events in
// their order, each once.
func TestOrder(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			url := storetest.FreshURL(t, engine)
			w := newWorld(t, storetest.OpenURL(t, url))
			nodes := []*inbox.Inbox{w.in, w.node(storetest.OpenURL(t, url))}
			n := 0
			rapid.Check(t, func(rt *rapid.T) {
				n += 2
				plain, first := w.customer(w.Store, n)
				mixed, second := w.customer(w.Store, n+1)
				events := drawEvents(rt, w.Clock.Business())
				var seen []channels.Inbound
				for _, e := range events {
					w.forward(e.pause)
					w.deliver(nodes[:1], of(e.in, first))
					in := of(e.in, second)
					seen = append(seen, in)
					i := rapid.IntRange(0, 1).Draw(rt, "node")
					if rapid.Bool().Draw(rt, "restart") {
						nodes[i] = w.node(nodes[i].Store)
					}
					w.deliver([]*inbox.Inbox{nodes[i], nodes[1-i]}[:rapid.IntRange(1, 2).Draw(rt, "nodes")], in)
					if rapid.Bool().Draw(rt, "again") {
						w.deliver(nodes[1:], rapid.SampledFrom(seen).Draw(rt, "which"))
					}
				}
				if want, got := w.end(plain), w.end(mixed); got != want {
					rt.Fatalf("events %+v\nled to           %s\nin order lead to %s", events, got, want)
				}
			})
		})
	}
}

// TestReordered is what a provider that delivers the messages of one person in another
// order than he sent them may not change, as long as all come within the time in which
// they are one thought: for each burst, every order of arrival leads to what the order
// of sending leads to. Equal must be the standing answers with their words in the order
// in which they were sent, which tasks are open, for which reason, how urgent and from when, and
// that nothing but words of the person stands in them. The order in which a task or a
// remark tells the words may differ, for a person may have read them already; so may
// what was said meanwhile, and withdrawn.
func TestReordered(t *testing.T) {
	bursts := [][]string{
		{"5", "спасибо"},
		{"2", "стук остался"},
		{"2", "стук остался", "и ждал три часа"},
		{"стук остался", "2"},
		{"ждал три часа", "и стук остался", "2"},
		{"4", "но долго ждал", "больше часа"},
		{"5", "Мария молодец", "всё объяснила"},
		{"всё плохо", "перезвоните"},
		{"2", "после шести"},
		{"2", "стук остался", "завтра после шести"},
		{"перезвоните", "завтра после шести"},
		{"ой", "не туда", "5"},
		{"было грязно", "и дорого", "3"},
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			w := newWorld(t, storetest.Open(t, engine))
			n := 0
			for _, burst := range bursts {
				want := ""
				for _, order := range orders(len(burst)) {
					n++
					contact, token := w.customer(w.Store, n)
					sent := w.Clock.Business().Truncate(time.Second)
					for _, i := range order {
						w.forward(2 * time.Second)
						w.deliver([]*inbox.Inbox{w.in}, of(channels.Inbound{Channel: channels.Telegram, To: "bot", ProviderID: fmt.Sprint("m", i), Text: burst[i], At: sent.Add(time.Duration(i) * time.Second)}, token))
					}
					got := w.outcome(contact)
					if want == "" {
						want = got // the order of sending comes first
					}
					if got != want {
						t.Errorf("%q, arrived as %v,\nled to           %s\nin order lead to %s", burst, order, got, want)
					}
					w.forward(time.Minute)
				}
			}
		})
	}
}

// orders are all orders of n things, that of counting first.
func orders(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var out [][]int
	for i := range n {
		for _, rest := range orders(n - 1) {
			order := []int{i}
			for _, j := range rest {
				if j >= i {
					j++
				}
				order = append(order, j)
			}
			out = append(out, order)
		}
	}
	return out
}

// outcome is what TestReordered compares, as one text.
func (w *world) outcome(contact string) string {
	w.t.Helper()
	ts, err := w.Store.Tasks(w.t.Context(), store.TaskFilter{DealerID: w.Dealer.ID, ContactID: contact, Open: true})
	must(w.t, err)
	var tasks []string
	for _, x := range ts {
		words := strings.Fields(x.Words)
		slices.Sort(words)
		tasks = append(tasks, fmt.Sprintf("%s %s %d %v from %s", x.Kind, x.Reason, x.Severity, words, x.CallFrom.Format("15:04")))
	}
	slices.Sort(tasks)
	return fmt.Sprintf("answers %v; tasks %v", w.answers(contact), tasks)
}
