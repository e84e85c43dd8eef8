package render

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"otklik/channels"
	"otklik/internal/survey"
	"otklik/templates"
)

// The tests of this file hold what is compiled against the library that it stands
// for: text/template, html/template, regexp, strings.

func shippedRenderer(t testing.TB) *Renderer {
	t.Helper()
	r, err := New(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// hostile is a value that somebody has typed into a form, or worse.
var hostile = rapid.OneOf(
	rapid.SampledFrom([]string{
		"", " ", "Иван", "Анна-Мария", "张建国", "O'Neil \"the\" <b>", "<script>alert(1)</script>", "a&amp;b &#43; c+d", "line\nbreak\r\n\ttab",
		"{{.name}}", "{{if .Has \"x\"}}", "{given}", "مرحبا\u202Eabc\u202C", "👩‍👩‍👧 😊", "\u00a0nbsp\u3000wide\u2028ls", "a  b", "\x00\x1f\x7f", "\xff\xfe", "</title>--><!--",
		"javascript:alert(1)", "https://x.example/s/k7?lang=en&b=%zz#frag", "ends here. ", "1;2,3;x",
	}),
	rapid.String(),
	rapid.StringOfN(rapid.RuneFrom([]rune("<>&\"'+{}%\n\t \\яЖ张😊\u202e")), 0, 20, -1),
)

// everyText calls f for every wording that is shipped.
func everyText(r *Renderer, f func(name string, t *text, scale *survey.Question)) {
	each := func(name string, w wording, scale *survey.Question) {
		for l, p := range w {
			for ch, t := range p.text {
				f(name+" "+l+" "+string(ch), t, scale)
			}
			for what, t := range map[string]*text{" subject": p.subject, " preheader": p.preheader} {
				if t != nil {
					f(name+" "+l+what, t, scale)
				}
			}
		}
	}
	for id, m := range r.messages {
		each(id, m.compiled, &survey.Question{Kind: survey.NPS, Max: 10})
	}
	r.compiled.Range(func(_, value any) bool {
		c := value.(*compiledSurvey)
		each(c.def.ID, c.invite, c.first.Question)
		for o, w := range c.thanks {
			each(string(o), w, nil)
		}
		for id, q := range c.questions {
			each(id, q.wording, q.Question)
		}
		return true
	})
}

func TestShippedTextsAreCompiled(t *testing.T) {
	r := shippedRenderer(t)
	seen := 0
	everyText(r, func(name string, x *text, _ *survey.Question) {
		seen++
		if !x.compiled {
			t.Errorf("%s is left to text/template", name)
		}
	})
	if seen < 300 {
		t.Fatalf("only %d texts", seen)
	}
}

// TestOtherTextsAreLeftToTextTemplate: an operator's own texts may use all that
// text/template can do.
func TestOtherTextsAreLeftToTextTemplate(t *testing.T) {
	d := &Data{Words: "мир"}
	for source, want := range map[string]string{
		`{{.words}}`:                                                   "мир",
		`{{printf "%s!" .words}}`:                                      "мир!",
		`{{with .words}}[{{.}}]{{end}}`:                                "[мир]",
		`{{if and (.Has "words") (.Has "name")}}a{{end}}b`:             "b",
		`{{if not (.Has "name")}}a{{else}}b{{end}}`:                    "a",
		`{{if .Has "words"}}{{len .words}}{{end}}`:                     "6",
		`{{if .Has "name"}}x{{else if .Has "words"}}y{{else}}z{{end}}`: "y",
		`{{if .Has "name"}}x{{end}}`:                                   "",
		`a {{- /* a comment */ -}} b`:                                  "ab",
	} {
		x, err := parseText("t", source)
		if err != nil {
			t.Fatal(err)
		}
		got, err := x.appendTo(nil, &values{words: &words{}, data: d})
		if err != nil || string(got) != want {
			t.Errorf("%s gives %q, %v; want %q", source, got, err, want)
		}
	}
}

func TestTidyAndLineAreWhatTheyStandFor(t *testing.T) {
	empty := regexp.MustCompile(`\n[ \t]*(\n[ \t]*)+`)
	blanks := rapid.StringOfN(rapid.RuneFrom([]rune("\n\n\n\t \r\v\u0085\u00a0\u2003\u3000aя张")), 0, 24, -1)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(blanks, hostile).Draw(t, "s")
		if got, want := tidy(s), strings.TrimSpace(empty.ReplaceAllString(s, "\n\n")); got != want {
			t.Fatalf("tidy(%q) is %q, want %q", s, got, want)
		}
		if got, want := line(s), strings.Join(strings.Fields(s), " "); got != want {
			t.Fatalf("line(%q) is %q, want %q", s, got, want)
		}
		var want [][]string
		for _, p := range strings.Split(s, "\n\n") {
			want = append(want, strings.Split(p, "\n"))
		}
		var p press
		p.split(s)
		if diff := cmp.Diff(want, p.paragraphs); diff != "" {
			t.Fatalf("the paragraphs of %q: %s", s, diff)
		}
	})
}

