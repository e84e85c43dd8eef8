package console

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"

	"otklik/internal/store"
)

// pages are the parsed templates by page name.
type pages struct{ byName map[string]*template.Template }

// Pages of the console; each has a file of its name that defines "main".
func pageNames() []string {
	return []string{"login", "error", "queue", "task", "sheet", "paper", "printed", "contacts", "contact", "inbox", "remarks", "welcome", "prospects", "sending", "programs", "campaigns", "campaign", "rehearsal", "launched", "people", "calendar", "day", "definitions", "definition", "edit", "phones", "form", "thanks", "unsubscribe"}
}

func loadPages(fsys fs.FS) (*pages, error) {
	base, err := template.New("").ParseFS(fsys, "console/layout.html", "console/part.html")
	if err != nil {
		return nil, fmt.Errorf("parsing the console's layout: %w", err)
	}
	p := &pages{byName: map[string]*template.Template{}}
	for _, name := range pageNames() {
		t, err := base.Clone()
		if err == nil {
			t, err = t.ParseFS(fsys, path.Join("console", name+".html"))
		}
		if err != nil {
			return nil, fmt.Errorf("parsing page %s: %w", name, err)
		}
		p.byName[name] = t
	}
	return p, nil
}

// view is what every template sees: the reader, his language and clock, and the
// page's own Data. In a partial, Item is what it shows.
type view struct {
	q *request
	// Title is the page's, already in the reader's language.
	Title    string
	Employee store.Employee
	Dealer   store.Dealer
	Dealers  []store.Dealer
	// Section marks the place in the menu.
	Section string
	Now     time.Time
	// Flash is a sentence about what was just done, Problem about what was not.
	Flash, Problem string
	Sandbox        bool
	// Paused are senders that cannot send now.
	Paused    []store.Sender
	RequestID string
	Data      any
	Item      any
	// Live names what wakes the page.
	Live string
	// Logins are shown in the demo.
	Logins []DemoLogin
}

// view begins a page; title is a key.
func (q *request) view(title string) *view {
	v := &view{q: q, Title: q.lang.text(title), Employee: q.employee, Dealer: q.dealer, Now: q.now, Sandbox: q.c.Sandbox != nil, RequestID: q.id}
	if q.employee.ID != "" && q.employee.DealerID == "" {
		v.Dealers = q.c.Roster.Dealers()
	}
	return v
}

// page shows a page of the console to an employee.
func (q *request) page(name, title string, data any) error {
	return q.pageWith(http.StatusOK, name, title, data, "")
}

// pageWith shows a page with a status and the sentence that says why.
func (q *request) pageWith(status int, name, title string, data any, problem string) error {
	v := q.view(title)
	v.Data, v.Problem, v.Section, v.Live = data, problem, name, name
	if x, own := data.(interface{ Live() string }); own {
		v.Live = x.Live()
	}
	// A live page that looks again does not show the sentence, so it must not take
	// it from the page that will.
	if q.r.Header.Get("X-Live") == "" {
		if key := q.c.sessions.PopString(q.ctx(), "flash"); key != "" {
			v.Flash = q.lang.text(key)
		}
	}
	var err error
	if v.Paused, err = q.paused(); err != nil {
		return err
	}
	return q.show(status, name, v)
}

// paused lists the dealer's senders that stand still.
func (q *request) paused() ([]store.Sender, error) {
	all, err := q.c.Store.Senders(q.ctx())
	if err != nil {
		return nil, fmt.Errorf("reading senders: %w", err)
	}
	var out []store.Sender
	for _, s := range all {
		if s.DealerID == q.dealer.ID && s.PausedReason != "" {
			out = append(out, s)
		}
	}
	return out, nil
}

// show renders into memory first, so that a fault never leaves half a page.
func (q *request) show(status int, name string, v *view) error {
	t, ok := q.c.pages.byName[name]
	if !ok {
		return fmt.Errorf("there is no page %q", name)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout", v); err != nil {
		return fmt.Errorf("rendering page %s: %w", name, err)
	}
	h := q.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", q.lang.locale)
	q.w.WriteHeader(status)
	_, _ = q.w.Write(b.Bytes()) // a browser that left needs no page
	return nil
}

