package console

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"otklik/internal/store"

	"golang.org/x/text/language"
)

// loginPage keeps what was typed, and To, where the person wanted to go.
type loginPage struct{ Login, To string }

func (c *Console) login(q *request) error {
	if q.employee.ID != "" {
		return q.redirect("/")
	}
	return c.showLogin(q, http.StatusOK, "", "")
}

func (c *Console) showLogin(q *request, status int, login, problem string) error {
	v := q.view("login.title")
	v.Data = loginPage{login, q.r.FormValue("to")}
	if problem != "" {
		v.Problem = q.lang.text(problem)
	}
	if c.Sandbox != nil {
		v.Logins = c.Sandbox.Logins
	}
	return q.show(status, "login", v)
}

// doLogin checks a name and password. The answer to a wrong name and to a wrong
// password is the same, and takes the same work.
func (c *Console) doLogin(q *request) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	login := strings.TrimSpace(q.r.PostFormValue("login"))
	password := q.r.PostFormValue("password")
	from := remoteHost(q.r)
	if c.failures.blocked(login, from, c.Clock.Machine()) {
		return c.showLogin(q, http.StatusTooManyRequests, login, "login.wait")
	}
	e, err := c.authenticate(q.ctx(), login, password)
	if err != nil {
		return err
	}
	if e.ID == "" {
		c.failures.failed(login, from, c.Clock.Machine())
		c.Log.WarnContext(q.ctx(), "a login failed", "request", q.id)
		return c.showLogin(q, http.StatusUnauthorized, login, "login.wrong")
	}
	c.failures.succeeded(login, from)
	if err := c.sessions.RenewToken(q.ctx()); err != nil {
		return fmt.Errorf("renewing a session: %w", err)
	}
	c.sessions.Put(q.ctx(), "employee", e.ID)
	if to := q.r.PostFormValue("to"); ourPath(to) {
		return q.redirect(to)
	}
	return q.redirect("/")
}

// authenticate gives the zero Employee when name and password do not fit.
func (c *Console) authenticate(ctx context.Context, login, password string) (store.Employee, error) {
	e, err := c.Store.EmployeeByLogin(ctx, login)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Employee{}, fmt.Errorf("reading a login: %w", err)
	}
	ok, err := c.passwords.check(ctx, e.PasswordHash, password)
	if err != nil || !ok {
		return store.Employee{}, err
	}
	return e, nil
}

func (c *Console) logout(q *request) error {
	if err := c.sessions.Destroy(q.ctx()); err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	return q.redirect("/login")
}

// chooseLanguage keeps the language in the session and returns to the page.
func (c *Console) chooseLanguage(q *request) error {
	if l := q.r.PostFormValue("locale"); slices.Contains(locales(), l) {
		c.sessions.Put(q.ctx(), "locale", l)
	}
	return q.back()
}

// chooseDealer lets group-wide people look at one rooftop after the other.
func (c *Console) chooseDealer(q *request) error {
	if q.employee.DealerID != "" {
		return errForbidden
	}
	id := q.r.PostFormValue("dealer")
	if _, ok := c.Roster.Dealer(id); !ok {
		return store.ErrNotFound
	}
	c.sessions.Put(q.ctx(), "dealer", id)
	return q.redirect("/")
}

// back returns to the page that a small form stood on.
func (q *request) back() error {
	if to := q.r.PostFormValue("back"); ourPath(to) {
		return q.redirect(to)
	}
	return q.redirect("/")
}

// ourPath tells whether an address is a path of ours: neither another site's nor
// one that a browser reads as such.
func ourPath(s string) bool {
	return strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//") && !strings.HasPrefix(s, "/\\") && !strings.HasPrefix(s, "/live")
}

// home is the page that a role begins its day on.
func (c *Console) home(q *request) error {
	switch {
	case q.employee.Has(callers...):
		return q.redirect("/queue")
	case q.employee.Has(advisers...):
		return q.redirect("/remarks")
	case q.employee.Has(workers...):
		return q.redirect("/queue")
	case q.employee.Has(readers...):
		return q.redirect("/contacts")
	}
	return q.redirect("/remarks")
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// accepted is the best of our languages for what the browser asks for.
func accepted(r *http.Request, have []string) string {
	tags := make([]language.Tag, len(have))
	for i, l := range have {
		tags[i] = language.Make(l)
	}
	want, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(want) == 0 {
		return have[0]
	}
	_, i, confidence := language.NewMatcher(tags).Match(want...)
	if confidence == language.No {
		return "en"
	}
	return have[i]
}
