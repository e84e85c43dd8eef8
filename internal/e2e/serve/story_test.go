package serve_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/mail"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jhillyerd/enmime/v2"

	"otklik/channels"
	"otklik/channels/email/mailtest"
	"otklik/internal/store/storetest"
	"otklik/internal/testserver"
)

// complaint is issue 2's answer: two, not three.
const complaint = "2. ждал 3 часа, и стук остался"

// TestSMS is the main job by SMS: a visit by the API, the survey on the phone, the
// answer, the callback with the customer's words, the promise who calls until when.
func TestSMS(t *testing.T) {
	onEngines(t, func(t *testing.T, db string) {
		w := newTown(t, db)
		w.open(w.sms()...)
		const phone = "+79000000101"
		w.api.post("visits", visit("1001", due, map[string]any{"name": "Иванов Иван Петрович", "phones": []string{phone}}))
		if m := w.arrived(channels.SMS, phone, 1); !strings.Contains(m.Text, "Иван Петрович") || !strings.Contains(m.Text, "LADA Vesta") {
			t.Errorf("survey: %q", m.Text)
		}
		w.write(channels.SMS, phone, complaint)
		if m := w.arrived(channels.SMS, phone, 2); !strings.Contains(m.Text, "Мария Орлова") {
			t.Errorf("promise: %q", m.Text)
		}
		w.understood("1001", channels.SMS)
		testserver.Wait(t, "the delivery report is in", func() bool {
			for _, m := range w.api.list("messages", url.Values{"phone": {phone}}) {
				if m["direction"] == "out" && m["state"] != "delivered" {
					return false
				}
			}
			return true
		})
		if ms := w.api.order("messages", "1001"); len(ms) != 3 {
			t.Errorf("messages: %v", ms)
		}
	})
}

// understood checks what the API shows of an order whose customer complained.
func (w *town) understood(order string, ch channels.Kind) {
	w.t.Helper()
	cbs := w.api.order("callbacks", order)
	if len(cbs) != 1 || cbs[0]["state"] != "open" || !strings.Contains(cbs[0]["words"].(string), "стук остался") || cbs[0]["due_at"] == "" || cbs[0]["reason"] == "" {
		w.t.Errorf("callbacks: %v", cbs)
	}
	rs := w.api.order("responses", order)
	if len(rs) != 1 {
		w.t.Fatalf("responses: %v", rs)
	}
	a := rs[0]["answers"].([]any)[0].(item)
	if a["rating"] != 2.0 || !strings.Contains(a["comment"].(string), "ждал 3 часа") || strings.Contains(a["comment"].(string), ">") || a["channel"] != string(ch) {
		w.t.Errorf("answer: %v", a)
	}
	ds := w.api.order("decisions", order)
	if len(ds) == 0 || ds[len(ds)-1]["verdict"] == "" || ds[0]["text"] == "" {
		w.t.Errorf("decisions: %v", ds)
	}
}

// TestEmail is the same by mail through postfix and dovecot: a real SMTP session
// out, a reply with the quote below it into a real mailbox, IMAP in.
func TestEmail(t *testing.T) {
	servers := mailtest.Start(t)
	for _, engine := range []string{"sqlite", "postgres"} {
		// One mailbox: one after the other, each with its own order and words.
		t.Run(engine, func(t *testing.T) {
			w := newTown(t, storetest.URL(t, engine))
			w.open("SSL_CERT_FILE="+servers.CAFile, "OTKLIK_SMTP_URL="+servers.SMTPURL, "OTKLIK_IMAP_URL="+servers.IMAPURL, "OTKLIK_EMAIL_FROM=Автоцентр Юг <"+mailtest.Service+">")
			order := "2001-" + engine
			before := len(servers.Mailbox(t, mailtest.Anna))
			w.api.post("visits", visit(order, due, map[string]any{"name": "Смирнова Анна Сергеевна", "emails": []string{mailtest.Anna}}))
			survey := mailTo(t, servers, before+1)
			token, ok := strings.CutPrefix(strings.TrimSuffix(survey.replyTo, "@"+mailtest.DealerDomain), "service+")
			if !ok || !strings.Contains(survey.text, "Анна Сергеевна") || !strings.Contains(survey.text, "/s/"+token) || survey.id == "" {
				t.Fatalf("survey: %+v", survey)
			}
			servers.Deliver(t, mailtest.Anna, survey.replyTo, answer(survey, order+"@client.test", complaint))
			if m := mailTo(t, servers, before+2); !strings.Contains(m.text, "Мария Орлова") || !strings.Contains(m.inReplyTo, order+"@client.test") {
				t.Errorf("promise: %+v", m)
			}
			w.understood(order, channels.Email)
			for _, m := range w.api.order("messages", order) {
				if text := m["text"].(string); m["direction"] == "in" && strings.Contains(text, "писал") {
					t.Errorf("the quote is part of the text: %q", text)
				}
			}
		})
	}
}

