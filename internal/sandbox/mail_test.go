package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/jhillyerd/enmime/v2"
	gomail "github.com/wneessen/go-mail"

	"otklik/channels"
)

const reader = "ivan@example.org"

func (b *bench) smtp(t *testing.T, options ...gomail.Option) *gomail.Client {
	t.Helper()
	u, err := url.Parse(b.SMTPURL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	c, err := gomail.NewClient(u.Hostname(), append([]gomail.Option{gomail.WithPort(port), gomail.WithTLSPolicy(gomail.NoTLS)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mailTo(t *testing.T, to, subject, text, html string) *gomail.Msg {
	t.Helper()
	m := gomail.NewMsg()
	if err := errors.Join(m.FromFormat("Мария Орлова, Автоцентр Юг", "service@demo.otklik.example"), m.To(to),
		m.ReplyTo("service+k7f3q9@demo.otklik.example")); err != nil {
		t.Fatal(err)
	}
	m.Subject(subject)
	m.SetMessageIDWithValue("0190-first@demo.otklik.example")
	m.SetGenHeader("References", "<0189-before@demo.otklik.example>")
	m.SetBodyString(gomail.TypeTextPlain, text)
	if html != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, html)
	}
	return m
}

func TestSMTPPutsTheMailOnThePhone(t *testing.T) {
	b := newBench(t, memory(t))
	m := mailTo(t, "Ivan@Example.org", "Иван Петрович, всё ли хорошо?", "Оцените ремонт.\n\nСпасибо!\n", "<html><body><p>Оцените <b>ремонт</b></p></body></html>")
	if err := b.smtp(t).DialAndSend(m); err != nil {
		t.Fatal(err)
	}
	thread := b.Phones.Thread(channels.Email, reader)
	if len(thread) != 1 {
		t.Fatalf("unexpected thread: %+v", thread)
	}
	i := thread[0]
	if i.Subject != "Иван Петрович, всё ли хорошо?" || i.Text != "Оцените ремонт.\n\nСпасибо!" || !strings.Contains(i.HTML, "<b>ремонт</b>") ||
		i.ReplyTo != "service+k7f3q9@demo.otklik.example" || i.MessageID != "<0190-first@demo.otklik.example>" || i.ID != i.MessageID || !i.FromDealer {
		t.Errorf("unexpected item: %+v", i)
	}
	if from, err := mail.ParseAddress(i.Peer); err != nil || from.Name != "Мария Орлова, Автоцентр Юг" || from.Address != ourMail {
		t.Errorf("sender %q, %v", i.Peer, err)
	}
}

func TestSMTPAuth(t *testing.T) {
	b := newBench(t, memory(t))
	u, _ := url.Parse(b.SMTPURL)
	password, _ := u.User.Password()
	for _, c := range []struct {
		password string
		ok       bool
	}{{password, true}, {"wrong", false}} {
		client := b.smtp(t, gomail.WithSMTPAuth(gomail.SMTPAuthPlainNoEnc), gomail.WithUsername(u.User.Username()), gomail.WithPassword(c.password))
		if err := client.DialAndSend(mailTo(t, reader, "x", "x", "")); (err == nil) != c.ok {
			t.Errorf("password %q: %v", c.password, err)
		}
	}
}

func TestSMTPOffersPipelining(t *testing.T) {
	b := newBench(t, memory(t))
	u, _ := url.Parse(b.SMTPURL)
	nc, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	c := textproto.NewConn(nc)
	defer c.Close()
	if _, _, err := c.ReadResponse(220); err != nil {
		t.Fatal(err)
	}
	if err := c.PrintfLine("EHLO client.example"); err != nil {
		t.Fatal(err)
	}
	_, offer, err := c.ReadResponse(250)
	if err != nil {
		t.Fatal(err)
	}
	for _, extension := range []string{"PIPELINING", "8BITMIME", "AUTH PLAIN"} {
		if !strings.Contains(offer, extension) {
			t.Errorf("%s is not offered in %q", extension, offer)
		}
	}
	// A whole group of commands in one write, as RFC 2920 allows, for two mails
	// of which the first is refused.
	group := "MAIL FROM:<a@b.example>\r\nRCPT TO:<x@bounce.example>\r\nRSET\r\n" +
		"MAIL FROM:<a@b.example>\r\nRCPT TO:<" + reader + ">\r\nDATA\r\n"
	if _, err := io.WriteString(nc, group); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{250, 550, 250, 250, 250, 354} {
		if code, text, err := c.ReadResponse(want); err != nil {
			t.Fatalf("%d %s: %v", code, text, err)
		}
	}
	if err := c.PrintfLine("Subject: raw\r\nFrom: a@b.example\r\n\r\nhello\r\n."); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.ReadResponse(250); err != nil {
		t.Fatal(err)
	}
	if got := b.Phones.Thread(channels.Email, reader); len(got) != 1 || got[0].Text != "hello" {
		t.Errorf("unexpected thread: %+v", got)
	}
}

func TestSMTPRefusesUnknownRecipients(t *testing.T) {
	b := newBench(t, memory(t))
	if err := b.Phones.Refuse(channels.Email, "Full@example.org", 452); err != nil {
		t.Fatal(err)
	}
	if err := b.Phones.Refuse(channels.Email, "gone@example.org", 550); err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{"x@bounce.example": "5.1.1", "gone@example.org": "5.1.1", "full@example.org": "4.2.2"} {
		err := b.smtp(t).DialAndSend(mailTo(t, to, "x", "x", ""))
		var e *gomail.SendError
		if !errors.As(err, &e) || e.EnhancedStatusCode() != want {
			t.Errorf("%s: %v, want %s", to, err, want)
		}
	}
}

// inbox fetches the whole of our mailbox as the channel does, by UID.
func (b *bench) inbox(t *testing.T) (validity uint32, mails map[imap.UID][]byte) {
	t.Helper()
	u, _ := url.Parse(b.IMAPURL)
	c, err := imapclient.DialInsecure(u.Host, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	password, _ := u.User.Password()
	if err := c.Login(u.User.Username(), password).Wait(); err != nil {
		t.Fatal(err)
	}
	box, err := c.Select("INBOX", nil).Wait()
	if err != nil {
		t.Fatal(err)
	}
	status, err := c.Status("INBOX", &imap.StatusOptions{UIDValidity: true}).Wait()
	if err != nil || status.UIDValidity != box.UIDValidity {
		t.Errorf("STATUS says UIDVALIDITY %v, SELECT %d: %v", status, box.UIDValidity, err)
	}
	all := imap.UIDSet{}
	all.AddRange(1, 0)
	section := &imap.FetchItemBodySection{Peek: true}
	found, err := c.Fetch(all, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	mails = map[imap.UID][]byte{}
	for _, m := range found {
		mails[m.UID] = m.FindBodySection(section)
	}
	return box.UIDValidity, mails
}

func TestReplyIsWhatAMailClientWrites(t *testing.T) {
	for _, c := range []struct {
		locale, subject, text, reply, attribution string
	}{
		{"ru", "Всё ли хорошо после ремонта?", "Оцените ремонт.\n\nСпасибо!", "4\nдолго искали машину на стоянке",
			"пт, 13 мар. 2026 г. в 11:00, Мария Орлова, Автоцентр Юг <service@demo.otklik.example>:"},
		{"en", "Is everything OK?", "Please rate us.\n\nThanks!", "5 & <thanks>",
			"On Fri, Mar 13, 2026 at 11:00, Мария Орлова, Автоцентр Юг <service@demo.otklik.example> wrote:"},
		{"zh", "您的爱车保养后一切正常吗?", "请评分。\n\n谢谢!", "五分,很满意",
			"Мария Орлова, Автоцентр Юг <service@demo.otklik.example> 于2026年3月13日周五 11:00写道:"},
	} {
		t.Run(c.locale, func(t *testing.T) {
			b := newBench(t, memory(t))
			if err := b.smtp(t).DialAndSend(mailTo(t, reader, c.subject, c.text, "<html><head><title>t</title></head><body><p>HTML-original</p></body></html>")); err != nil {
				t.Fatal(err)
			}
			if err := b.Write(t.Context(), channels.Email, reader, c.reply); err != nil {
				t.Fatal(err)
			}
			_, mails := b.inbox(t)
			raw := mails[1]
			if len(mails) != 1 || raw == nil {
				t.Fatalf("mailbox holds %d mails", len(mails))
			}
			for i, line := range bytes.Split(raw, []byte("\r\n")) {
				if len(line) > 998 || bytes.ContainsFunc(line, func(r rune) bool { return r > 126 || r == '\n' }) {
					t.Errorf("line %d is no 7-bit line of RFC 5322: %q", i+1, line)
				}
			}
			env, err := enmime.ReadEnvelope(bytes.NewReader(raw))
			if err != nil || len(env.Errors) != 0 {
				t.Fatalf("parsing the reply: %v %v", err, env.Errors)
			}
			quoted := "> " + strings.ReplaceAll(strings.ReplaceAll(c.text, "\n\n", "\n>\n> "), "> >", ">")
			want := c.reply + "\n\n" + c.attribution + "\n" + quoted + "\n"
			if got := strings.ReplaceAll(env.Text, "\r\n", "\n"); got != want {
				t.Errorf("text:\n%s\nwant:\n%s", got, want)
			}
			for header, want := range map[string]string{
				"To": "<service+k7f3q9@demo.otklik.example>", "From": "<" + reader + ">", "Subject": "Re: " + c.subject,
				"In-Reply-To": "<0190-first@demo.otklik.example>", "Date": "Fri, 13 Mar 2026 11:00:00 +0300",
				"References": "<0189-before@demo.otklik.example> <0190-first@demo.otklik.example>",
			} {
				if got := env.GetHeader(header); got != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
			if !strings.Contains(env.HTML, "gmail_quote") || !strings.Contains(env.HTML, "<p>HTML-original</p></blockquote>") || strings.Contains(env.HTML, "<thanks>") {
				t.Errorf("html: %s", env.HTML)
			}
			thread := b.Phones.Thread(channels.Email, reader)
			if len(thread) != 2 || thread[1].FromDealer || thread[1].Text != c.reply || thread[1].Peer != "service+k7f3q9@demo.otklik.example" ||
				env.GetHeader("Message-ID") != thread[1].ID {
				t.Errorf("unexpected thread: %+v", thread)
			}
		})
	}
}

func TestFirstMailGoesToOurMailbox(t *testing.T) {
	b := newBench(t, memory(t))
	if err := b.Write(t.Context(), channels.Email, "New@Example.org", "Сколько стоит ТО-5?"); err != nil {
		t.Fatal(err)
	}
	_, mails := b.inbox(t)
	env, err := enmime.ReadEnvelope(bytes.NewReader(mails[1]))
	if err != nil {
		t.Fatal(err)
	}
	if env.GetHeader("To") != "<"+ourMail+">" || env.GetHeader("In-Reply-To") != "" || strings.TrimSpace(env.Text) != "Сколько стоит ТО-5?" {
		t.Errorf("unexpected mail: %s", mails[1])
	}
}

func TestIMAPIdleHearsOfAReply(t *testing.T) {
	b := newBench(t, memory(t))
	u, _ := url.Parse(b.IMAPURL)
	heard := make(chan uint32, 8)
	c, err := imapclient.DialInsecure(u.Host, &imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Mailbox: func(data *imapclient.UnilateralDataMailbox) {
			if data.NumMessages != nil {
				heard <- *data.NumMessages
			}
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(ourMail, "wrong").Wait(); err == nil {
		t.Error("logged in with a wrong password")
	}
	password, _ := u.User.Password()
	if err := c.Login(ourMail, password).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	idle, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Write(context.Background(), channels.Email, reader, "5"); err != nil {
		t.Fatal(err)
	}
	if n := <-heard; n != 1 {
		t.Errorf("IDLE tells of %d mails", n)
	}
	if err := errors.Join(idle.Close(), idle.Wait()); err != nil {
		t.Error(err)
	}
}

// login opens the mailbox and leaves it.
func (b *bench) login(t *testing.T) error {
	t.Helper()
	u, _ := url.Parse(b.IMAPURL)
	c, err := imapclient.DialInsecure(u.Host, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	password, _ := u.User.Password()
	return c.Login(u.User.Username(), password).Wait()
}
