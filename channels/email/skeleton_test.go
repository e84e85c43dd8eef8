package email

import (
	"bytes"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/idna"
	"pgregory.net/rapid"

	"otklik/channels"
	"otklik/internal/render"
	definition "otklik/internal/survey"
	"otklik/templates"
)

// byGoMail is the mail that go-mail itself makes of a message, with the boundary
// and the encodings of ours.
func byGoMail(t rapid.TB, l *letter, boundary string, eightBit bool) []byte {
	t.Helper()
	m := l.message
	to, err := netmail.ParseAddress("<" + strings.TrimSpace(m.To) + ">")
	if err != nil {
		t.Fatal(err)
	}
	local, domain, _ := strings.Cut(to.Address, "@")
	if domain, err = idna.Lookup.ToASCII(domain); err != nil {
		t.Fatal(err)
	}
	d := draft{shape: l.shape([]byte(m.Text), m.AppendHTML(nil), eightBit), from: l.sender.address, to: netmail.Address{Name: m.ToName, Address: local + "@" + domain},
		subject: strings.NewReplacer("\r", " ", "\n", " ").Replace(m.Subject), id: l.providerID, inReplyTo: reference(m.InReplyTo), unsubscribe: m.Unsubscribe,
		text: m.Text, html: string(m.AppendHTML(nil)), boundary: boundary, date: l.date}
	if m.ReplyTo != "" {
		a, err := netmail.ParseAddress(m.ReplyTo)
		if err != nil {
			t.Fatal(err)
		}
		if d.replyTo = *a; a.Name == "" {
			d.replyTo.Name = l.sender.address.Name
		}
	}
	var mail bytes.Buffer
	if _, err := d.build().WriteTo(&mail); err != nil {
		t.Fatal(err)
	}
	return dotted(mail.Bytes())
}

// dotted is a mail as RFC 5321 4.5.2 wants it after DATA, done line by line.
func dotted(mail []byte) []byte {
	var out []byte
	for len(mail) > 0 {
		line := mail
		if i := bytes.IndexByte(mail, '\n'); i >= 0 {
			line, mail = mail[:i], mail[i+1:]
		} else {
			mail = nil
		}
		if len(line) > 0 && line[0] == '.' {
			out = append(out, '.')
		}
		out = append(append(out, bytes.TrimSuffix(line, []byte{'\r'})...), '\r', '\n')
	}
	return append(out, ".\r\n"...)
}

func boundaryOf(data []byte) string {
	_, after, _ := bytes.Cut(data, []byte("boundary="))
	line, _, _ := bytes.Cut(after, []byte("\r\n"))
	return string(line)
}

// sameAsGoMail compares both over both kinds of server.
func sameAsGoMail(t rapid.TB, c *Channel, m *channels.Message) {
	t.Helper()
	l, err := c.compose(m, time.Date(2026, 11, 16, 12, 31, 7, 0, time.FixedZone("MSK", 3*3600)))
	if err != nil {
		t.Fatal(err)
	}
	for _, eightBit := range []bool{true, false} {
		got := wire(l, eightBit)
		if diff := cmp.Diff(string(byGoMail(t, l, boundaryOf(got), eightBit)), string(got)); diff != "" {
			t.Fatalf("8BITMIME %v (-go-mail +ours):\n%s", eightBit, diff)
		}
		carried(t, m, got, eightBit)
	}
}

// carried fails unless a mail can travel over SMTP and says what the message
// says, to parsers that are not ours.
func carried(t rapid.TB, m *channels.Message, data []byte, eightBit bool) {
	t.Helper()
	if bytes.HasPrefix(data, []byte(".\r\n")) || bytes.Count(data, []byte("\r\n.\r\n")) != 1 || !bytes.HasSuffix(data, []byte("\r\n.\r\n")) {
		t.Fatalf("the mail ends elsewhere: %q", data)
	}
	for line := range bytes.SplitAfterSeq(data, []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		text, ended := bytes.CutSuffix(line, []byte("\r\n"))
		if !ended || bytes.ContainsAny(text, "\r\x00") || len(text) > longestLine+1 {
			t.Fatalf("a line of %d bytes: %q", len(text), line)
		}
		if !eightBit && !ascii(string(text)) {
			t.Fatalf("a line for a server without 8BITMIME: %q", line)
		}
	}
	msg, err := netmail.ReadMessage(bytes.NewReader(undotted(t, data)))
	if err != nil {
		t.Fatal(err)
	}
	page := string(m.AppendHTML(nil))
	if page == "" {
		// A mail of one part ends with a line end, whatever its text does.
		got := lines(decoded(t, msg.Header.Get("Content-Transfer-Encoding"), msg.Body))
		if strings.TrimSuffix(got, "\n") != strings.TrimSuffix(lines(m.Text), "\n") {
			t.Fatalf("the text is %q, want %q", got, m.Text)
		}
		return
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %q, %v", kind, err)
	}
	r := multipart.NewReader(msg.Body, params["boundary"])
	for _, want := range []string{m.Text, page} {
		part, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if got := decoded(t, part.Header.Get("Content-Transfer-Encoding"), part); lines(got) != lines(want) {
			t.Fatalf("the part is %q, want %q", got, want)
		}
	}
}

