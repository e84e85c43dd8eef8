package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"otklik/internal/callback"
	"otklik/internal/campaign"
	"otklik/internal/inbox"
	"otklik/internal/render"
	"otklik/internal/sandbox"
	"otklik/internal/store"
)

var (
	errForbidden    = errors.New("not allowed to this role")
	errCrossOrigin  = errors.New("request from another site")
	errBadForm      = errors.New("form cannot be read")
	errUnknownToken = errors.New("no such link, or it has expired")
	errEmptyText    = errors.New("nothing was typed")
	errNobody       = errors.New("nobody is named")
	errCannotStart  = errors.New("the program cannot start")
	errNotReady     = errors.New("the day is still being worked out")
	// errRefusedAnswers: some answers do not fit their questions.
	errRefusedAnswers = errors.New("some answers were refused")
)

// failureTable says what a domain error is to a person: a status and the key of a
// sentence. The first that matches counts.
var failureTable = []struct {
	err    error
	status int
	key    string
}{
	{errUnknownToken, http.StatusNotFound, "error.token"},
	{errForbidden, http.StatusForbidden, "error.forbidden"},
	{errCrossOrigin, http.StatusForbidden, "error.cross_origin"},
	{errBadForm, http.StatusBadRequest, "error.bad_form"},
	{inbox.ErrExpired, http.StatusNotFound, "error.token"},
	{errBadLimit, http.StatusUnprocessableEntity, "error.bad_limit"},
	{errUnknownLimit, http.StatusUnprocessableEntity, "error.unknown_limit"},
	{errCannotStart, http.StatusConflict, "error.cannot_start"},
	{campaign.ErrLaunched, http.StatusConflict, "error.campaign_launched"},
	{campaign.ErrProblems, http.StatusUnprocessableEntity, "error.campaign_problems"},
	{campaign.ErrChanged, http.StatusConflict, "error.campaign_changed"},
	{campaign.ErrSecond, http.StatusForbidden, "error.campaign_second"},
	{campaign.ErrOver, http.StatusConflict, "error.campaign_over"},
	{errNotReady, http.StatusServiceUnavailable, "error.not_ready"},
	{callback.ErrNoText, http.StatusUnprocessableEntity, "error.empty_text"},
	{callback.ErrQuiet, http.StatusConflict, "write.quiet"},
	{render.ErrTooLong, http.StatusUnprocessableEntity, "write.too_long"},
	{errNobody, http.StatusUnprocessableEntity, "error.nobody"},
	{errRefusedAnswers, http.StatusUnprocessableEntity, "error.refused_answers"},
	{errOwnCustomer, http.StatusForbidden, "error.own_customer"},
	{errEmptyText, http.StatusUnprocessableEntity, "error.empty_text"},
	{callback.ErrNotConfirmed, http.StatusConflict, "error.not_confirmed"},
	{callback.ErrNoNextContact, http.StatusUnprocessableEntity, "error.no_next_contact"},
	{callback.ErrNotOwner, http.StatusForbidden, "error.not_owner"},
	{callback.ErrUnreachable, http.StatusConflict, "error.unreachable"},
	{callback.ErrOutcome, http.StatusUnprocessableEntity, "error.outcome"},
	{callback.ErrSlotLate, http.StatusUnprocessableEntity, "error.slot_late"},
	{errNoConsent, http.StatusUnprocessableEntity, "consent.incomplete"},
	{errConsentToCome, http.StatusUnprocessableEntity, "consent.to_come"},
	{store.ErrRefusedSince, http.StatusConflict, "consent.refused_since"},
	{store.ErrState, http.StatusConflict, "error.state"},
	{callback.ErrNoSolution, http.StatusUnprocessableEntity, "error.no_solution"},
	{callback.ErrTyped, http.StatusConflict, "error.typed"},
	{callback.ErrClosed, http.StatusConflict, "error.closed"},
	{callback.ErrNotAllowed, http.StatusForbidden, "error.not_allowed"},
	{store.ErrConflict, http.StatusConflict, "error.conflict"},
	{store.ErrNotFound, http.StatusNotFound, "error.not_found"},
	{sandbox.ErrBlocked, http.StatusConflict, "error.phone_blocked"},
	{sandbox.ErrUnknownChat, http.StatusConflict, "error.phone_unknown"},
	{sandbox.ErrNoButton, http.StatusConflict, "error.phone_button"},
	{sandbox.ErrClosed, http.StatusServiceUnavailable, "error.phone_closed"},
	{store.ErrAway, http.StatusServiceUnavailable, keyAway},
}

