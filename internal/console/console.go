// Package console owns the pages of the program: the employees' console, the
// customer's survey form /s/{token}, the unsubscribe page /u/{token}, and in the
// demo the Phones page. Pages are rendered on the server and work without
// JavaScript; one script of our own adds live fragments, keys and drafts.
//
// It decides nothing about tasks, surveys or messages: internal/callback and
// internal/inbox do, and a page shows what they refuse in the reader's language.
// It never sends and never writes an answer on a GET (invariant 9). internal/app
// mounts it.
package console

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"otklik/internal/calendar"
	"otklik/internal/callback"
	"otklik/internal/campaign"
	"otklik/internal/clock"
	"otklik/internal/draft"
	"otklik/internal/inbox"
	"otklik/internal/outlook"
	"otklik/internal/program"
	"otklik/internal/ratelimit"
	"otklik/internal/render"
	"otklik/internal/sandbox"
	"otklik/internal/store"
	"otklik/internal/survey"
	"otklik/templates"
)

// sessionLife is how long a login lasts: a long working day.
const sessionLife = 12 * time.Hour

// Deps is what the console works with. Everything but Sandbox and Notify must be
// set.
type Deps struct {
	Store    *store.Store
	Clock    clock.Clock
	Roster   *store.Roster
	Desk     *callback.Desk
	Inbox    *inbox.Inbox
	Drafter  *draft.Drafter
	Renderer *render.Renderer
	// Survey finds the newest version of a survey.
	Survey func(id string) (*survey.Definition, bool)
	// Programs are all of them by id, those that cannot start too.
	Programs func() []program.Listed
	Book     *calendar.Book
	// Campaigns is where campaigns are made and launched.
	Campaigns *campaign.Desk
	Outlook   *outlook.Outlook
	// Definitions checks, keeps and renders surveys and programs.
	Definitions *Definitions
	// Patience is how long a page waits for what is being counted before it says how far
	// that has come; zero for four seconds.
	Patience time.Duration
	Log      *slog.Logger
	// PublicURL is where customers find the form, without a trailing slash.
	PublicURL string
	// Secure marks cookies for HTTPS only.
	Secure bool
	// Sandbox is nil outside the demo.
	Sandbox *Sandbox
	// Notify subscribes to changes of what pages show, and ends the
	// subscription; nil leaves pages to their clock.
	Notify func() (changed <-chan struct{}, cancel func())
}

// Sandbox is what the Phones page drives.
type Sandbox struct {
	Servers *sandbox.Servers
	Phones  *sandbox.Phones
	// Advance moves business time forward.
	Advance func(ctx context.Context, d time.Duration) error
	// Logins are shown on the login page of the demo.
	Logins []DemoLogin
}

// DemoLogin is a login that the demo tells everybody.
type DemoLogin struct{ Login, Password, Role string }

// Console serves the pages. Safe for concurrent use.
type Console struct {
	Deps
	sessions   *scs.SessionManager
	catalogues map[string]*catalogue
	pages      *pages
	passwords  *checker
	failures   *failures
	counts     *counter
	limits     *ratelimit.Book
	origin     *http.CrossOriginProtection
	assets     map[string]asset
}

// asset is one static file with the hash that names its version.
type asset struct {
	content []byte
	kind    string
	hash    string
}

// New parses every template and catalogue; what is wrong with them is an error
// here and never on a page.
func New(d Deps) (*Console, error) {
	d.Patience = cmp.Or(d.Patience, pagePatience)
	c := &Console{Deps: d, failures: newFailures(), counts: newCounter(), passwords: newChecker(), origin: http.NewCrossOriginProtection(), assets: map[string]asset{}}
	var err error
	if c.catalogues, err = loadCatalogues(templates.FS); err != nil {
		return nil, err
	}
	if c.limits, err = ratelimit.Shipped(); err != nil {
		return nil, err
	}
	if c.pages, err = loadPages(templates.FS); err != nil {
		return nil, err
	}
	for name, kind := range map[string]string{"style.css": "text/css; charset=utf-8", "script.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		content, err := fs.ReadFile(templates.FS, "console/"+name)
		if err != nil {
			return nil, fmt.Errorf("reading the console's files: %w", err)
		}
		sum := sha256.Sum256(content)
		c.assets[name] = asset{content, kind, hex.EncodeToString(sum[:6])}
	}
	c.sessions = scs.New()
	c.sessions.Store = d.Store.Sessions(d.Clock.Machine)
	c.sessions.Lifetime = sessionLife
	c.sessions.HashTokenInStore = true
	c.sessions.Cookie.Name = "otklik_session"
	c.sessions.Cookie.HttpOnly = true
	c.sessions.Cookie.SameSite = http.SameSiteLaxMode
	c.sessions.Cookie.Secure = d.Secure
	c.sessions.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) {
		c.fail(&request{c: c, w: w, r: r, id: store.NewID(), lang: c.catalogues[accepted(r, locales())], now: d.Clock.Business()}, fmt.Errorf("keeping a session: %w", err))
	}
	return c, nil
}