func TestFormsAreFilledAsByAReplacer(t *testing.T) {
	w, at := &words{Months: slices.Repeat([]string{"{day}"}, 12)}, time.Date(2026, 3, 12, 0, 0, 0, 0, time.UTC)
	form := rapid.StringOfN(rapid.RuneFrom([]rune("{}daymonth 年")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.OneOf(form, rapid.SampledFrom([]string{"{day} {month}", "{day}{{month}", "{{day}}", "{x}{day", "{month}{day}日"})).Draw(t, "form")
		got := w.appendDated(nil, f, at)
		if want := strings.NewReplacer("{day}", "12", "{month}", "{day}", "{year}", "2026", "{dd}", "12", "{mm}", "03", "{mon}", "{da").Replace(f); string(got) != want {
			t.Fatalf("%q is filled as %q, want %q", f, got, want)
		}
	})
}

func TestSegmentsCountUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(hostile, rapid.StringOfN(rapid.RuneFrom([]rune("a€[яù😊")), 0, 400, -1)).Draw(t, "s")
		if got, want := units(s), len(utf16.Encode([]rune(s))); got != want {
			t.Fatalf("%q has %d units, counted %d", s, want, got)
		}
	})
}

func randomPage(t *rapid.T) *page {
	s := func(label string) string { return hostile.Draw(t, label) }
	p := &page{Lang: s("lang"), Subject: s("subject"), Preheader: s("preheader"), Legend: s("legend"), Open: s("open"), OpenURL: s("form"),
		Reply: s("reply"), Why: s("why"), Place: s("place"), Unsubscribe: s("unsubscribe"), UnsubscribeURL: s("unsubscribe URL")}
	p.Paragraphs = rapid.SliceOfN(rapid.SliceOfN(hostile, 0, 3), 0, 3).Draw(t, "paragraphs")
	for range rapid.IntRange(0, 3).Draw(t, "rows") {
		var row []link
		for range rapid.IntRange(0, 3).Draw(t, "links") {
			row = append(row, link{s("label"), s("url")})
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

func TestCompiledLayoutIsHTMLTemplate(t *testing.T) {
	l := shippedRenderer(t).layout
	if l.nodes == nil {
		t.Fatal("the shipped layout is left to html/template: has a new Go other names for its escapings?")
	}
	rapid.Check(t, func(t *rapid.T) {
		p := randomPage(t)
		want, err := l.slowly(nil, p)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := l.append(nil, p); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v\ncompiled:      %q\nhtml/template: %q", err, got, want)
		}
	})
}

// TestOtherLayouts: what cannot be compiled is executed all the same, what would
// be escaped in another way is never compiled.
func TestOtherLayouts(t *testing.T) {
	for source, compiled := range map[string]bool{
		`<p>{{.Subject}}</p>`:                                                              true,
		`<p title={{.Subject}}>x</p>`:                                                      false, // an attribute without quotes
		`<script>var s = {{.Subject}}</script>`:                                            false,
		`<p style="color:{{.Subject}}">x</p>`:                                              false,
		`<a href="/x?s={{.Subject}}">x</a>`:                                                false, // within a query
		`<a href="{{.OpenURL}}">x</a>`:                                                     true,
		`{{range $i, $p := .Paragraphs}}{{range $p}}{{.}}{{else}}none{{end}}{{end}}`:       true,
		`{{range .Rows}}{{range $l := .}}{{$l.Label}}{{end}}{{end}}`:                       false,
		`{{with .Subject}}<b>{{.}}</b>{{end}}`:                                             false,
		`{{if .Rows}}{{len .Rows}}{{else}}<i>{{.Why}}</i>{{end}}`:                          false,
		`{{if .Rows}}{{range .Rows}}{{range .}}<b>{{.Label}}</b>{{end}}{{end}}{{end}}<hr>`: true,
	} {
		l, err := newLayout(fstest.MapFS{"email.html": {Data: []byte(source)}}, "email.html")
		if err != nil {
			t.Fatal(err)
		}
		if got := l.nodes != nil; got != compiled {
			t.Errorf("%s: compiled is %v", source, got)
		}
		rapid.Check(t, func(t *rapid.T) {
			p := randomPage(t)
			want, err := l.slowly(nil, p)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := l.append(nil, p); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: %q, %v; want %q", source, got, err, want)
			}
		})
	}
	if _, err := newLayout(fstest.MapFS{"email.html": {Data: []byte(`<a href="{{if .Open}}x`)}}, "email.html"); err == nil {
		t.Error("a layout that does not end is taken")
	}
}

// TestCheckFindsAWrongEscaping: the comparison at loading is not for show.
func TestCheckFindsAWrongEscaping(t *testing.T) {
	l := shippedRenderer(t).layout
	var weaken func([]node) bool
	weaken = func(nodes []node) bool {
		for i := range nodes {
			if n := &nodes[i]; len(n.escapes) == 3 {
				n.escapes = n.escapes[1:]
				return true
			} else if weaken(n.then) || weaken(n.others) {
				return true
			}
		}
		return false
	}
	if err := l.check(); err != nil {
		t.Fatal(err)
	}
	if !weaken(l.nodes) || l.check() == nil {
		t.Error("a link that is not filtered passes")
	}
}

// emails are the jobs of every shipped email for one person.
func emails(t *testing.T, r *Renderer, d Data, f func(name string, c Content)) {
	t.Helper()
	add := func(name string, c Content, err error) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		f(name, c)
	}
	for _, l := range []string{"ru", "en", "zh"} {
		for _, id := range r.Messages() {
			if !strings.HasPrefix(id, "reask.") && !strings.HasPrefix(id, "ack.") {
				c, err := r.Message(id, l, channels.Email, d)
				add(id+" "+l, c, err)
			}
		}
		for _, def := range r.Definitions() {
			c, err := r.Invite(def, l, channels.Email, d)
			add(def.ID+" invite "+l, c, err)
			for _, q := range def.Questions {
				c, err := r.Question(def, q.ID, l, channels.Email, d)
				add(def.ID+" "+q.ID+" "+l, c, err)
			}
			for _, o := range survey.Outcomes() {
				c, err := r.Thanks(def, o, l, channels.Email, d)
				add(def.ID+" "+string(o)+" "+l, c, err)
			}
		}
	}
}