// keyAway is the sentence for a database that cannot be reached.
const keyAway = "error.away"

// retryAfter is how many seconds later what is not there for now may be asked for again.
const retryAfter = "60"

func failureOf(err error) (int, string) {
	for _, f := range failureTable {
		if errors.Is(err, f.err) {
			return f.status, f.key
		}
	}
	if cause := store.Cause(err); cause != err { //nolint:errorlint // the same error, not one inside of it
		return failureOf(cause)
	}
	return http.StatusInternalServerError, "error.internal"
}

// refused tells whether an error is the program's considered no, which the page
// that was asked shows beside what was typed.
func refused(err error) bool {
	status, _ := failureOf(err)
	return status < http.StatusInternalServerError
}

// fail answers with a sentence and the request's id; the log gets the chain when
// the fault is ours.
func (c *Console) fail(q *request, err error) {
	if errors.Is(err, context.Canceled) && q.ctx().Err() != nil {
		return // the browser left
	}
	status, key := failureOf(err)
	attrs := []any{"request", q.id, "method", q.r.Method, "route", q.r.Pattern, "status", status, "error", err}
	if status >= http.StatusInternalServerError {
		c.Log.ErrorContext(q.ctx(), "a page failed", attrs...)
	} else {
		c.Log.InfoContext(q.ctx(), "a page was refused", attrs...)
	}
	if q.r.Method == http.MethodGet && q.r.Header.Get("X-Live") != "" && status < http.StatusInternalServerError {
		q.w.WriteHeader(http.StatusNoContent) // there is no news: the page keeps what it shows
		return
	}
	v := q.view("error.title")
	p := errorPage{Status: status, Sentence: q.lang.text(key), Customer: q.customer()}
	if status == http.StatusServiceUnavailable {
		q.w.Header().Set("Retry-After", retryAfter)
		if p.Customer || key == keyAway && q.r.Method == http.MethodPost {
			p.again(q)
		}
	}
	v.Data = p
	if err := q.show(status, "error", v); err != nil {
		c.Log.ErrorContext(q.ctx(), "an error page failed", "request", q.id, "error", err)
		http.Error(q.w, q.id, http.StatusInternalServerError)
	}
}

type errorPage struct {
	Status   int
	Sentence string
	Customer bool
	// Again: the call can be made again from the page, a post with what was Typed.
	Again, Post bool
	Typed       url.Values
}

// again lets whoever has typed something send it once more: the page holds it, so that it
// is not lost with the call. Passwords are not given back. A body that was not read before
// the call failed is read now.
func (p *errorPage) again(q *request) {
	p.Again, p.Post = true, q.r.Method == http.MethodPost
	if err := q.r.ParseForm(); err != nil || secret(q.r.PostForm) {
		p.Again, p.Post = p.Customer, false
		return
	}
	p.Typed = q.r.PostForm
	switch {
	case len(p.Typed) == 0:
	case p.Customer:
		p.Sentence = q.lang.text("error.away_kept")
	default:
		p.Sentence = q.lang.text("error.away_typed")
	}
}

// secret tells whether a form has a password in it.
func secret(form url.Values) bool {
	for name := range form {
		if strings.Contains(name, "password") {
			return true
		}
	}
	return false
}
