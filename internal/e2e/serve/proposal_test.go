package serve_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"otklik/channels"
	"otklik/internal/testserver"
)

// TestProposals: a reply that cannot be read goes to the operator's review; what she
// decides in the console is the customer's answer, and `otklik parse --proposals` prints
// it as a line of the corpus, which `otklik parse` reads.
func TestProposals(t *testing.T) {
	onEngines(t, func(t *testing.T, db string) {
		w := newTown(t, db)
		w.open(w.sms()...)
		const phone, text = "+79000000701", "ну такое, 3-4"
		w.api.post("visits", visit("7001", due, map[string]any{"name": "Иванов Иван Петрович", "phones": []string{phone}}))
		w.arrived(channels.SMS, phone, 1)
		w.write(channels.SMS, phone, text)
		w.arrived(channels.SMS, phone, 2)
		if out := w.ok("parse", "--proposals"); out != "" {
			t.Errorf("before anybody decided: %q", out)
		}

		maria := w.login("maria")
		var task string
		testserver.Wait(t, "the reply is in the queue", func() bool {
			task = regexp.MustCompile(`/tasks/[0-9a-f-]{36}`).FindString(maria.get("/queue"))
			return task != ""
		})
		if page := maria.get(task); !strings.Contains(page, text) {
			t.Errorf("the card does not show the reply:\n%s", page)
		}
		maria.post(task+"/survey", url.Values{"q.overall": {"3"}})
		if rs := w.api.order("responses", "7001"); len(rs) != 1 || rs[0]["answers"].([]any)[0].(item)["rating"] != 3.0 {
			t.Errorf("responses: %v", rs)
		}

		out := w.ok("parse", "--proposals")
		var line struct {
			ID, Locale, Channel, Text string
			Question                  struct {
				Kind     string
				Min, Max int
			}
			Want struct {
				Intent string
				Rating int
			}
		}
		if err := json.Unmarshal([]byte(out), &line); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		if line.Text != text || line.Locale != "ru" || line.Channel != "sms" || line.Question.Kind != "rating" || line.Question.Min != 1 || line.Question.Max != 5 || line.Want.Intent != "answer" || line.Want.Rating != 3 {
			t.Errorf("the proposal is %s", out)
		}
		e := w.feed(out, "parse")
		e.want(t, 0, `"id":"`+line.ID+`"`, `"intent":"unclear"`)
	})
}

// person is an employee's browser.
type person struct {
	w      *town
	client *http.Client
}

// login logs an employee of newTown in.
func (w *town) login(name string) person {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	p := person{w, &http.Client{Timeout: client.Timeout, Jar: jar}}
	p.post("/login", url.Values{"login": {name}, "password": {"correct horse"}})
	return p
}

// get gives a page of the console.
func (p person) get(path string) string {
	p.w.t.Helper()
	return p.do(http.MethodGet, path, "")
}

// post sends a form and gives the page that follows.
func (p person) post(path string, form url.Values) string {
	p.w.t.Helper()
	return p.do(http.MethodPost, path, form.Encode())
}

func (p person) do(method, path, form string) string {
	p.w.t.Helper()
	r, err := http.NewRequestWithContext(p.w.t.Context(), method, p.w.front.server.URL+path, strings.NewReader(form))
	if err != nil {
		p.w.t.Fatal(err)
	}
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := p.client.Do(r)
	if err != nil {
		p.w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		p.w.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || strings.HasSuffix(res.Request.URL.Path, "/login") {
		p.w.t.Fatalf("%s %s: %s, at %s", method, path, res.Status, res.Request.URL.Path)
	}
	return string(body)
}
