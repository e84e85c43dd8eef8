package console_test

import (
	"net/http"
	"strings"
	"testing"

	"otklik/internal/console"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

func TestLogin(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		maria := h.people["maria"]
		var err error
		maria.PasswordHash, err = console.HashPassword(password)
		check(t, err)
		_, err = st.SaveEmployee(t.Context(), maria, storetest.Now)
		check(t, err)
		b := h.stranger()
		if p := b.get("/queue?mine=1"); p.StatusCode != http.StatusSeeOther || p.Header.Get("Location") != "/login?to=%2Fqueue%3Fmine%3D1" || len(p.Cookies()) != 0 {
			t.Fatalf("a stranger was not sent to the login: %s to %q", p.Status, p.Header.Get("Location"))
		}
		b.post("/language", "locale", "ru").want(t, http.StatusSeeOther)
		before := sessionCookie(b)
		if before == "" {
			t.Fatal("the choice of a language made no session")
		}
		wrong := b.post("/login", "login", "maria", "password", "another password")
		wrong.want(t, http.StatusUnauthorized, "Логин или пароль не подходят")
		b.post("/login", "login", "nobody", "password", password).want(t, http.StatusUnauthorized, "Логин или пароль не подходят")

		b.get("/login?to=%2Fqueue%3Fmine%3D1").want(t, http.StatusOK, `name="to" value="/queue?mine=1"`)
		b.post("/login", "login", "x", "password", "x", "to", "/queue?mine=1").want(t, http.StatusUnauthorized, `name="to" value="/queue?mine=1"`)
		in := b.post("/login", "login", "maria", "password", password, "to", "/queue?mine=1")
		if in.StatusCode != http.StatusSeeOther || in.Header.Get("Location") != "/queue?mine=1" {
			t.Fatalf("login: %s to %q, want the page that was asked for", in.Status, in.Header.Get("Location"))
		}
		c := in.Cookies()
		if len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteLaxMode {
			t.Errorf("cookies of the login: %+v", c)
		}
		if sessionCookie(b) == before {
			t.Error("the session kept its token over the login")
		}
		b.get("/queue").want(t, http.StatusOK, "Моя очередь", "Мария Орлова")
		if strings.Contains(h.log.String(), password) || strings.Contains(h.log.String(), "another password") {
			t.Error("a password stands in the log")
		}

		b.post("/logout").want(t, http.StatusSeeOther)
		b.get("/queue").want(t, http.StatusSeeOther)
	})
}

func sessionCookie(b *browser) string {
	r, err := http.NewRequestWithContext(b.h.t.Context(), http.MethodGet, b.h.server.URL, nil)
	check(b.h.t, err)
	for _, c := range b.client.Jar.Cookies(r.URL) {
		return c.Value
	}
	return ""
}

func TestLoginOfSomebodySwitchedOff(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		b := h.login("maria")
		maria := h.people["maria"]
		maria.Active = false
		_, err := st.SaveEmployee(t.Context(), maria, storetest.Now)
		check(t, err)
		b.get("/queue").want(t, http.StatusSeeOther)
		h.stranger().post("/login", "login", "maria", "password", password).want(t, http.StatusUnauthorized)
	})
}

func TestFailedLoginsMustWait(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	b := h.stranger()
	for range 6 {
		b.post("/login", "login", "maria", "password", "guess").want(t, http.StatusUnauthorized)
	}
	b.post("/login", "login", "maria", "password", password).want(t, http.StatusTooManyRequests, "Подождите 15 минут")
	// Somebody else from the same place is not kept out.
	b.post("/login", "login", "sergey", "password", password).want(t, http.StatusSeeOther)
}

func TestAfterLoginOnlyOurOwnPagesAreOpened(t *testing.T) {
	h := open(t, storetest.Open(t, "sqlite"))
	b := h.login("maria")
	if got := h.stranger().post("/login", "login", "maria", "password", password, "to", "//evil.example/").Header.Get("Location"); got != "/" {
		t.Errorf("the login leads to %q", got)
	}
	for _, to := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, ""} {
		if got := b.post("/language", "locale", "en", "back", to).Header.Get("Location"); got != "/" {
			t.Errorf("back to %q leads to %q", to, got)
		}
	}
	if got := b.post("/language", "locale", "en", "back", "/contacts?q=a").Header.Get("Location"); got != "/contacts?q=a" {
		t.Errorf("the way back is %q", got)
	}
	b.get("/queue").want(t, http.StatusOK, "My queue")
}

