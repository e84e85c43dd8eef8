package email

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/email/mailtest"
	"otklik/internal/testserver"
)

// errEnough ends a poll when a test has what it came for.
var errEnough = errors.New("enough")

// poll gives the first event from cursor on that wanted accepts.
func poll(t *testing.T, c *Channel, cursor string, wanted func(channels.Event) bool) (channels.Event, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var (
		event channels.Event
		at    string
	)
	err := c.Poll(ctx, cursor, func(_ context.Context, e channels.Event, cur string) error {
		at = cur
		if wanted(e) {
			event = e
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatalf("polling: %v", err)
	}
	return event, at
}

// TestMailThroughPostfixAndDovecot lives a survey through servers that we did not
// write: out over STARTTLS with a login, into a real mailbox; an answer back to
// the address with the token, read over IMAP; a dead address whose DSN names the
// message.
func TestMailThroughPostfixAndDovecot(t *testing.T) {
	server := mailtest.Start(t)
	c, err := New(Config{
		SMTPURL: server.SMTPURL, IMAPURL: server.IMAPURL, TLS: server.TLS,
		From: "Автосервис «Клён» <" + mailtest.Service + ">",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Check(t.Context()); err != nil {
		t.Errorf("checking: %v", err)
	}

	survey := channels.Message{
		ID: "01939f5e-0000-7000-8000-00000000aa01", To: mailtest.Anna, ToName: "Анна Сергеевна",
		Subject: "Анна Сергеевна, как прошёл визит?", Text: "Оцените визит от 1 до 5: просто ответьте на это письмо.\n",
		HTML:    "<p>Оцените визит от <b>1</b> до <b>5</b>.</p>",
		ReplyTo: "service+Ab3dEf9h@" + mailtest.DealerDomain, Unsubscribe: "https://dealer.test/u/abc",
	}
	receipt, err := c.Send(t.Context(), survey)
	if err != nil {
		t.Fatal(err)
	}
	var arrived []byte
	testserver.Wait(t, "the survey is in Anna's mailbox", func() bool {
		if mails := server.Mailbox(t, mailtest.Anna); len(mails) > 0 {
			arrived = mails[0]
		}
		return arrived != nil
	})
	got := Parse(arrived)
	if got.MessageID != receipt.ProviderID || got.Subject != survey.Subject || !strings.Contains(got.Raw, "Оцените визит от 1 до 5") {
		t.Errorf("the mail in the mailbox is %+v", got)
	}
	if !strings.Contains(string(arrived), "Return-Path: <service+Ab3dEf9h@dealer.test>") {
		t.Error("the envelope sender does not carry the token")
	}

	reply := fmt.Sprintf("From: =?utf-8?B?0JDQvdC90LA=?= <%s>\nTo: service+Ab3dEf9h@%s\nSubject: Re: %s\nMessage-ID: <answer-1@client.test>\nIn-Reply-To: <%s>\nDate: Mon, 16 Nov 2026 12:40:00 +0300\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n4, долго искали машину на стоянке\n\nпн, 16 нояб. 2026 г. в 12:31, Автосервис «Клён» <service@dealer.test>:\n\n> Оцените визит от 1 до 5\n\n--\nОтправлено из мобильной Почты Mail.ru\n",
		mailtest.Anna, mailtest.DealerDomain, "visit", receipt.ProviderID)
	server.Deliver(t, mailtest.Anna, "service+Ab3dEf9h@"+mailtest.DealerDomain, []byte(reply))
	event, cursor := poll(t, c, "", func(e channels.Event) bool { return e.Inbound != nil })
	in := event.Inbound
	if in.Text != "4, долго искали машину на стоянке" || in.Token != "Ab3dEf9h" || in.From != mailtest.Anna || in.FromName != "Анна" ||
		in.ProviderID != "answer-1@client.test" || in.Automatic || len(in.References) != 1 || in.References[0] != receipt.ProviderID {
		t.Errorf("the answer is read as %+v", in)
	}

	box, err := openMailbox(t.Context(), c.imap, c.imap.tlsConfig(server.TLS), c.mailbox, patience)
	if err != nil {
		t.Fatal(err)
	}
	at, _ := parsePosition(cursor)
	if again, err := box.after(at.uid, false, time.Time{}); err != nil || len(again) != 0 {
		t.Errorf("behind the cursor: %v, %v", again, err)
	}
	box.close()

	// The bounce comes while the poll waits in IDLE: the mail to the dead address
	// leaves when the mail before it has been marked read.
	gone := survey
	gone.ID, gone.To = "01939f5e-0000-7000-8000-00000000aa02", "boris@"+mailtest.GoneDomain
	server.Deliver(t, mailtest.Anna, mailtest.Service, []byte("From: "+mailtest.Anna+"\nTo: "+mailtest.Service+"\nSubject: one more\n\nthanks\n"))
	sent := make(chan error, 2)
	event, _ = poll(t, c, cursor, func(e channels.Event) bool {
		if e.Inbound != nil {
			go func() {
				// One mail stays unread: the answer that ended the first poll.
				tick := time.NewTicker(5 * time.Millisecond)
				defer tick.Stop()
				for server.Unread(t, mailtest.Service) > 1 {
					select {
					case <-tick.C:
					case <-t.Context().Done():
						return
					}
				}
				_, err := c.Send(t.Context(), gone)
				sent <- err
			}()
		}
		return e.Report != nil
	})
	if err := <-sent; err != nil {
		t.Fatalf("postfix takes the mail and returns it later: %v", err)
	}
	r := event.Report
	if r.MessageID != gone.ID || r.State != channels.StateUndelivered || r.Class != channels.Unreachable || r.Reason != channels.ReasonBadAddress ||
		r.Code != "5.1.1" || r.Address != gone.To {
		t.Errorf("the bounce is read as %+v", r)
	}
}

// TestBadPasswordAndUnknownCertificate stop the account and say nothing secret.
func TestBadPasswordAndUnknownCertificate(t *testing.T) {
	server := mailtest.Start(t)
	for name, c := range map[string]Config{
		"password":    {SMTPURL: strings.Replace(server.SMTPURL, "word@", "swordfish@", 1), IMAPURL: strings.Replace(server.IMAPURL, "word@", "swordfish@", 1), TLS: server.TLS},
		"certificate": {SMTPURL: server.SMTPURL, IMAPURL: server.IMAPURL},
	} {
		t.Run(name, func(t *testing.T) {
			c.From = mailtest.Service
			ch, err := New(c)
			if err != nil {
				t.Fatal(err)
			}
			defer ch.Close()
			_, err = ch.Send(t.Context(), channels.Message{ID: "1", To: mailtest.Anna, Text: "x"})
			if e := channels.AsError(err); e == nil || e.Class != channels.Suspended || e.Scope != channels.ScopeAccount || e.Reason != channels.ReasonConfig {
				t.Errorf("sending: %v", err)
			}
			pollErr := ch.Poll(t.Context(), "", func(context.Context, channels.Event, string) error { return nil })
			if pollErr == nil {
				t.Error("polling succeeded")
			}
			checkErr := ch.Check(t.Context())
			if checkErr == nil || !strings.Contains(checkErr.Error(), "sending by 127.0.0.1:") || !strings.Contains(checkErr.Error(), "opening the mailbox at 127.0.0.1:") {
				t.Errorf("checking says %v", checkErr)
			}
			for _, e := range []error{err, pollErr, checkErr} {
				if e != nil && (strings.Contains(e.Error(), "s3cret") || strings.Contains(e.Error(), "swordfish")) {
					t.Errorf("a password shows in %v", e)
				}
			}
		})
	}
}
