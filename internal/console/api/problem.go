package api

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"otklik/internal/store"
)

const problemType = "application/problem+json"

// problem is the body of every answer that is no success (RFC 9457). It names
// places and reasons and never repeats a value.
type problem struct {
	Title     string  `json:"title" doc:"What kind of problem it is; the same for all of its kind." example:"Unprocessable Entity"`
	Status    int     `json:"status" doc:"The HTTP status." example:"422"`
	Detail    string  `json:"detail" doc:"What is wrong with this request." example:"The request is understood, but these fields cannot be used."`
	RequestID string  `json:"request_id" doc:"Also in the X-Request-Id header; quote it when you ask about this answer." example:"019abf00-0000-7000-8000-000000000000"`
	Errors    []fault `json:"errors,omitempty" nullable:"false" doc:"The fields that cannot be used."`
}

// fault is one field that cannot be used.
type fault struct {
	Location string `json:"location" doc:"Where it is: body, query or header, then the path to the field." example:"body.customer.phones[0]"`
	Message  string `json:"message" doc:"Why it cannot be used. Values are never repeated." example:"is not a telephone number"`
}

// Error is the detail.
func (p *problem) Error() string { return p.Detail }

// GetStatus implements huma.StatusError.
func (p *problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *problem) GetHeaders() http.Header {
	if p.Status != http.StatusServiceUnavailable {
		return nil
	}
	return http.Header{"Retry-After": {retryAfter}}
}

// retryAfter is how many seconds later a system may send again what could not be taken.
const retryAfter = "10"

// ContentType implements huma.ContentTypeFilter.
func (p *problem) ContentType(string) string { return problemType }

// Domain errors of this package.
var (
	errUnauthorized = errors.New("no valid bearer token")
	errOtherDealer  = errors.New("the token is another dealer's")
	errKeyReused    = errors.New("idempotency key was used for another request")
	errOtherOrder   = errors.New("order exists with another customer and vehicle")
)

// invalid holds all faults of a request.
type invalid []fault

// Error counts the faults; what they are goes to the caller only.
func (invalid) Error() string { return "request has unusable fields" }

func (v *invalid) add(location, message string) { *v = append(*v, fault{location, message}) }

// orNil is the faults as an error, nil when there are none.
func (v invalid) orNil() error {
	if len(v) == 0 {
		return nil
	}
	return v
}

// answers is the one table from domain error to HTTP.
var answers = [...]struct {
	err    error
	status int
	detail string
}{
	{errUnauthorized, http.StatusUnauthorized, "Send a valid token: Authorization: Bearer …"},
	{errOtherDealer, http.StatusForbidden, "This token belongs to another dealer than the one named."},
	{errKeyReused, http.StatusConflict, "This Idempotency-Key was used for another request. Use a new key for a new request."},
	{errOtherOrder, http.StatusConflict, "This order is known with another customer and another vehicle. It was left as it is."},
	{store.ErrConflict, http.StatusConflict, "Another request changed the same thing at the same time. Send it again."},
	{store.ErrState, http.StatusConflict, "It is over, or too far on for that. It was left as it is."},
	{store.ErrNotFound, http.StatusNotFound, "There is no such thing."},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "It took too long. Send it again."},
	{store.ErrAway, http.StatusServiceUnavailable, "The database is away. Send it again in a while; an Idempotency-Key keeps it from having two effects."},
	{context.Canceled, http.StatusServiceUnavailable, "The request was broken off."},
}

// details are the sentences of statuses that need no more explanation.
var details = map[int]string{
	http.StatusBadRequest:            "The body is missing or is no JSON.",
	http.StatusNotFound:              "There is nothing at this address. " + documentPath + " lists what there is.",
	http.StatusMethodNotAllowed:      "This address does not take that method.",
	http.StatusRequestTimeout:        "The body did not arrive in time.",
	http.StatusRequestEntityTooLarge: "The body is larger than 1 MiB.",
	http.StatusUnsupportedMediaType:  "Send JSON with Content-Type: application/json.",
	http.StatusUnprocessableEntity:   "The request is understood, but these fields cannot be used.",
	http.StatusInternalServerError:   "Something went wrong here, not with the request. It is in the log under the request id.",
}

func newProblem(status int, detail, requestID string) *problem {
	if detail == "" {
		detail = details[status]
	}
	return &problem{Title: http.StatusText(status), Status: status, Detail: detail, RequestID: requestID}
}

// problem turns a handler's error into its answer, and logs it when it is ours.
func (a *API) problem(ctx context.Context, requestID string, err error) *problem {
	var v invalid
	if errors.As(err, &v) {
		p := newProblem(http.StatusUnprocessableEntity, "", requestID)
		p.Errors = v
		return p
	}
	for _, e := range []error{err, store.Cause(err)} {
		for _, x := range answers {
			if !errors.Is(e, x.err) {
				continue
			}
			if errors.Is(e, store.ErrAway) {
				a.Log.ErrorContext(ctx, "api request failed", "request_id", requestID, "error", err)
			}
			return newProblem(x.status, x.detail, requestID)
		}
	}
	a.Log.ErrorContext(ctx, "api request failed", "request_id", requestID, "error", err)
	return newProblem(http.StatusInternalServerError, "", requestID)
}

// scrub is a huma transformer: it takes the values out of huma's own errors. A
// message passes only in a form that is known to hold none.
func scrub(ctx huma.Context, _ string, body any) (any, error) {
	e, ok := body.(*huma.ErrorModel)
	if !ok {
		return body, nil
	}
	id := ""
	if r, ok := ctx.Context().Value(requestKey{}).(*request); ok {
		id = r.id
	}
	p := newProblem(e.Status, "", id)
	if p.Detail == "" {
		p.Detail = p.Title
	}
	for _, d := range e.Errors {
		if d != nil {
			p.Errors = append(p.Errors, fault{safeLocation(d.Location), safeMessage(d.Message)})
		}
	}
	return p, nil
}

var (
	// name is how all our fields look; a key that a caller made up may be anything.
	name = regexp.MustCompile(`^[A-Za-z_][A-Za-z_-]{0,39}(\[\d{1,6}\])*$`)
	// plainMessage are those of huma's messages that are made of the schema alone.
	// Behind a colon they go on with the words of another error, which may quote.
	plainMessage = regexp.MustCompile(`^(expected [^:]*|unexpected property|required [^:]*|unknown query parameter|invalid (integer|boolean))$`)
)

func safeLocation(location string) string {
	parts := strings.Split(location, ".")
	for i, p := range parts {
		if !name.MatchString(p) {
			parts[i] = "?"
		}
	}
	return strings.Join(parts, ".")
}

func safeMessage(m string) string {
	if !plainMessage.MatchString(m) {
		return "cannot be read"
	}
	return m
}