// lines brings line ends of any kind to one.
func lines(s string) string { return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s) }

func TestShippedTextsAreTheMailsOfGoMail(t *testing.T) {
	r, err := render.New(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	c := offline(t, "smtp://mx.dealer.example")
	seen := 0
	add := func(content render.Content, err error) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		page, err := r.AppendHTML(nil, content.Subject, content.Text, content.Letter)
		if err != nil {
			t.Fatal(err)
		}
		m := survey()
		m.Subject, m.Text, m.Page = content.Subject, content.Text, func(b []byte) []byte { return append(b, page...) }
		sameAsGoMail(t, c, &m)
		m.Page, m.Unsubscribe, m.InReplyTo = nil, "", ""
		sameAsGoMail(t, c, &m)
	}
	now := time.Date(2026, 3, 13, 11, 0, 0, 0, time.UTC)
	d := render.Data{Dealer: render.Dealer{Name: "Автоцентр Юг", Phone: "+7 495 000-00-00", Address: "Москва, Южная ул., 1"}, Person: render.Person{Given: "Иван", Patronymic: "Петрович"},
		FormURL: "https://otklik.example/s/k7f3q9", UnsubscribeURL: "https://otklik.example/u/k7f3q9", Zone: time.UTC, Now: now, Words: strings.Repeat(". Точка ", 200)}
	d.Visit.Date, d.Visit.Works = now.Add(-24*time.Hour), []string{"ТО-4", "замена колодок"}
	d.Callback.Due, d.Callback.Solution = now.Add(5*time.Hour), "замена"
	d.Appointment.At, d.Promised, d.Vehicle.Years, d.News, d.Wishes, d.Written = now.Add(20*time.Hour), now.Add(30*time.Hour), 3, "Новая модель.\nПриходите.", "С праздником!", "Запчасть пришла.\nКогда Вам удобно?"
	d.Holiday = map[string]string{"ru": "Пасха", "en": "Easter", "zh": "复活节"}
	for _, l := range []string{"ru", "en", "zh"} {
		for _, id := range r.Messages() {
			if !strings.HasPrefix(id, "reask.") && !strings.HasPrefix(id, "ack.") {
				add(r.Message(id, l, channels.Email, d))
			}
		}
		for _, def := range r.Definitions() {
			add(r.Invite(def, l, channels.Email, d))
			for _, q := range def.Questions {
				add(r.Question(def, q.ID, l, channels.Email, d))
			}
			for _, o := range definition.Outcomes() {
				add(r.Thanks(def, o, l, channels.Email, d))
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d texts", seen)
	}
}

// hostile is a text that somebody has typed into a form, or worse.
var hostile = rapid.OneOf(
	rapid.SampledFrom([]string{
		"", ".", "..", ".\r\n.\r\n", "a\n.\nb", "a\r\n.\r\nb\r\n", "\n.\n", "x\r.\ry", "x\r\r\ny", "blank \nat the end\t\n ", "=3D=\n=", "From me\n", "\x00", "\xff\xfe\n",
		strings.Repeat("x", 75) + "é", strings.Repeat("x", 76) + ".", strings.Repeat("x", 74) + " \n", strings.Repeat("y", 75) + ".\n.", strings.Repeat("z", 998), strings.Repeat("z", 999),
		strings.Repeat("x", 71) + " \n" + strings.Repeat("x", 72) + " \n" + strings.Repeat("x", 73) + "\t\n" + strings.Repeat("x", 75) + " ",
		strings.Repeat("Я", 499), strings.Repeat("Я", 500) + "\n.\n", strings.Repeat("é ", 40) + "\n", strings.Repeat("a.", 300),
	}),
	rapid.String(),
	rapid.StringOfN(rapid.RuneFrom([]rune("..\n\n\r \t=axЯ张😊")), 0, 300, -1),
)

// heading is a value of a header.
var heading = rapid.OneOf(
	rapid.SampledFrom([]string{"", "Иван Петрович", "张先生", "O'Neil, \"Jim\" (x) <a@b>", "a\\b", "tab\there", "=?utf-8?q?fake?=", "?=_", "مرحبا", "two  blanks   ", " leading", "\x01\x7f", "\xff",
		strings.Repeat("слово ", 40), strings.Repeat("word ", 60), strings.Repeat("я", 22) + "a" + strings.Repeat("я", 22), strings.Repeat(" ", 200), strings.Repeat("x", 900)}),
	rapid.StringOfN(rapid.RuneFrom([]rune("ab .,=?_\"яé张😊")), 0, 120, -1),
)

func TestAnyMailIsThatOfGoMail(t *testing.T) {
	c := offline(t, "smtp://mx.dealer.example")
	rapid.Check(t, func(t *rapid.T) {
		m := channels.Message{
			ID:     rapid.SampledFrom([]string{"01939f5e-2a4b-7c3d-8e9f-0a1b2c3d4e5f", "1", "идентификатор", strings.Repeat("i", 90)}).Draw(t, "id"),
			From:   rapid.SampledFrom([]string{"", "two@dealer.example", "Второй <two@dealer.example>", "\"Last, First\" <two@dealer.example>", "\"Очень длинное имя отправителя, да\" <two@dealer.example>"}).Draw(t, "from"),
			To:     rapid.SampledFrom([]string{"anna@client.example", " a.b+c@x.example ", "\"a b\"@b.example", "o'neil/x@b.example", "info@пример.рф"}).Draw(t, "to"),
			ToName: heading.Draw(t, "name"), Subject: heading.Draw(t, "subject"), Text: hostile.Draw(t, "text"), HTML: hostile.Draw(t, "html"),
			ReplyTo:   rapid.SampledFrom([]string{"", "service+Ab3@dealer.example", "Клён <service+Ab3@dealer.example>", "\"x y\"@dealer.example"}).Draw(t, "reply"),
			InReplyTo: rapid.SampledFrom([]string{"", "<1@x.example>", "ид@x", "a b"}).Draw(t, "in reply"), Unsubscribe: rapid.SampledFrom([]string{"", "https://dealer.example/u/Zk1", "https://пример.рф/u"}).Draw(t, "unsubscribe"),
		}
		sameAsGoMail(t, c, &m)
	})
}

// TestAWordWithoutBlanksDoesNotBreakTheLine: go-mail would let the header grow
// beyond what SMTP carries.
func TestAWordWithoutBlanksDoesNotBreakTheLine(t *testing.T) {
	m := survey()
	m.Subject = strings.Repeat("x", 3000) + " y"
	l, err := offline(t, "smtp://mx.dealer.example").compose(&m, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	data := wire(l, true)
	carried(t, &m, data, true)
	msg, err := netmail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject")); err != nil || got != m.Subject {
		t.Errorf("%q, %v", got, err)
	}
}

// TestBodiesFollowTheServer: eight bits where the server takes them and the text
// can travel so, seven otherwise.
func TestBodiesFollowTheServer(t *testing.T) {
	long := strings.Repeat("я", 600)
	for name, row := range map[string]struct {
		extensions []string
		text       string
		encoding   string
		body       bool
	}{
		"offered":            {[]string{"PIPELINING", "8BITMIME"}, "Оцените\n.\n", "8bit", true},
		"offered, stepwise":  {[]string{"8BITMIME"}, "Оцените\n.\n", "8bit", true},
		"offered, long line": {[]string{"PIPELINING", "8BITMIME"}, long, "base64", true},
		"offered, a lone CR": {[]string{"8BITMIME"}, "plain\rtext", "quoted-printable", true},
		"not offered":        {[]string{"PIPELINING"}, "Оцените\n.\n", "base64", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := (&script{extensions: row.extensions}).start(t)
			m := message("1")
			m.Text = row.text
			if _, err := s.channel("").Send(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			bodies, commands, _ := s.seen()
			if got := strings.Contains(strings.Join(commands, "\n"), "BODY=8BITMIME"); got != row.body {
				t.Errorf("BODY=8BITMIME: %v in %q", got, commands)
			}
			if !strings.Contains(bodies[0], "Content-Transfer-Encoding: "+row.encoding) {
				t.Errorf("not %s: %s", row.encoding, bodies[0])
			}
			if row.encoding == "8bit" && !strings.Contains(bodies[0], "\n"+row.text) {
				t.Errorf("the text has changed: %q", bodies[0])
			}
		})
	}
}

// TestSimpleAddressesMeanThemselves: what is not parsed would be read as it is.
func TestSimpleAddressesMeanThemselves(t *testing.T) {
	seen := 0
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringOfN(rapid.RuneFrom([]rune("ab.@.+-_\" <>я")), 0, 12, -1), rapid.StringMatching(`[ab.]{1,5}@[cd.-]{1,6}`)).Draw(t, "address")
		if !simple(s) {
			return
		}
		seen++
		for _, form := range []string{s, "<" + s + ">"} {
			a, err := netmail.ParseAddress(form)
			if err != nil || a.Address != s || a.String() != path(s) {
				t.Fatalf("%q is %v, %v; written %s", form, a, err, path(s))
			}
		}
	})
	if seen == 0 {
		t.Error("no address was simple")
	}
}
