package console_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/campaign"
	"otklik/internal/console"
	"otklik/internal/conversation"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/inbox"
	"otklik/internal/sandbox"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
	"otklik/templates"
)

const (
	phone    = "+79000000101"
	password = "a long password"
)

// passwordHash fits password and costs little: a hash tells its own costs, and every
// test logs in. Logins at full cost are in TestLogin.
func passwordHash() string {
	const memory, passes, lanes = 8, 1, 1
	salt := []byte("salt of the test")
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, lanes, base64.RawStdEncoding.EncodeToString(salt),
		base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(password), salt, passes, memory, lanes, 32)))
}

// house is a console on a rig: a dealer with people of every role, a second dealer,
// and phones.
type house struct {
	*dispatchtest.Rig
	t      testing.TB
	north  store.Dealer
	in     *inbox.Inbox
	desk   *callback.Desk
	deps   console.Deps
	server *httptest.Server
	phones *sandbox.Phones
	// campaigns is where campaigns are made.
	campaigns *campaign.Desk
	servers   *sandbox.Servers
	log       *bytes.Buffer
	changed   chan struct{}
	people    map[string]store.Employee
	// logged holds a browser a person.
	logged map[string]*browser
	n      int
}

func open(t testing.TB, st *store.Store) *house {
	t.Helper()
	ctx := t.Context()
	h := &house{Rig: dispatchtest.New(t, st), t: t, log: &bytes.Buffer{}, changed: make(chan struct{}, 1), people: map[string]store.Employee{}, logged: map[string]*browser{}}
	h.Clock.Stand()
	var err error
	h.north, err = st.SaveDealer(ctx, store.Dealer{Code: "north", Name: "Автоцентр Север", Zone: "Europe/Moscow", Country: "RU", Locale: "ru"}, storetest.Now)
	check(t, err)
	if h.Roster, err = st.Roster(ctx); err != nil {
		t.Fatal(err)
	}
	hash := passwordHash()
	for login, e := range map[string]store.Employee{
		"maria":  {DealerID: h.Dealer.ID, Name: "Мария Орлова", Roles: []string{store.RoleOperator}},
		"sergey": {DealerID: h.Dealer.ID, Name: "Сергей Ли", Roles: []string{store.RoleOperator}},
		"andrei": {DealerID: h.Dealer.ID, Name: "Андрей Соколов", Roles: []string{store.RoleManager}},
		"oleg":   {DealerID: h.Dealer.ID, Name: "Олег Ким", Roles: []string{store.RoleEngineer}, Department: "Слесарный"},
		"lena":   {DealerID: h.Dealer.ID, Name: "Лена Маркова", Roles: []string{store.RoleMarketer}},
		"boris":  {DealerID: h.north.ID, Name: "Борис Северов", Roles: []string{store.RoleOperator, store.RoleManager}},
	} {
		e.Login, e.PasswordHash, e.Active = login, hash, true
		h.people[login], err = st.SaveEmployee(ctx, e, storetest.Now)
		check(t, err)
	}
	nothing := func() {}
	h.in = &inbox.Inbox{Store: st, Clock: h.Clock, Roster: h.Roster, Parser: dispatchtest.Parser(t), Survey: h.Survey, Drafter: h.Drafter, Copies: conversation.NewMemory(h.Clock.Machine),
		Log: slog.New(slog.DiscardHandler), Wake: nothing, Changed: nothing}
	h.desk = &callback.Desk{Store: st, Clock: h.Clock, Roster: h.Roster, Drafter: h.Drafter, Survey: h.Survey, Policy: h.Dispatcher.Policy, Wake: nothing, Changed: nothing,
		NextContact: func(_ store.Dealer, t time.Time) time.Time { return t.AddDate(0, 0, 9) }}
	h.openPhones()
	ads, err := campaign.ReadAdvertising(templates.FS)
	check(t, err)
	h.campaigns = &campaign.Desk{Store: st, Clock: h.Clock, Planner: h.Planner, Dispatcher: h.Dispatcher, Drafter: h.Drafter, Policy: h.Dispatcher.Policy, Programs: h.listed, Advertising: ads,
		Price: campaign.Price{Minor: 420, Currency: "RUB"}}
	h.deps = console.Deps{Store: st, Clock: h.Clock, Roster: h.Roster, Desk: h.desk, Inbox: h.in, Drafter: h.Drafter, Renderer: h.Renderer, Survey: h.Survey, Programs: h.listed, Campaigns: h.campaigns, Book: h.Planner.Book, Definitions: h.editor(), Outlook: h.ahead(),
		Log: slog.New(slog.NewTextHandler(h.log, nil)), PublicURL: "https://south.example", Notify: func() (<-chan struct{}, func()) { return h.changed, nothing },
		Sandbox: &console.Sandbox{Servers: h.servers, Phones: h.phones, Advance: func(_ context.Context, d time.Duration) error {
			_, err := h.Clock.Advance(d)
			return err
		}}}
	h.serve()
	return h
}