// Roles that a page is for; nobody named means everybody who is logged in.
var (
	callers  = []string{store.RoleOperator, store.RoleManager}
	advisers = []string{store.RoleEngineer, store.RoleBodyshop, store.RoleManager}
	steerers = []string{store.RoleManager, store.RoleMarketer}
	workers  = []string{store.RoleOperator, store.RoleManager, store.RoleAdvisor, store.RoleConsultant}
	sellers  = []string{store.RoleConsultant, store.RoleManager, store.RoleMarketer, store.RoleOperator}
	hosts    = []string{store.RoleOperator, store.RoleManager, store.RoleAdvisor, store.RoleConsultant}
	parkers  = []string{store.RoleAdvisor, store.RoleManager, store.RoleOperator}
	readers  = []string{store.RoleOperator, store.RoleManager, store.RoleMarketer, store.RoleAdvisor, store.RoleConsultant}
)

// Routes mounts every page.
func (c *Console) Routes(mux *http.ServeMux) {
	mux.Handle("GET /static/{name}", http.HandlerFunc(c.static))

	// The customer's pages: no session, no cookie, the token is the authority.
	// A mail program's own browser may send any origin, and RFC 8058's POST comes
	// from the mail provider, so the origin is not asked for.
	mux.Handle("GET /s/{token}", c.open(c.form))
	mux.Handle("POST /s/{token}", c.open(c.submitForm))
	mux.Handle("GET /s/{token}/thanks", c.open(c.formThanks))
	mux.Handle("GET /u/{token}", c.open(c.unsubscribe))
	mux.Handle("POST /u/{token}", c.open(c.doUnsubscribe))
	for _, below := range []string{"/s/", "/u/"} {
		mux.Handle(below, c.open(func(*request) error { return errUnknownToken }))
	}

	mux.Handle("GET /login", c.public(c.login))
	mux.Handle("POST /login", c.public(c.doLogin))
	mux.Handle("POST /language", c.public(c.chooseLanguage))
	mux.Handle("POST /logout", c.public(c.logout))

	mux.Handle("GET /{$}", c.private(c.home))
	mux.Handle("/", c.public(func(*request) error { return store.ErrNotFound }))
	mux.Handle("POST /dealer", c.private(c.chooseDealer))
	mux.Handle("GET /live", c.private(c.live))
	mux.Handle("GET /queue", c.private(c.queue, workers...))
	mux.Handle("GET /queue/next", c.private(c.next, workers...))
	mux.Handle("GET /tasks/{id}", c.private(c.task, workers...))
	mux.Handle("POST /tasks/{id}/claim", c.private(c.claim, workers...))
	mux.Handle("POST /tasks/{id}/release", c.private(c.release, workers...))
	mux.Handle("POST /tasks/{id}/attempt", c.private(c.attempt, workers...))
	mux.Handle("POST /tasks/{id}/write", c.private(c.write, callers...))
	mux.Handle("POST /tasks/{id}/agree", c.private(c.agree, callers...))
	mux.Handle("POST /tasks/{id}/ask", c.private(c.ask, callers...))
	mux.Handle("POST /tasks/{id}/close", c.private(c.closeTask, callers...))
	mux.Handle("POST /tasks/{id}/resolve", c.private(c.resolve, workers...))
	mux.Handle("POST /tasks/{id}/end", c.private(c.end, workers...))
	mux.Handle("GET /tasks/{id}/survey", c.private(c.sheet, workers...))
	mux.Handle("POST /tasks/{id}/survey", c.private(c.submitSheet, workers...))
	mux.Handle("GET /tasks/{id}/paper", c.private(c.printable, workers...))
	mux.Handle("POST /tasks/{id}/paper", c.private(c.handOut, workers...))
	mux.Handle("GET /paper", c.private(c.paper, workers...))
	mux.Handle("GET /contacts", c.private(c.contacts, readers...))
	mux.Handle("GET /contacts/{id}", c.private(c.contact, readers...))
	mux.Handle("POST /contacts/{id}/hours", c.private(c.setHours, hosts...))
	mux.Handle("POST /contacts/{id}/zone", c.private(c.setZone, hosts...))
	mux.Handle("POST /contacts/{id}/consent", c.private(c.giveConsent, callers...))
	mux.Handle("POST /contacts/{id}/number", c.private(c.rightNumber, callers...))
	mux.Handle("POST /contacts/{id}/car", c.private(c.car, parkers...))
	mux.Handle("GET /attachments/{id}", c.private(c.attachment, readers...))
	mux.Handle("GET /welcome", c.private(c.welcome, readers...))
	mux.Handle("GET /prospects", c.private(c.prospects, sellers...))
	mux.Handle("POST /prospects/{id}", c.private(c.contactProspect, sellers...))
	mux.Handle("GET /inbox", c.private(c.inbox, callers...))
	mux.Handle("GET /remarks", c.private(c.remarks))
	mux.Handle("POST /remarks/{id}", c.private(c.passRemark, advisers...))
	mux.Handle("GET /sending", c.private(c.sending, steerers...))
	mux.Handle("POST /sending/pause", c.private(c.stop, steerers...))
	mux.Handle("POST /sending/limits", c.private(c.setLimit, store.RoleAdmin))
	mux.Handle("POST /sending/resume", c.private(c.resume, steerers...))
	mux.Handle("GET /programs", c.private(c.programs, steerers...))
	mux.Handle("POST /programs/{id}/run", c.private(c.switchProgram, steerers...))
	mux.Handle("POST /programs/{id}/responsible", c.private(c.answerFor, steerers...))
	c.campaignRoutes(mux)
	mux.Handle("GET /calendar", c.private(c.month, steerers...))
	mux.Handle("GET /calendar/{month}", c.private(c.month, steerers...))
	mux.Handle("GET /calendar/{month}/{day}", c.private(c.day, steerers...))
	mux.Handle("GET /calendar/{month}/{day}/csv", c.private(c.dayFile, steerers...))
	mux.Handle("GET /definitions", c.private(c.definitions, steerers...))
	mux.Handle("GET /definitions/{kind}/{id}", c.private(c.definition, steerers...))
	mux.Handle("GET /definitions/{kind}/{id}/edit", c.private(c.edit, store.RoleMarketer))
	mux.Handle("POST /definitions/{kind}/{id}/edit", c.private(c.saveDefinition, store.RoleMarketer))
	if c.Sandbox != nil {
		mux.Handle("GET /phones", c.private(c.phones))
		mux.Handle("GET /phones/mail/{seq}", c.private(c.phoneMail))
		mux.Handle("GET /phones/samples/{kind}", c.private(c.phoneSample))
		mux.Handle("POST /phones/write", c.private(c.phoneWrite))
		mux.Handle("POST /phones/tap", c.private(c.phoneTap))
		mux.Handle("POST /phones/advance", c.private(c.phoneAdvance))
	}
}

