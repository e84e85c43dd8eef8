package sandbox

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"otklik/channels"
)

// Stage says which requests a fault strikes.
type Stage string

// Stages. Connect, Sender and Recipient exist in SMTP only.
const (
	// StageSend: what hands over a message or changes one. In SMTP the answer
	// to the final dot. The default.
	StageSend Stage = ""
	// StageRead: what only asks (a Twilio list, getUpdates, opening the mailbox).
	StageRead Stage = "read"
	// StageConnect, StageSender, StageRecipient: greeting, MAIL and RCPT.
	StageConnect   Stage = "connect"
	StageSender    Stage = "sender"
	StageRecipient Stage = "recipient"
	// StageAny: each of them.
	StageAny Stage = "any"
)

// Fault is what a provider does wrong. With none of Status, Hang and Reset set
// there is no fault.
type Fault struct {
	Stage Stage
	// Status is the HTTP status to answer with, or the SMTP code.
	Status int
	// Code is Twilio's error code in the body; 0 for the one usual with Status.
	Code int
	// RetryAfter goes with an HTTP Status, in whole seconds, where it is not 0.
	RetryAfter time.Duration
	// Hang takes the request and keeps silent until the fault is lifted.
	Hang bool
	// Reset takes the request and tears the connection.
	Reset bool
	// Taken lets the request have its effect before the fault strikes: what the
	// caller sees as a failure has arrived.
	Taken bool
	// Probability of striking, in (0, 1]; 0 counts as 1.
	Probability float64
	// Count is the number of strikes after which the fault is over; 0 for never.
	Count int
}

// Fault puts a fault on a channel in the place of the one before; the zero Fault
// heals it. Requests that hang are let go with a torn connection.
func (s *Servers) Fault(ch channels.Kind, f Fault) {
	s.faults.set(ch, f)
}

// Struck tells how often the present fault of a channel has struck.
func (s *Servers) Struck(ch channels.Kind) int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	if o, ok := s.faults.by[ch]; ok {
		return o.struck
	}
	return 0
}

type faults struct {
	mu sync.Mutex
	by map[channels.Kind]*ongoing
}

// ongoing is a fault in force; lifted is closed when it no longer is.
type ongoing struct {
	Fault
	struck int
	lifted chan struct{}
}

func newFaults() *faults { return &faults{by: map[channels.Kind]*ongoing{}} }

func (f *faults) set(ch channels.Kind, fault Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if before, ok := f.by[ch]; ok {
		close(before.lifted)
		delete(f.by, ch)
	}
	if fault.Status != 0 || fault.Hang || fault.Reset {
		f.by[ch] = &ongoing{Fault: fault, lifted: make(chan struct{})}
	}
}

// strike decides whether a request at a stage is struck.
func (f *faults) strike(ch channels.Kind, stage Stage) (*ongoing, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, ok := f.by[ch]
	if !ok || (a.Stage != stage && a.Stage != StageAny) {
		return nil, false
	}
	if a.Count > 0 && a.struck >= a.Count {
		return nil, false
	}
	if a.Probability > 0 && rand.Float64() >= a.Probability {
		return nil, false
	}
	a.struck++
	return a, true
}

// hang waits until the fault is lifted, the caller is gone or the servers close.
func (a *ongoing) hang(ctx context.Context) {
	select {
	case <-a.lifted:
	case <-ctx.Done():
	}
}

// faulty puts the channel's fault before or behind a handler. refuse writes the
// provider's own kind of error body.
func (s *Servers) faulty(ch channels.Kind, stage Stage, h http.HandlerFunc, refuse func(http.ResponseWriter, *ongoing)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, struck := s.faults.strike(ch, stage)
		if !struck {
			h(w, r)
			return
		}
		if a.Taken {
			h(&unheard{header: http.Header{}}, r)
		}
		// Only a request that has been read to its end can be answered, and only
		// then does the server notice a caller who hangs up.
		_, _ = io.Copy(io.Discard, r.Body)
		switch {
		case a.Hang:
			a.hang(r.Context())
			tearHTTP(w)
		case a.Reset:
			tearHTTP(w)
		default:
			if a.RetryAfter > 0 {
				w.Header().Set("Retry-After", strconv.Itoa(seconds(a.RetryAfter)))
			}
			refuse(w, a)
		}
	}
}

// seconds rounds up to whole seconds, as Retry-After counts.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// gateway answers as the proxy before a provider does, in HTML, when the status
// is a proxy's; false for any other status.
func gateway(w http.ResponseWriter, status int) bool {
	if status != http.StatusBadGateway && status != http.StatusGatewayTimeout {
		return false
	}
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	_, _ = io.WriteString(w, "<html>\r\n<head><title>"+title+"</title></head>\r\n<body>\r\n<center><h1>"+title+"</h1></center>\r\n</body>\r\n</html>\r\n")
	return true
}

func tearHTTP(w http.ResponseWriter) {
	nc, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	tear(nc)
}

// unheard swallows the answer of a handler that had its effect.
type unheard struct{ header http.Header }

// Header gives a map that nobody reads.
func (u *unheard) Header() http.Header { return u.header }

// Write drops the bytes.
func (u *unheard) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader drops the status.
func (u *unheard) WriteHeader(int) {}