// TestLettersGiveTheWholePage: for every shipped email and a hostile person, the
// page made of what is stored is the one that html/template makes of everything,
// and what is stored is small.
func TestLettersGiveTheWholePage(t *testing.T) {
	r := shippedRenderer(t)
	now := time.Date(2026, 3, 13, 11, 0, 0, 0, time.UTC)
	d := Data{Dealer: Dealer{Name: "Юг & <Co>", Phone: "+7 495 000-00-00", Address: "Москва, \"Южная\" ул., 1"}, Person: Person{Given: "Иван", Patronymic: "Петрович"},
		Employee: "Мария O'Neil", Praised: []string{"Пётр"}, Words: `<script>alert("x")</script> {{.name}}`, Written: "<b>да</b>\n{{.name}}", FormURL: "https://otklik.example/s/k7?lang=en&x=1#f", UnsubscribeURL: "https://otklik.example/u/k7",
		Zone: time.UTC, Now: now}
	d.Visit.Date, d.Visit.Works, d.Visit.Order = now.Add(-24*time.Hour), []string{"ТО-4", "a\nb\n\nc", "😊"}, "1"
	d.Callback.Due, d.Callback.Next, d.Callback.Solution = now.Add(5*time.Hour), now.Add(200*time.Hour), "замена + мойка"
	d.Vehicle.Years, d.Appointment.At, d.News, d.Wishes = 2, now.Add(20*time.Hour), "<b>a</b>\n\nb & c", "<i>{имя}</i>"
	d.Holiday = map[string]string{"ru": "<Пасха>", "en": "Easter & co", "zh": "复活节"}
	seen, page, stored := 0, 0, 0
	emails(t, r, d, func(name string, c Content) {
		seen++
		got, err := r.AppendHTML(nil, c.Subject, c.Text, c.Letter)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		var p press
		if err := errors.Join(p.read(c.Subject, c.Text, c.Letter), p.set()); err != nil {
			t.Fatal(err)
		}
		if want, err := r.layout.slowly(nil, &p.page); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v\n%s", name, err, cmp.Diff(string(want), string(got)))
		}
		for _, s := range []string{c.Subject, p.letter.why, d.UnsubscribeURL} {
			if !bytes.Contains(got, appendMarkup(nil, s)) {
				t.Errorf("%s lacks %q", name, s)
			}
		}
		page, stored = page+len(got), stored+len(c.Letter)
	})
	if seen < 60 || 10*stored > page {
		t.Errorf("%d emails, %d bytes of pages, %d bytes stored for them", seen, page, stored)
	}
}