// serve opens the console as h.deps say; browsers that log in from now on go there.
func (h *house) serve() {
	c, err := console.New(h.deps)
	check(h.t, err)
	mux := http.NewServeMux()
	c.Routes(mux)
	h.server = httptest.NewServer(mux)
	h.t.Cleanup(h.server.Close)
}

func (h *house) openPhones() {
	var err error
	h.phones, err = sandbox.Open("")
	check(h.t, err)
	// Nobody listens at this address: what the stand-ins would post goes nowhere.
	h.servers, err = sandbox.Start(h.t.Context(), h.phones, sandbox.Config{PublicURL: "http://127.0.0.1:9", TwilioSID: "AC00000000000000000000000000000de0", TwilioToken: "0000000000000000000000000000de00",
		TwilioFrom: dispatchtest.Sender, TelegramToken: "7000000001:token", TelegramSecret: "secret", BotName: "south_bot", Mailbox: "service@south.example", Now: h.Clock.Business})
	check(h.t, err)
	h.t.Cleanup(func() { check(h.t, h.servers.Close()) })
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write lets the customer write an SMS.
func (h *house) write(text string) {
	h.t.Helper()
	h.n++
	e := channels.Event{Inbound: &channels.Inbound{Channel: channels.SMS, ProviderID: "SM" + strings.Repeat("x", h.n), From: phone, To: dispatchtest.Sender, Text: text}}
	check(h.t, h.in.Handle(h.t.Context(), e, nil))
	h.Send(h.t)
}

// complaint brings a callback about: a visit, its survey, and a low answer.
func (h *house) complaint() store.Task {
	h.t.Helper()
	h.Visit(h.t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
	h.Send(h.t)
	h.write("2. ждал 3 часа, и стук остался")
	return h.open(store.TaskCallback)
}

// open is the one open task of a kind.
func (h *house) open(kind string) store.Task {
	h.t.Helper()
	ts, err := h.Store.Tasks(h.t.Context(), store.TaskFilter{DealerID: h.Dealer.ID, Kind: kind, Open: true})
	check(h.t, err)
	if len(ts) != 1 {
		h.t.Fatalf("%d open tasks of kind %s, want one", len(ts), kind)
	}
	return ts[0]
}

func (h *house) task(id string) store.Task {
	h.t.Helper()
	x, err := h.Store.Task(h.t.Context(), id)
	check(h.t, err)
	return x
}

// token is that of the conversation of order 1001's survey.
func (h *house) token() string {
	h.t.Helper()
	cs, err := h.Store.SearchContacts(h.t.Context(), h.Dealer.ID, phone, 1)
	check(h.t, err)
	convs, err := h.Store.ConversationsFor(h.t.Context(), cs[0].ID)
	check(h.t, err)
	return convs[0].Token
}

// browser is one person's browser; it follows no redirect by itself.
type browser struct {
	h      *house
	client *http.Client
	header http.Header
}

// page is an answer with its body read.
type page struct {
	*http.Response
	body string
}

func (h *house) stranger() *browser {
	jar, err := cookiejar.New(nil)
	check(h.t, err)
	return &browser{h: h, header: http.Header{"Accept-Language": {"ru"}}, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (h *house) login(name string) *browser {
	h.t.Helper()
	if b, ok := h.logged[name]; ok {
		return b
	}
	b := h.stranger()
	h.logged[name] = b
	if p := b.post("/login", "login", name, "password", password); p.StatusCode != http.StatusSeeOther {
		h.t.Fatalf("login of %s: %s\n%s", name, p.Status, p.body)
	}
	return b
}

func (b *browser) do(method, path string, form url.Values) page {
	b.h.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(b.h.t.Context(), method, b.h.server.URL+path, body)
	check(b.h.t, err)
	for k, v := range b.header {
		r.Header[k] = v
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := b.client.Do(r)
	check(b.h.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check(b.h.t, err)
	return page{res, string(text)}
}

func (b *browser) get(path string) page { b.h.t.Helper(); return b.do(http.MethodGet, path, nil) }

func (b *browser) post(path string, pairs ...string) page {
	b.h.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, path, form)
}

// want checks a status and that the page says everything named.
func (p page) want(t *testing.T, status int, says ...string) {
	t.Helper()
	if p.StatusCode != status {
		t.Errorf("%s %s: %d, want %d\n%s", p.Request.Method, p.Request.URL.Path, p.StatusCode, status, p.body)
	}
	text := html.UnescapeString(p.body)
	for _, s := range says {
		if !strings.Contains(text, s) {
			t.Errorf("%s %s does not say %q\n%s", p.Request.Method, p.Request.URL.Path, s, p.body)
		}
	}
}
