package email

import (
	"bytes"
	"encoding/base64"
	"flag"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"otklik/channels"
)

var update = flag.Bool("update", false, "write the golden files anew")

func offline(t testing.TB, smtpURL string) *Channel {
	t.Helper()
	c, err := New(Config{SMTPURL: smtpURL, From: "Автосервис «Клён» <service@dealer.example>"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func survey() channels.Message {
	return channels.Message{
		ID: "01939f5e-2a4b-7c3d-8e9f-0a1b2c3d4e5f", To: "anna@client.example", ToName: "Анна Сергеевна",
		Subject: "Анна Сергеевна, как прошёл визит 14 ноября? Нам важно ваше мнение о работе мастера",
		Text:    "Здравствуйте, Анна Сергеевна!\n\nОцените визит от 1 до 5: просто ответьте на это письмо.\n.\nСтрока с точки\n",
		HTML:    "<p>Здравствуйте, Анна Сергеевна!</p><p>Оцените визит от 1 до 5: просто ответьте на это письмо.</p>",
		ReplyTo: "service+Ab3dEf9h@dealer.example", InReplyTo: "01939f5e-0000@dealer.example",
		Unsubscribe: "https://dealer.example/u/Zk1",
	}
}

func TestMailsAreGolden(t *testing.T) {
	english := channels.Message{
		ID: "01939f5e-2a4b-7c3d-8e9f-0a1b2c3d4e60", From: "Maple Motors <service@dealer.example>", To: "john@client.example",
		Subject: "How was your visit?", Text: "Rate your visit from 1 to 5 — just reply.\n" + strings.Repeat("A rather long line of text. ", 8) + "\n",
	}
	for name, m := range map[string]channels.Message{"survey-ru": survey(), "survey-en": english} {
		t.Run(name, func(t *testing.T) {
			l, err := offline(t, "smtp://mx.dealer.example").compose(&m, time.Date(2026, 11, 16, 12, 31, 0, 0, time.FixedZone("MSK", 3*3600)))
			if err != nil {
				t.Fatal(err)
			}
			got := withoutBoundary(wire(l, false))
			file := filepath.Join("testdata", "golden", name+".eml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("a golden file must be there: %v", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the mail changed (-want +got):\n%s", diff)
			}
		})
	}
}

// withoutBoundary replaces the random boundary and the line ends, which git
// would change.
func withoutBoundary(data []byte) []byte {
	if found := regexp.MustCompile(`boundary="?([^"\r\n]+)"?`).FindSubmatch(data); found != nil {
		data = bytes.ReplaceAll(data, found[1], []byte("BOUNDARY"))
	}
	return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
}

// TestMailSurvivesTheStandardLibrary reads a mail with parsers that are not ours
// nor go-mail's.
func TestMailSurvivesTheStandardLibrary(t *testing.T) {
	m := survey()
	l, err := offline(t, "smtp://mx.dealer.example").compose(&m, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range bytes.SplitAfter(wire(l, false), []byte("\n")) {
		if !bytes.HasSuffix(line, []byte("\r\n")) && len(line) > 0 || len(line) > 1000 {
			t.Fatalf("line %q", line)
		}
	}
	msg, err := netmail.ReadMessage(bytes.NewReader(undotted(t, wire(l, false))))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil || subject != m.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	for header, want := range map[string]string{
		"Message-Id": "<" + m.ID + "@dealer.example>", "List-Unsubscribe": "<" + m.Unsubscribe + ">",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "Auto-Submitted": "auto-generated",
		"In-Reply-To": "<" + m.InReplyTo + ">", "References": "<" + m.InReplyTo + ">", "Mime-Version": "1.0",
	} {
		if got := msg.Header[header]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", header, got, want)
		}
	}
	for header, want := range map[string]netmail.Address{
		"From": {Name: "Автосервис «Клён»", Address: "service@dealer.example"},
		"To":   {Name: "Анна Сергеевна", Address: "anna@client.example"}, "Reply-To": {Name: "Автосервис «Клён»", Address: m.ReplyTo},
	} {
		if got, err := netmail.ParseAddress(msg.Header.Get(header)); err != nil || *got != want {
			t.Errorf("%s is %v, %v", header, got, err)
		}
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("content type %q, %v", kind, err)
	}
	r := multipart.NewReader(msg.Body, params["boundary"])
	for _, want := range []string{m.Text, m.HTML} {
		part, err := r.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		if got := decoded(t, part.Header.Get("Content-Transfer-Encoding"), part); strings.ReplaceAll(got, "\r\n", "\n") != want {
			t.Errorf("part %s is %q", part.Header.Get("Content-Type"), got)
		}
	}
}

func decoded(t rapid.TB, encoding string, r io.Reader) string {
	t.Helper()
	switch encoding {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// undotted is a mail without the dots that the wire adds.
func undotted(t rapid.TB, data []byte) []byte {
	t.Helper()
	body, found := bytes.CutSuffix(data, []byte("\r\n.\r\n"))
	if !found {
		t.Fatalf("the mail does not end with a dot: %q", data[max(0, len(data)-20):])
	}
	return bytes.ReplaceAll(append(body, '\r', '\n'), []byte("\n.."), []byte("\n."))
}

func TestEnvelopes(t *testing.T) {
	token := "service+Ab3dEf9h@dealer.example"
	for name, row := range map[string]struct {
		url      string
		m        channels.Message
		from, to string
		utf8     bool
	}{
		"token":                {"smtp://mx.example", channels.Message{To: "a@b.example", ReplyTo: token}, "<" + token + ">", "<a@b.example>", false},
		"no token":             {"smtp://mx.example", channels.Message{To: "a@b.example"}, "<service@dealer.example>", "<a@b.example>", false},
		"strict relay":         {"smtp://mx.example?return-path=from", channels.Message{To: "a@b.example", ReplyTo: token}, "<service@dealer.example>", "<a@b.example>", false},
		"token always":         {"smtp://mx.example?return-path=token", channels.Message{To: "a@b.example", ReplyTo: "x+Ab3dEf9h@replies.example"}, "<x+Ab3dEf9h@replies.example>", "<a@b.example>", false},
		"token with a name":    {"smtp://mx.example", channels.Message{To: "a@b.example", ReplyTo: "Клён <" + token + ">"}, "<" + token + ">", "<a@b.example>", false},
		"token elsewhere":      {"smtp://mx.example", channels.Message{To: "a@b.example", ReplyTo: "x+Ab3dEf9h@replies.example"}, "<service@dealer.example>", "<a@b.example>", false},
		"own sender":           {"smtp://mx.example", channels.Message{From: "Второй <two@dealer.example>", To: "a@b.example"}, "<two@dealer.example>", "<a@b.example>", false},
		"Cyrillic domain":      {"smtp://mx.example", channels.Message{To: "info@пример.рф"}, "<service@dealer.example>", "<info@xn--e1afmkfd.xn--p1ai>", false},
		"Cyrillic local part":  {"smtp://mx.example", channels.Message{To: "анна@пример.рф"}, "<service@dealer.example>", "<анна@xn--e1afmkfd.xn--p1ai>", true},
		"quoted local part":    {"smtp://mx.example", channels.Message{To: `"a b"@b.example`}, "<service@dealer.example>", `<"a b"@b.example>`, false},
		"blanks are forgiven":  {"smtp://mx.example", channels.Message{To: " a@b.example "}, "<service@dealer.example>", "<a@b.example>", false},
		"apostrophe and slash": {"smtp://mx.example", channels.Message{To: "o'neil/x@b.example"}, "<service@dealer.example>", "<o'neil/x@b.example>", false},
	} {
		t.Run(name, func(t *testing.T) {
			row.m.ID = "1"
			l, err := offline(t, row.url).compose(&row.m, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if l.from != row.from || l.to != row.to || l.utf8 != row.utf8 {
				t.Errorf("got %s → %s, utf8 %v", l.from, l.to, l.utf8)
			}
		})
	}
}

func TestUnsendableMessagesFailBeforeTheNetwork(t *testing.T) {
	ok := channels.Message{ID: "1", To: "a@b.example"}
	for name, row := range map[string]struct {
		change func(*channels.Message)
		class  channels.Class
	}{
		"no recipient":          {func(m *channels.Message) { m.To = "" }, channels.Unreachable},
		"no at":                 {func(m *channels.Message) { m.To = "anna" }, channels.Unreachable},
		"two recipients":        {func(m *channels.Message) { m.To = "a@b.example, c@d.example" }, channels.Unreachable},
		"smuggled command":      {func(m *channels.Message) { m.To = "a@b.example>\r\nRCPT TO:<c@d.example" }, channels.Unreachable},
		"smuggled line":         {func(m *channels.Message) { m.To = "a@b.example\n" + "x" }, channels.Unreachable},
		"no id":                 {func(m *channels.Message) { m.ID = "" }, channels.Rejected},
		"id with a line":        {func(m *channels.Message) { m.ID = "1>\r\nBcc: x" }, channels.Rejected},
		"bad sender":            {func(m *channels.Message) { m.From = "nobody" }, channels.Suspended},
		"bad reply address":     {func(m *channels.Message) { m.ReplyTo = "nobody" }, channels.Suspended},
		"smuggled unsubscribe":  {func(m *channels.Message) { m.Unsubscribe = "https://x>\r\nBcc: a@b" }, channels.Rejected},
		"domain without letter": {func(m *channels.Message) { m.To = "a@" }, channels.Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			m := ok
			row.change(&m)
			_, err := offline(t, "smtp://mx.example").compose(&m, time.Now())
			if e := channels.AsError(err); e == nil || e.Class != row.class {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestHeadersCannotBeInjected(t *testing.T) {
	m := channels.Message{ID: "1", To: "a@b.example", ToName: "Eve\r\nBcc: x@y.example", Subject: "Hi\r\nBcc: x@y.example\r\n\r\nbody",
		InReplyTo: "1@x>\r\nBcc: x@y.example", Text: "text"}
	l, err := offline(t, "smtp://mx.example").compose(&m, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	msg, err := netmail.ReadMessage(bytes.NewReader(wire(l, false)))
	if err != nil {
		t.Fatal(err)
	}
	if got := msg.Header.Get("Bcc"); got != "" {
		t.Errorf("Bcc: %s\n%s", got, wire(l, false))
	}
}

func TestConfigurationErrors(t *testing.T) {
	const secret = "hunter2"
	ok := Config{SMTPURL: "smtp://bot:hunter2@mx.example", From: "a@b.example"}
	if _, err := New(ok); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{
		"no SMTP":         {From: ok.From},
		"broken URL":      {SMTPURL: "smtp://bot:hunter2%@mx", From: ok.From},
		"wrong scheme":    {SMTPURL: "http://bot:hunter2@mx", From: ok.From},
		"no host":         {SMTPURL: "smtp://bot:hunter2@", From: ok.From},
		"open password":   {SMTPURL: "smtp+insecure://bot:hunter2@mx.example", From: ok.From},
		"tls=none abroad": {SMTPURL: "smtp://bot:hunter2@mx.example?tls=none", From: ok.From},
		"tls nonsense":    {SMTPURL: "smtp://bot:hunter2@mx.example?tls=maybe", From: ok.From},
		"return path":     {SMTPURL: "smtp://bot:hunter2@mx.example?return-path=x", From: ok.From},
		"no From":         {SMTPURL: ok.SMTPURL},
		"IMAP scheme":     {SMTPURL: ok.SMTPURL, From: ok.From, IMAPURL: "pop3://bot:hunter2@mx"},
		"domain":          {SMTPURL: ok.SMTPURL, From: ok.From, Domain: "a b"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(c)
			if err == nil || strings.Contains(err.Error(), secret) {
				t.Errorf("got %v", err)
			}
		})
	}
	_, err := New(Config{IMAPURL: "x://"})
	for _, part := range []string{"SMTP", "IMAP", "From"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not name %s", err, part)
		}
	}
}

// wire is a letter as it goes out.
func wire(l *letter, eightBit bool) []byte {
	var w writer
	w.mail(l, eightBit)
	return w.out
}
