package e2e

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/app"
	"otklik/internal/store"
	"otklik/internal/testserver"
)

// demo is a demo dealership that runs in this process.
type demo struct {
	t      testing.TB
	app    *app.App
	url    string
	logins map[string]app.DemoLogin
}

// strict is a log in which nothing may go wrong.
type strict struct {
	slog.Handler
	t testing.TB
}

// Handle implements slog.Handler.
func (s strict) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		s.t.Errorf("the program logged an error: %s", r.Message)
	}
	return s.Handler.Handle(ctx, r)
}

// startDemo starts a dealership of the test's own. An error in its log fails the
// test. Before it starts, its database is handed to prepare.
func startDemo(t testing.TB, prepare ...func(*store.Store)) *demo {
	t.Helper()
	path := filepath.Join(t.TempDir(), "demo.db")
	log := slog.New(strict{slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}), t})
	build := func() (*app.App, []app.DemoLogin) {
		a, logins, err := app.NewDemo(t.Context(), "127.0.0.1:0", path, app.Options{Role: app.RoleAll, Version: "test", Log: log})
		if err != nil {
			t.Fatalf("making the demo: %v", err)
		}
		return a, logins
	}
	a, logins := build()
	for _, p := range prepare {
		p(a.Store())
		// What is read once, such as the dealers, is read anew.
		if err := a.Stop(t.Context()); err != nil {
			t.Fatalf("stopping the demo: %v", err)
		}
		a, logins = build()
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatalf("starting the demo: %v", err)
	}
	t.Cleanup(func() {
		if err := a.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("stopping the demo: %v", err)
		}
	})
	d := &demo{t: t, app: a, url: "http://" + a.Addr(), logins: map[string]app.DemoLogin{}}
	for _, l := range logins {
		d.logins[l.Login] = l
	}
	return d
}

// contact finds a demo customer by a part of his name.
func (d *demo) contact(name string) store.Contact {
	d.t.Helper()
	dealer := d.dealer()
	cs, err := d.app.Store().SearchContacts(d.t.Context(), dealer.ID, name, 5)
	if err != nil || len(cs) != 1 {
		d.t.Fatalf("looking for %q: %d found, error %v", name, len(cs), err)
	}
	return cs[0]
}

func (d *demo) dealer() store.Dealer {
	d.t.Helper()
	ds, err := d.app.Store().Dealers(d.t.Context())
	i := slices.IndexFunc(ds, func(x store.Dealer) bool { return x.Code == "demo" })
	if err != nil || i < 0 {
		d.t.Fatalf("reading the demo's dealer: %v", err)
	}
	return ds[i]
}

// messages are a customer's, newest first.
func (d *demo) messages(contactID string) []store.Message {
	d.t.Helper()
	ms, err := d.app.Store().MessagesOf(d.t.Context(), contactID, 100)
	if err != nil {
		d.t.Fatalf("reading messages: %v", err)
	}
	return ms
}

// surveyed waits until the survey of a customer left.
func (d *demo) surveyed(name string) store.Contact {
	d.t.Helper()
	c := d.contact(name)
	testserver.Wait(d.t, "the survey of "+name+" has left", func() bool {
		for _, m := range d.messages(c.ID) {
			if m.Direction == store.Out && (m.State == "sent" || m.State == "delivered") {
				return true
			}
		}
		return false
	})
	return c
}

var formLink = regexp.MustCompile(`/s/[A-Za-z0-9_-]+`)

// formOf is the path of the form that a customer was sent by email.
func (d *demo) formOf(name string) string {
	d.t.Helper()
	c := d.surveyed(name)
	for _, m := range d.messages(c.ID) {
		if m.Channel == channels.Email && m.Direction == store.Out {
			if link := formLink.FindString(m.Text + " " + m.HTML); link != "" {
				return link
			}
		}
	}
	d.t.Fatalf("%s was sent no form", name)
	return ""
}

// advance moves business time.
func (d *demo) advance(by time.Duration) {
	d.t.Helper()
	if err := d.app.Advance(d.t.Context(), by); err != nil {
		d.t.Fatalf("moving the clock: %v", err)
	}
}

// get fetches a path without a browser and without a session.
func (d *demo) get(path string) (status int, body string) {
	d.t.Helper()
	return d.fetch(d.request(http.MethodGet, path, ""))
}

func (d *demo) request(method, path, form string) *http.Request {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(form))
	if err != nil {
		d.t.Fatal(err)
	}
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r
}

// fetch makes one call; redirects are not followed.
func (d *demo) fetch(r *http.Request) (status int, body string) {
	d.t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		d.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	return resp.StatusCode, string(b)
}