// campaignRoutes mounts the pages of the marketer's campaigns.
func (c *Console) campaignRoutes(mux *http.ServeMux) {
	mux.Handle("GET /campaigns", c.private(c.campaigns, steerers...))
	mux.Handle("POST /campaigns", c.private(c.saveCampaign, steerers...))
	mux.Handle("GET /campaigns/new", c.private(c.newCampaign, steerers...))
	mux.Handle("GET /campaigns/{id}", c.private(c.campaign, steerers...))
	mux.Handle("POST /campaigns/{id}", c.private(c.saveCampaign, steerers...))
	mux.Handle("GET /campaigns/{id}/rehearsal", c.private(c.rehearse, steerers...))
	mux.Handle("GET /campaigns/{id}/people", c.private(c.campaignPeople, steerers...))
	mux.Handle("GET /campaigns/{id}/launch", c.private(c.confirmLaunch, steerers...))
	mux.Handle("POST /campaigns/{id}/launch", c.private(c.launch, steerers...))
	mux.Handle("POST /campaigns/{id}/copy", c.private(c.copyCampaign, steerers...))
	mux.Handle("POST /campaigns/{id}/approve", c.private(c.campaignAct(c.approve), store.RoleManager))
	for action, do := range map[string]func(*request, store.Campaign) (string, error){
		"withdraw": c.withdrawCampaign, "cancel": c.cancelCampaign, "retry": c.retryCampaign, "pause": c.pauseCampaign, "resume": c.resumeCampaign,
	} {
		mux.Handle("POST /campaigns/{id}/"+action, c.private(c.campaignAct(do), steerers...))
	}
}

// request is one call with what every page needs of it.
type request struct {
	c        *Console
	w        http.ResponseWriter
	r        *http.Request
	id       string
	employee store.Employee
	dealer   store.Dealer
	lang     *catalogue
	now      time.Time // business time
}

func (q *request) ctx() context.Context { return q.r.Context() }

// handler is one page or action; its error becomes a page by the table in
// failure.go.
type handler func(*request) error

