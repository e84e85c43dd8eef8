// Package crash_test kills the built program at random instants of a campaign, with
// its provider, database and Redis failing beside it, and compares what arrived with
// what the rows say (invariant 1). It owns the sinks that remember what they took and
// the comparison; the faults are internal/testserver/faultproxy's. Heavy tests kill a
// few times, soak tests a hundred.
package crash_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// arrival is one message that a sink has taken.
type arrival struct {
	// id is the SID that the sink gave, or the mail's Message-ID.
	id, to, text string
	// ref is the program's own id of the message.
	ref string
	at  time.Time
	// made is the Date of a mail, to the second: when the program put it together.
	made time.Time
	// dot is where on its connection, in bytes, the end of a mail's data stood.
	dot int64
	// answered tells that the whole answer was handed to the kernel.
	answered bool
}

// refusal is an answer with which a provider fails; the zero value is none.
type refusal struct {
	// status is the HTTP status, or the SMTP code after the final dot.
	status int
	// after goes as Retry-After with an HTTP status, in seconds.
	after int
	// taken tells that the message was taken before the answer.
	taken bool
	// share of the messages that meet it, in (0, 1].
	share float64
}

// sink is what both kinds of provider share.
type sink struct {
	mu     sync.Mutex
	taken  []arrival
	byTo   map[string][]int
	refuse refusal
	random *rand.Rand
	// refused counts the messages that met the present refusal.
	refused int
	// slow bounds how long an answer takes, so that there is always some on its way.
	slow time.Duration
}

func newSink(seed uint64) *sink {
	return &sink{byTo: map[string][]int{}, random: rand.New(rand.NewPCG(seed, 1)), slow: 12 * time.Millisecond} //nolint:gosec // faults, not secrets
}

// set lets messages meet a refusal from now on.
func (s *sink) set(r refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse, s.refused = r, 0
}

// struck tells how many messages have met the present refusal.
func (s *sink) struck() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// meet draws what the next message meets and how long it takes.
func (s *sink) meet() (refusal, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := time.Duration(s.random.Int64N(int64(s.slow) + 1))
	if s.refuse.status == 0 || s.random.Float64() >= s.refuse.share {
		return refusal{}, wait
	}
	s.refused++
	return s.refuse, wait
}

// take remembers a message and gives its number.
func (s *sink) take(a arrival) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.at = time.Now()
	s.byTo[a.to] = append(s.byTo[a.to], len(s.taken))
	s.taken = append(s.taken, a)
	return len(s.taken) - 1
}

// answered marks messages whose answer has left.
func (s *sink) answered(numbers ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range numbers {
		if n >= 0 {
			s.taken[n].answered = true
		}
	}
}

// arrivals are all messages taken so far.
func (s *sink) arrivals() []arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]arrival(nil), s.taken...)
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.taken)
}

// smsSink is shaped like Twilio's Messages API, as far as the program calls it.
// https://www.twilio.com/docs/messaging/api/message-resource
type smsSink struct {
	*sink
	// addr is host:port.
	addr string
	sids atomic.Int64
	// report is told of what was taken, for the delivery report; nil for none.
	report func(callback string, form url.Values)
	// deaf answers no question about messages; unheard counts them by recipient.
	deaf    bool
	unheard map[string]int
}

// hush lets the sink answer no questions, or answer them again.
func (s *smsSink) hush(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaf = on
}

// asked tells whether so many recipients were asked about in vain so often.
func (s *smsSink) asked(recipients, often int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.unheard {
		if n >= often {
			recipients--
		}
	}
	return recipients <= 0
}

func newSMSSink(t *testing.T, seed uint64) *smsSink {
	t.Helper()
	s := &smsSink{sink: newSink(seed), unheard: map[string]int{}}
	mux := http.NewServeMux()
	const messages = "/2010-04-01/Accounts/{account}/Messages.json"
	mux.HandleFunc("POST "+messages, s.create)
	mux.HandleFunc("GET "+messages, s.list)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.addr = strings.TrimPrefix(server.URL, "http://")
	return s
}

func (s *smsSink) create(w http.ResponseWriter, r *http.Request) {
	// The whole request must have come: half of one is nothing.
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form did not come whole", http.StatusBadRequest)
		return
	}
	f := r.PostForm
	met, wait := s.meet()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	<-timer.C
	number, callback := -1, f.Get("StatusCallback")
	a := arrival{to: f.Get("To"), text: f.Get("Body"), ref: reference(callback)}
	if met.status == 0 || met.taken {
		a.id = fmt.Sprintf("SM%032x", s.sids.Add(1))
		number = s.take(a)
		if s.report != nil {
			// Before the answer is read: a report may overtake it.
			go s.report(callback, url.Values{"AccountSid": {r.PathValue("account")}, "MessageSid": {a.id}, "MessageStatus": {"delivered"}, "To": {a.to}, "From": {f.Get("From")}})
		}
	}
	if met.status != 0 {
		if met.after > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(met.after))
		}
		_ = writeJSON(w, met.status, map[string]any{"code": 20000 + met.status%1000, "message": "the sink refuses", "status": met.status})
		return
	}
	if err := writeJSON(w, http.StatusCreated, resource(a, f.Get("From"))); err == nil {
		s.answered(number)
	}
}

// reference is the message's id in the program, which it puts into the callback.
func reference(callback string) string {
	u, err := url.Parse(callback)
	if err != nil {
		return ""
	}
	return u.Query().Get("id")
}

func resource(a arrival, from string) map[string]any {
	at := a.at
	if at.IsZero() {
		at = time.Now()
	}
	stamp := at.UTC().Format(time.RFC1123Z)
	return map[string]any{"sid": a.id, "to": a.to, "from": from, "body": a.text, "status": "queued", "direction": "outbound-api", "num_segments": "1",
		"date_created": stamp, "date_updated": stamp, "error_code": nil, "error_message": nil, "api_version": "2010-04-01"}
}

// list answers what the program asks about an uncertain message.
func (s *smsSink) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	found := []map[string]any{}
	s.mu.Lock()
	if s.deaf {
		s.unheard[q.Get("To")]++
		s.mu.Unlock()
		_ = writeJSON(w, http.StatusServiceUnavailable, map[string]any{"code": 20503, "message": "the sink does not answer", "status": http.StatusServiceUnavailable})
		return
	}
	for _, n := range s.byTo[q.Get("To")] {
		found = append(found, resource(s.taken[n], q.Get("From")))
	}
	s.mu.Unlock()
	_ = writeJSON(w, http.StatusOK, map[string]any{"messages": found, "page": 0, "page_size": 50, "uri": r.URL.RequestURI(), "next_page_uri": nil})
}

func writeJSON(w http.ResponseWriter, status int, body any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}
