package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // Twilio's signature
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace/noop"

	"otklik/channels"
	"otklik/channels/sms"
	"otklik/internal/clock"
	"otklik/internal/config"
	"otklik/internal/conversation"
	"otklik/internal/draft"
	"otklik/internal/inbox"
	"otklik/internal/outreach"
	"otklik/internal/render"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/internal/survey"
	"otklik/internal/testserver"
	"otklik/templates"
)

const (
	hookURL     = "https://south.example"
	hookSecret  = "0123456789abcdef0123456789abcdef"
	hookAccount = "AC00000000000000000000000000000000"
	hookCallers = 32
)

// hooks is a dealer with people who have been asked, behind the real hook.
type hooks struct {
	app    *App
	dealer store.Dealer
	server *httptest.Server
	client *http.Client
	// messages are the ids of what was sent, one a person.
	messages []string
	// database is where it is kept.
	database string
}

func number(i int) string { return fmt.Sprintf("+7900%07d", i) }

// newHooks asks n people how their visit went.
func newHooks(b *testing.B, st *store.Store, n int) *hooks {
	b.Helper()
	ctx := b.Context()
	h := &hooks{dealer: storetest.Dealer(b, st)}
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	check(st.SaveSender(ctx, store.Sender{DealerID: h.dealer.ID, Channel: channels.SMS, Address: h.dealer.Phone}, storetest.Now))
	_, err := st.SaveEmployee(ctx, store.Employee{DealerID: h.dealer.ID, Name: "Мария Орлова", Roles: []string{store.RoleOperator}, Active: true}, storetest.Now)
	check(err)
	roster, err := st.Roster(ctx)
	check(err)
	renderer, err := render.New(templates.FS)
	check(err)
	parser, err := reply.New()
	check(err)
	channel, err := sms.New(sms.Config{AccountSID: hookAccount, AuthToken: hookSecret, From: h.dealer.Phone, PublicURL: hookURL})
	check(err)
	c := clock.System{}
	nothing := func() {}
	h.app = &App{tracer: noop.NewTracerProvider().Tracer(""), config: &config.Config{PublicURL: hookURL}, log: slog.New(slog.DiscardHandler), channels: map[channels.Kind]channels.Channel{channels.SMS: channel}}
	h.app.inbox = &inbox.Inbox{Store: st, Clock: c, Roster: roster, Parser: parser, Survey: renderer.Definition, Drafter: &draft.Drafter{Renderer: renderer, PublicURL: hookURL},
		Copies: conversation.NewMemory(c.Machine), Log: h.app.log, Wake: nothing, Changed: nothing}
	mux := http.NewServeMux()
	mux.HandleFunc("/hooks/twilio/", h.app.hook(channels.SMS))
	h.server = httptest.NewServer(mux)
	b.Cleanup(h.server.Close)
	h.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: hookCallers}}
	def, _ := renderer.Definition("after-service")
	position, err := json.Marshal(survey.Begin(def, channels.SMS, nil))
	check(err)
	for from := 0; from < n; from += store.SaveChunk {
		k := min(store.SaveChunk, n-from)
		saved := storetest.Save(b, st, h.dealer, hookVisits("a", from, k)...)
		check(st.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
			var ms []store.Message
			for i, s := range saved {
				conv := store.Conversation{ID: st.NewID(), DealerID: h.dealer.ID, ContactID: s.ContactID, VisitID: s.VisitID, Survey: def.ID, SurveyVersion: def.Version, Locale: "ru", Channel: channels.SMS,
					Address: number(from + i), State: store.ConversationOpen, Position: string(position), Version: 1, Token: draft.NewToken()}
				if err := tx.OpenConversation(ctx, conv, c.Business()); err != nil {
					return err
				}
				m := store.Message{ID: st.NewID(), DealerID: h.dealer.ID, ContactID: s.ContactID, ConversationID: conv.ID, Channel: channels.SMS, Sender: h.dealer.Phone, Address: number(from + i),
					Purpose: outreach.Survey, Text: "Как прошёл визит?"}
				h.messages = append(h.messages, m.ID)
				ms = append(ms, m)
			}
			return tx.Queue(ctx, ms, c.Business())
		}))
	}
	return h
}

func hookVisits(prefix string, from, n int) []store.VisitRecord {
	vs := make([]store.VisitRecord, n)
	for i := range vs {
		vs[i] = storetest.Visit(fmt.Sprint(prefix, from+i), fmt.Sprintf("Клиент %s %d", prefix, from+i), number(from+i), storetest.Now)
	}
	return vs
}