// customer tells whether the page is one that customers see.
func (q *request) customer() bool {
	return strings.HasPrefix(q.r.URL.Path, "/s/") || strings.HasPrefix(q.r.URL.Path, "/u/")
}

// With is the view of a partial that shows item.
func (v *view) With(item any) *view {
	w := *v
	w.Item = item
	return &w
}

// Customer tells whether a customer reads the page.
func (v *view) Customer() bool { return v.q.customer() }

// Lang is the language of the page.
func (v *view) Lang() string { return v.q.lang.locale }

// Locales lists the languages of the switch.
func (v *view) Locales() []string { return locales() }

// Path is the page's own address, for the way back after a small action.
func (v *view) Path() string { return v.q.r.URL.RequestURI() }

// T is a text of the catalogue.
func (v *view) T(key string, pairs ...any) string { return v.q.lang.text(key, pairs...) }

// N is a counted text of the catalogue.
func (v *view) N(key string, n int, pairs ...any) string { return v.q.lang.count(key, n, pairs...) }

// Label is a word for a code that comes from data: prefix.code in the catalogue,
// else the code itself, so that a new code is seen rather than lost.
func (v *view) Label(prefix, code string) string { return v.q.lang.label(prefix, code) }

func (c *catalogue) label(prefix, code string) string {
	if code == "" {
		return ""
	}
	if c.has(prefix + "." + code) {
		return c.texts[prefix+"."+code]
	}
	return code
}

// Asset is the versioned address of a static file.
func (v *view) Asset(name string) string {
	return "/static/" + name + "?v=" + v.q.c.assets[name].hash
}

// May tells whether the reader has one of the roles.
func (v *view) May(roles ...string) bool { return v.Employee.ID != "" && v.Employee.Has(roles...) }

// MayHost tells who may note what a customer said.
func (v *view) MayHost() bool { return v.May(hosts...) }

// MayCall, MayRead and MayAdvise tell which menus are shown.
func (v *view) MayCall() bool { return v.May(callers...) }

// MayWork tells whether the reader has tasks of any kind.
func (v *view) MayWork() bool { return v.May(workers...) }

// MaySell tells whether the reader may follow prospects.
func (v *view) MaySell() bool { return v.May(sellers...) }

// MayRead tells whether the reader may look customers up.
func (v *view) MayRead() bool { return v.May(readers...) }

// MayAdvise tells whether the reader may pass remarks on.
func (v *view) MayAdvise() bool { return v.May(advisers...) }

// MaySteer tells whether the reader may stop sending and let it go on.
func (v *view) MaySteer() bool { return v.May(steerers...) }

// Manager tells whether the reader is a service manager.
func (v *view) Manager() bool { return v.May(store.RoleManager) }

// Initial is the letter that stands for a person without a picture.
func (v *view) Initial(name string) string {
	for _, r := range name {
		return strings.ToUpper(string(r))
	}
	return "?"
}

var addresses = regexp.MustCompile(`https?://[^\s<>"]+[^\s<>".,;:!?)]`)

// Linked is a text whose web addresses can be pressed, as phones show them.
func (v *view) Linked(text string) template.HTML {
	var b strings.Builder
	rest := text
	for _, at := range addresses.FindAllStringIndex(text, -1) {
		start := at[0] - (len(text) - len(rest))
		url := template.HTMLEscapeString(text[at[0]:at[1]])
		b.WriteString(template.HTMLEscapeString(rest[:start]))
		b.WriteString(`<a href="` + url + `" target="_blank" rel="noopener">` + url + `</a>`)
		rest = text[at[1]:]
	}
	b.WriteString(template.HTMLEscapeString(rest))
	return template.HTML(b.String()) //nolint:gosec // every part was escaped above
}