// policyHeader allows nothing but our own files; frames are for the mails that
// the Phones page shows.
const policyHeader = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func (c *Console) secure(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", policyHeader)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	// The links of customers carry tokens; the origin itself must be sent, for
	// the check of the origin of a POST lives on it.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// mostBody bounds a posted form.
const mostBody = 256 << 10

// open serves a customer's page.
func (c *Console) open(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.secure(w)
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		q := &request{c: c, w: w, r: r, id: store.NewID(), lang: c.catalogues[accepted(r, locales())], now: c.Clock.Business()}
		// Before the link is read nobody knows whose it is, unless there is one dealer.
		if ds := c.Roster.Dealers(); len(ds) == 1 {
			q.dealer = ds[0]
		}
		q.speak("")
		if err := h(q); err != nil {
			c.fail(q, err)
		}
	})
}

// public serves a page that needs no login.
func (c *Console) public(h handler) http.Handler {
	return c.guarded(func(q *request) error { return h(q) })
}

// private serves a page to employees who have one of the roles.
func (c *Console) private(h handler, roles ...string) http.Handler {
	return c.guarded(func(q *request) error {
		if q.employee.ID == "" {
			return c.toLogin(q)
		}
		if len(roles) > 0 && !q.employee.Has(roles...) {
			return errForbidden
		}
		return h(q)
	})
}

func (c *Console) guarded(h handler) http.Handler {
	page := c.sessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := &request{c: c, w: w, r: r, id: store.NewID(), lang: c.catalogues[accepted(r, locales())], now: c.Clock.Business()}
		if err := c.identify(q); err != nil {
			c.fail(q, err)
			return
		}
		if err := h(q); err != nil {
			c.fail(q, err)
		}
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.secure(w)
		if err := c.origin.Check(r); err != nil {
			q := &request{c: c, w: w, r: r, id: store.NewID(), lang: c.catalogues[accepted(r, locales())], now: c.Clock.Business()}
			c.fail(q, fmt.Errorf("%w: %w", errCrossOrigin, err))
			return
		}
		// Before the session is read: the page that says that it cannot be reads the body.
		r.Body = http.MaxBytesReader(w, r.Body, mostBody)
		page.ServeHTTP(w, r)
	})
}

// identify finds out who calls, in which language and for which dealer. A login
// whose employee was switched off counts no more.
func (c *Console) identify(q *request) error {
	ctx := q.ctx()
	q.dealer = c.firstDealer()
	locale := c.sessions.GetString(ctx, "locale")
	if id := c.sessions.GetString(ctx, "employee"); id != "" {
		e, err := c.Store.Employee(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return fmt.Errorf("reading who is logged in: %w", err)
		case e.Active:
			q.employee = e
		}
	}
	if q.employee.ID != "" {
		wanted := q.employee.DealerID
		if wanted == "" {
			wanted = c.sessions.GetString(ctx, "dealer") // group-wide people choose
		}
		if d, ok := c.Roster.Dealer(wanted); ok {
			q.dealer = d
		} else if q.employee.DealerID != "" {
			return errForbidden
		}
		if locale == "" {
			locale = q.employee.Locale
		}
		if locale == "" {
			locale = q.dealer.Locale
		}
	}
	if cat, ok := c.catalogues[tongue(locale)]; ok {
		q.lang = cat
	}
	return nil
}

func (c *Console) firstDealer() store.Dealer {
	if ds := c.Roster.Dealers(); len(ds) > 0 {
		return ds[0]
	}
	return store.Dealer{}
}

func (c *Console) toLogin(q *request) error {
	if q.r.URL.Path == "/live" {
		q.w.WriteHeader(http.StatusUnauthorized)
		return nil
	}
	if q.r.Method != http.MethodGet || q.r.URL.Path == "/" {
		return q.redirect("/login")
	}
	// In the address, not in a session: a stranger's look costs no row.
	return q.redirect("/login?" + url.Values{"to": {q.r.URL.RequestURI()}}.Encode())
}

func (q *request) redirect(to string) error {
	http.Redirect(q.w, q.r, to, http.StatusSeeOther)
	return nil
}

// flash keeps a sentence for the next page.
func (q *request) flash(key string) { q.c.sessions.Put(q.ctx(), "flash", key) }

// static serves the style sheet, the script and the icon; their names carry their
// version, so that they may be kept for ever.
func (c *Console) static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	a, ok := c.assets[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", `"`+a.hash+`"`)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	if r.Header.Get("If-None-Match") == `"`+a.hash+`"` {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(a.content) // a browser that left needs no file
}

// tongue is the first part of a locale: "zh" of "zh-CN".
func tongue(locale string) string {
	l, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(locale), "_", "-"), "-")
	return l
}