// post makes one signed call, as Twilio makes it.
func (h *hooks) post(ctx context.Context, path string, form url.Values) error {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	mac := hmac.New(sha1.New, []byte(hookSecret))
	_, _ = io.WriteString(mac, hookURL+path)
	for _, name := range names {
		_, _ = io.WriteString(mac, name+form.Get(name))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	resp, err := h.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s, %w", resp.Status, body, err)
	}
	return nil
}

// drive makes n calls from so many callers at a time and reports their rate and
// how long they took.
func (h *hooks) drive(b *testing.B, callers int, call func(ctx context.Context, i int) error) {
	b.Helper()
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var wg sync.WaitGroup
	spent, served := testserver.Processor(b, h.database)
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < b.N; i = int(next.Add(1)) - 1 {
				began := time.Now()
				if err := call(b.Context(), i); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(began)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	spentNow, servedNow := testserver.Processor(b, h.database)
	spent, served = spentNow-spent, servedNow-served
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64(spent.Microseconds())/float64(b.N), "cpu-µs/call")
	if served > 0 {
		b.ReportMetric(float64(served.Microseconds())/float64(b.N), "db-cpu-µs/call")
	}
	b.ReportMetric(ms(took[b.N/2]), "p50-ms")
	b.ReportMetric(ms(took[b.N*99/100]), "p99-ms")
	b.ReportMetric(ms(took[b.N-1]), "max-ms")
}

// openHooks asks n people on an engine how their visit went.
func openHooks(b *testing.B, engine string, n int) *hooks {
	b.Helper()
	url := storetest.URL(b, engine)
	h := newHooks(b, storetest.OpenURL(b, url), n)
	h.database = url
	return h
}

// answers are what people write: one in four is unhappy.
var answers = []string{"5", "5 спасибо, всё отлично", "2. ждал 3 часа, и стук остался", "четыре"}

func (h *hooks) answer(ctx context.Context, i int) error {
	return h.post(ctx, sms.InboundPath, url.Values{"MessageSid": {fmt.Sprintf("SM%032d", i)}, "AccountSid": {hookAccount}, "From": {number(i)}, "To": {h.dealer.Phone},
		"Body": {answers[i%len(answers)]}, "NumMedia": {"0"}, "NumSegments": {"1"}, "SmsStatus": {"received"}, "ApiVersion": {"2010-04-01"}})
}

// BenchmarkHookInbound is a signed webhook over HTTP to the provider's 200: the
// reading, the survey's step and the next message are committed.
func BenchmarkHookInbound(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, callers := range []int{1, hookCallers} {
			b.Run(fmt.Sprintf("%s/%d", engine, callers), func(b *testing.B) {
				h := openHooks(b, engine, b.N)
				h.drive(b, callers, h.answer)
			})
		}
	}
}

// BenchmarkHookReport is a status callback over HTTP to the provider's 200.
func BenchmarkHookReport(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			h := openHooks(b, engine, b.N)
			h.drive(b, hookCallers, func(ctx context.Context, i int) error {
				return h.post(ctx, sms.StatusPath+"?id="+h.messages[i], url.Values{"MessageSid": {fmt.Sprintf("SM%032d", i)}, "MessageStatus": {"delivered"}, "AccountSid": {hookAccount}, "To": {number(i)}})
			})
		})
	}
}

// BenchmarkHookWhileImporting is the inbound hook on SQLite while another handle on
// the file, which knows nothing of this one's order of urgency, imports visits.
func BenchmarkHookWhileImporting(b *testing.B) {
	for _, callers := range []int{1, hookCallers} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			at := storetest.URL(b, "sqlite")
			h := newHooks(b, storetest.OpenURL(b, at), b.N)
			other := storetest.OpenURL(b, at)
			ctx, stop := context.WithCancel(b.Context())
			imported, ended := 0, make(chan error)
			go func() {
				for ctx.Err() == nil {
					vs := hookVisits("b", 1_000_000+imported, store.SaveChunk)
					if err := other.Tx(b.Context(), store.RankBulk, func(tx *store.Tx) error {
						_, err := tx.SaveVisits(b.Context(), h.dealer, vs, storetest.Now)
						return err
					}); err != nil {
						ended <- err
						return
					}
					imported += store.SaveChunk
				}
				ended <- nil
			}()
			h.drive(b, callers, h.answer)
			stop()
			if err := <-ended; err != nil {
				b.Error(err)
			}
			b.ReportMetric(float64(imported)/b.Elapsed().Seconds(), "visits/s")
		})
	}
}