// letter is what a test looks at in a mail.
type letter struct{ id, replyTo, inReplyTo, subject, text string }

// mailTo waits for the n-th mail in Anna's mailbox.
func mailTo(t *testing.T, s *mailtest.Server, n int) letter {
	t.Helper()
	var raw [][]byte
	testserver.Wait(t, "the mail is in the mailbox", func() bool {
		raw = s.Mailbox(t, mailtest.Anna)
		return len(raw) >= n
	})
	m, err := enmime.ReadEnvelope(bytes.NewReader(raw[n-1]))
	if err != nil {
		t.Fatal(err)
	}
	l := letter{id: m.GetHeader("Message-ID"), inReplyTo: m.GetHeader("In-Reply-To"), subject: m.GetHeader("Subject"), text: m.Text}
	if to, err := mail.ParseAddress(m.GetHeader("Reply-To")); err == nil {
		l.replyTo = to.Address
	}
	return l
}

// answer is a mail as a client writes it, with the original quoted below.
func answer(to letter, id, text string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "From: Anna <%s>\nTo: <%s>\nSubject: =?utf-8?B?%s?=\nMessage-ID: <%s>\nIn-Reply-To: %s\nDate: %s\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n",
		mailtest.Anna, to.replyTo, base64.StdEncoding.EncodeToString([]byte("Re: "+to.subject)), id, to.id, time.Now().Format(time.RFC1123Z))
	fmt.Fprintf(&b, "%s\n\nпн, 23 нояб. 2026 г. в 10:00, Автоцентр Юг <service@dealer.test> писал(а):\n> %s\n", text, strings.ReplaceAll(strings.TrimSpace(to.text), "\n", "\n> "))
	return []byte(b.String())
}

// TestTelegram is the same in a chat that the customer opened by the link of his
// mail, with updates polled and pushed.
func TestTelegram(t *testing.T) {
	for mode, engine := range map[string]string{"poll": "sqlite", "webhook": "postgres"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newTown(t, storetest.URL(t, engine))
			n := w.open(append(w.mail(), w.telegram(mode)...)...)
			const address, chat = "olga@example.org", "42000001"
			w.api.post("visits", visit("3001", due, map[string]any{"name": "Петрова Ольга Ивановна", "emails": []string{address}}))
			token, _, _ := strings.Cut(strings.TrimPrefix(w.arrived(channels.Email, address, 1).ReplyTo, "service+"), "@")
			if mode == "webhook" {
				testserver.Wait(t, "the webhook is set", func() bool { return strings.Contains(n.webhook(w), "/hooks/telegram") })
			}
			if err := w.servers.StartBot(t.Context(), chat, "Ольга", token); err != nil {
				t.Fatal(err)
			}
			if m := w.arrived(channels.Telegram, chat, 1); !strings.Contains(m.Text, "Ольга Ивановна") {
				t.Errorf("welcome: %q", m.Text)
			}
			if question := w.arrived(channels.Telegram, chat, 2); len(question.Buttons) == 0 {
				t.Errorf("question without buttons: %+v", question)
			}
			w.write(channels.Telegram, chat, complaint)
			if m := w.arrived(channels.Telegram, chat, 3); !strings.Contains(m.Text, "Мария Орлова") {
				t.Errorf("promise: %q", m.Text)
			}
			w.understood("3001", channels.Telegram)
		})
	}
}

// webhook is what the provider says of the bot's webhook.
func (n *node) webhook(w *town) string {
	_, text := do(n.t, http.MethodGet, w.servers.TelegramBase+"/bot"+botToken+"/getWebhookInfo", nil, "")
	return text
}