func TestLettersAreReadAsTheyWereWritten(t *testing.T) {
	var p press // used for all, as for page after page
	rapid.Check(t, func(t *rapid.T) {
		s := func(label string) string { return hostile.Draw(t, label) }
		l := &letter{locale: s("locale"), subject: s("subject"), preheader: s("preheader"), body: s("body"), reply: s("reply"), why: s("why"), place: s("place"), legend: s("legend")}
		if l.form = s("form"); l.form != "" {
			l.open = "Открыть"
		}
		if l.unsubscribeURL = s("unsubscribe"); l.unsubscribeURL != "" {
			l.unsubscribe = "Отписаться: "
		}
		for range rapid.IntRange(0, 3).Draw(t, "rows") {
			row := []choice{}
			for i := range rapid.IntRange(0, 11).Draw(t, "choices") {
				row = append(row, choice{value: strconv.Itoa(i), label: s("label")})
			}
			l.rows = append(l.rows, row)
		}
		stored := l.encode()
		if strings.HasPrefix(stored, "<") {
			t.Fatalf("%q reads as a page", stored)
		}
		if err := p.read(l.subject, l.text(), stored); err != nil {
			t.Fatalf("%q: %v", stored, err)
		}
		if fmt.Sprint(p.letter) != fmt.Sprint(*l) {
			t.Fatalf("written %+v, read %+v", *l, p.letter)
		}
		if err := p.read(l.subject, l.text()+"x", stored); !errors.Is(err, ErrLetter) {
			t.Fatalf("a longer text is taken: %+v, %v", p.letter, err)
		}
	})
}

func TestStoredPagesOfTheFirstVersionStayAsTheyAre(t *testing.T) {
	r := shippedRenderer(t)
	for _, stored := range []string{"", "<!doctype html><p>{{.Subject}} & co"} {
		if got, err := r.AppendHTML(nil, "s", "t", stored); err != nil || string(got) != stored {
			t.Errorf("%q becomes %q, %v", stored, got, err)
		}
	}
}

// TestTextThatBreaksTheProgram is one that cannot be made, for the compiled text as for
// text/template.
func TestTextThatBreaksTheProgram(t *testing.T) {
	n := 0
	everyText(shippedRenderer(t), func(name string, x *text, _ *survey.Question) {
		if len(x.ops) == 1 && x.ops[0].kind == opLiteral {
			return
		}
		for _, x := range []*text{x, {template: x.template}} {
			if _, err := x.appendTo(nil, &values{}); err == nil { // has nothing that it needs
				t.Errorf("%s is made of nothing", name)
			}
			n++
		}
	})
	if n == 0 {
		t.Error("no text has values")
	}
}

// FuzzReadLetter: nothing that a database can hold makes the sender fall over or
// take memory.
func FuzzReadLetter(f *testing.F) {
	l := letter{locale: "ru", subject: "s", body: "b", why: "w", rows: [][]choice{{{value: "1", label: "1"}, {value: "yes", label: "Да"}}}}
	f.Add("s", l.text(), l.encode())
	f.Add("", "", "1;0,0,0,0,0,0,0,0,0,0,0,2147483647;")
	f.Add("", "", "1;0,0,0,0,0,0,0,0,0,0,0,1,1,-1,0;")
	f.Add("", "x", "2;")
	r, err := New(templates.FS)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, subject, text, stored string) {
		if page, err := r.AppendHTML(nil, subject, text, stored); err != nil && (len(page) > 0 || !errors.Is(err, ErrLetter)) {
			t.Errorf("%q, %v", page, err)
		}
	})
}

// TestPlainLinksNeedNoParsing: what is taken for plain is what url.Parse takes and
// gives back as it is.
func TestPlainLinksNeedNoParsing(t *testing.T) {
	plain := 0
	for _, s := range []string{"https://otklik.example/s/k7abc", "http://a", "https://", "https://a.example:8080/s/k7", "https://a/?q=1", "https://a/#f", "https://a/%7e", "https:///s", "https://.a/s", "https://a//b", "ftp://a/s", "https://a/б"} {
		if !plainURL(s) {
			continue
		}
		plain++
		if u, err := url.Parse(s); err != nil || u.String() != s || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q is not plain: %v", s, err)
		}
	}
	if plain != 3 {
		t.Errorf("%d links are taken for plain", plain)
	}
}
