// Package api is the REST API under /api/v1: a dealer's other systems bring
// customers, visits, deliveries, appointments and prospects, and read messages, responses, callbacks and decisions.
//
// It owns the shapes on the wire, their normalisation and the OpenAPI document.
// It plans nothing, sends nothing and renders no page; internal/app mounts it
// beside the console. What it answers and logs repeats no value that a caller
// sent, because most of them are personal data (invariant 11).
package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"otklik/internal/clock"
	"otklik/internal/store"
)

// Deps is what the API works with. All but Saved, Sentence and NextContact must be set.
type Deps struct {
	Store  *store.Store
	Clock  clock.Clock
	Roster *store.Roster
	Log    *slog.Logger
	// Version stands in the OpenAPI document.
	Version string
	// Saved is called after a customer or visit was stored or changed, to wake
	// the planner. It must not block.
	Saved func()
	// NextContact is when a prospect is due who was last contacted at a moment (R063);
	// nil means at that moment.
	NextContact func(d store.Dealer, contacted time.Time) time.Time
	// Sentence puts a decision into words; nil means the rule's name.
	Sentence func(locale string, d store.ListedDecision, zone *time.Location) string
}

// API is the handler. Safe for concurrent use.
type API struct {
	Deps
	mux      *http.ServeMux
	huma     huma.API
	document []byte
}

// bodyLimit is the largest body that is read, in bytes.
const bodyLimit = 1 << 20

// New registers all operations and writes the OpenAPI document once.
func New(d Deps) *API {
	if d.Saved == nil {
		d.Saved = func() {}
	}
	if d.NextContact == nil {
		d.NextContact = func(_ store.Dealer, contacted time.Time) time.Time { return contacted }
	}
	if d.Sentence == nil {
		d.Sentence = func(_ string, x store.ListedDecision, _ *time.Location) string { return x.Rule }
	}
	a := &API{Deps: d, mux: http.NewServeMux()}
	a.huma = humago.New(a.mux, a.config())
	a.huma.UseMiddleware(a.guard)
	a.registerPosts()
	a.registerLists()
	a.document = a.finishDocument()
	return a
}

// Routes mounts /api/ on a mux; the document is at /api/openapi.json.
func (a *API) Routes(mux *http.ServeMux) {
	a.mux.HandleFunc("GET "+documentPath, a.serveDocument)
	mux.Handle("/api/", a)
}

// ServeHTTP answers what no operation does with a problem, too.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, pattern := a.mux.Handler(r)
	if pattern != "" {
		a.mux.ServeHTTP(w, r)
		return
	}
	// The mux knows whether it is the path or the method that does not exist,
	// but tells it in plain text.
	plain := statusOnly{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(&plain, r)
	if allow := plain.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
	}
	id := a.begin(w.Header().Set)
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(plain.status)
	_ = json.NewEncoder(w).Encode(newProblem(plain.status, "", id)) // a caller that is gone cannot be told
	a.Log.Info("api request", "request_id", id, "method", r.Method, "route", "", "status", plain.status)
}

// statusOnly takes an answer's status and headers and drops its text.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }

// request is what is known about one request before its handler runs.
type request struct {
	id    string
	token store.Token
	// dealer is whose token it is.
	dealer store.Dealer
	zone   *time.Location
	// warnings go into the answer when the record is stored.
	warnings []fault
}

type requestKey struct{}

// begin writes the headers that every answer has and returns the request's id.
// The id is always ours: one sent by the caller could be anything, even a phone
// number, and it stands in the log.
func (a *API) begin(header func(name, value string)) string {
	id := a.Store.NewID()
	header("X-Request-Id", id)
	header("Cache-Control", "no-store")
	header("X-Content-Type-Options", "nosniff")
	return id
}

// guard surrounds every operation: request id, bearer token, log line, and an
// answer where a handler panicked.
func (a *API) guard(ctx huma.Context, next func(huma.Context)) {
	started := a.Clock.Machine()
	r := &request{id: a.begin(ctx.SetHeader)}
	defer func() {
		if p := recover(); p != nil {
			a.Log.Error("api handler panicked", "request_id", r.id, "stack", string(debug.Stack()))
			if ctx.Status() == 0 {
				write(ctx, newProblem(http.StatusInternalServerError, "", r.id))
			}
		}
		// The route, not the path: a query holds phone numbers.
		a.Log.Info("api request", "request_id", r.id, "method", ctx.Method(), "route", ctx.Operation().Path, "status", ctx.Status(),
			"dealer", r.dealer.Code, "token_id", r.token.ID, "duration", a.Clock.Machine().Sub(started))
	}()
	if err := a.authenticate(ctx, r); err != nil {
		if errors.Is(err, errUnauthorized) {
			ctx.SetHeader("WWW-Authenticate", "Bearer")
		}
		write(ctx, a.problem(ctx.Context(), r.id, err))
		return
	}
	next(huma.WithValue(ctx, requestKey{}, r))
}

// authenticate finds the token's dealer. The token is looked up by its hash, so
// the time it takes tells nothing of a near miss.
func (a *API) authenticate(ctx huma.Context, r *request) error {
	scheme, secret, ok := strings.Cut(ctx.Header("Authorization"), " ")
	secret = strings.TrimSpace(secret)
	if !ok || !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return errUnauthorized
	}
	token, err := a.Store.TokenBySecret(ctx.Context(), secret)
	if errors.Is(err, store.ErrNotFound) {
		return errUnauthorized
	}
	if err != nil {
		return err
	}
	dealer, ok := a.Roster.Dealer(token.DealerID)
	if !ok {
		return errOtherDealer // added after this process read its roster
	}
	r.token, r.dealer, r.zone = token, dealer, dealer.Location()
	return nil
}

// forDealer checks a dealer's code that a caller named: a token opens its own
// dealer only.
func (r *request) forDealer(code string) error {
	if code = squeeze(code); code != "" && code != r.dealer.Code {
		return errOtherDealer
	}
	return nil
}

// register adds an operation whose errors become problems in one place.
func register[I, O any](a *API, op huma.Operation, handle func(context.Context, *request, *I) (*O, error)) {
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		r, ok := ctx.Value(requestKey{}).(*request)
		if !ok {
			return nil, errors.New("the operation runs outside its guard")
		}
		out, err := handle(ctx, r, in)
		if err != nil {
			return nil, a.problem(ctx, r.id, err)
		}
		return out, nil
	})
}

func (a *API) serveDocument(w http.ResponseWriter, _ *http.Request) {
	a.begin(w.Header().Set)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(a.document) // a caller that is gone cannot be told
}

func write(ctx huma.Context, p *problem) {
	ctx.SetHeader("Content-Type", problemType)
	for name, values := range p.GetHeaders() {
		ctx.SetHeader(name, values[0])
	}
	ctx.SetStatus(p.Status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(p) // a caller that is gone cannot be told
}