func TestRoles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		cb := h.complaint()
		for _, tt := range []struct {
			who, method, path string
			status            int
		}{
			{"oleg", "GET", "/queue", http.StatusForbidden},
			{"oleg", "GET", "/contacts", http.StatusForbidden},
			{"oleg", "GET", "/tasks/" + cb.ID, http.StatusForbidden},
			{"oleg", "POST", "/tasks/" + cb.ID + "/claim", http.StatusForbidden},
			{"oleg", "GET", "/remarks", http.StatusOK},
			{"lena", "GET", "/contacts", http.StatusOK},
			{"lena", "GET", "/inbox", http.StatusForbidden},
			{"maria", "GET", "/queue", http.StatusOK},
			{"maria", "POST", "/remarks/" + cb.ID, http.StatusForbidden},
			{"andrei", "GET", "/inbox", http.StatusOK},
		} {
			b := h.login(tt.who)
			p := b.get(tt.path)
			if tt.method == "POST" {
				p = b.post(tt.path)
			}
			p.want(t, tt.status)
		}
		homes := map[string]string{"maria": "/queue", "oleg": "/remarks", "lena": "/contacts"}
		for who, home := range homes {
			if got := h.login(who).get("/").Header.Get("Location"); got != home {
				t.Errorf("home of %s is %q, want %q", who, got, home)
			}
		}
		if x := h.task(cb.ID); x.OwnerID != "" {
			t.Errorf("an engineer claimed a callback")
		}
	})
}

func TestEmployeesSeeTheirOwnDealerOnly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		cb := h.complaint()
		remarks, err := st.Remarks(t.Context(), h.Dealer.ID, "", 10)
		check(t, err)
		if len(remarks) == 0 {
			t.Fatal("the complaint left no remark")
		}
		b := h.login("boris")
		for _, path := range []string{"/tasks/" + cb.ID, "/tasks/" + cb.ID + "/survey", "/contacts/" + cb.ContactID, "/tasks/not-an-id", "/contacts/not-an-id"} {
			b.get(path).want(t, http.StatusNotFound)
		}
		for _, path := range []string{"/claim", "/release", "/attempt", "/agree", "/ask", "/close", "/resolve", "/survey"} {
			b.post("/tasks/"+cb.ID+path, "outcome", "reached", "q.overall", "5").want(t, http.StatusNotFound)
		}
		b.post("/remarks/"+remarks[0].ID, "passed_to", "Борис").want(t, http.StatusNotFound)
		for _, path := range []string{"/queue", "/contacts?q=%2B79000000101", "/contacts", "/remarks", "/inbox"} {
			p := b.get(path)
			p.want(t, http.StatusOK)
			if strings.Contains(p.body, "Иванов") || strings.Contains(p.body, "стук остался") {
				t.Errorf("%s shows another dealer's customer", path)
			}
		}
		b.post("/dealer", "dealer", h.Dealer.ID).want(t, http.StatusForbidden)
		if x := h.task(cb.ID); x.OwnerID != "" || x.Version != cb.Version {
			t.Errorf("another dealer's employee changed the task: %+v", x)
		}
		h.login("maria").get("/contacts/"+cb.ContactID).want(t, http.StatusOK, "Иванов Иван Петрович", "стук остался")
	})
}

func TestPostsFromOtherSitesAreRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		cb := h.complaint()
		for name, header := range map[string]http.Header{
			"fetch metadata": {"Sec-Fetch-Site": {"cross-site"}},
			"sibling":        {"Sec-Fetch-Site": {"same-site"}},
			"origin":         {"Origin": {"https://evil.example"}},
			"null origin":    {"Origin": {"null"}},
		} {
			b := h.login("maria")
			b.header = header
			for _, path := range []string{"/tasks/" + cb.ID + "/claim", "/login", "/logout", "/language", "/phones/advance"} {
				if p := b.post(path, "hours", "1"); p.StatusCode != http.StatusForbidden {
					t.Errorf("%s: POST %s gives %s", name, path, p.Status)
				}
			}
			b.header = nil
			b.get("/queue").want(t, http.StatusOK)
		}
		if x := h.task(cb.ID); x.OwnerID != "" {
			t.Error("a foreign page claimed a task")
		}
		b := h.login("maria")
		b.header = http.Header{"Sec-Fetch-Site": {"same-origin"}}
		b.post("/tasks/"+cb.ID+"/claim").want(t, http.StatusSeeOther)
	})
}

func TestPassword(t *testing.T) {
	a, err := console.HashPassword(password)
	check(t, err)
	b, err := console.HashPassword(password)
	check(t, err)
	if a == b {
		t.Error("two hashes of one password are equal")
	}
	if !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("unexpected costs: %s", a)
	}
	if !console.CheckPassword(a, password) || console.CheckPassword(a, password+" ") {
		t.Error("a password is not told from another")
	}
	for _, broken := range []string{"", "plain", "$argon2id$v=19$m=19456,t=2,p=1$AAAA", "$argon2id$v=19$m=99999999,t=2,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2i" + a[9:]} {
		if console.CheckPassword(broken, password) {
			t.Errorf("%q passes", broken)
		}
	}
	if _, err := console.HashPassword("short"); err == nil {
		t.Error("a short password was taken")
	}
}
