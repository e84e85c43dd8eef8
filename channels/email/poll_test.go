package email

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"otklik/channels"
	"otklik/internal/testserver"
)

// memory is an IMAP server in this process, for what dovecot cannot be made to
// do quickly.
type memory struct {
	user    *imapmemserver.User
	channel *Channel
}

// startMemory starts one with IDLE, and without when bare.
func startMemory(t *testing.T, bare bool) *memory {
	t.Helper()
	server := imapmemserver.New()
	user := imapmemserver.NewUser("bot", "s3cret")
	server.AddUser(user)
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	caps := imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}}
	if bare {
		caps = imap.CapSet{imap.CapIMAP4rev1: {}}
	}
	s := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return server.NewSession(), nil, nil
		},
		Caps:         caps,
		InsecureAuth: true,
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-served })
	c, err := New(Config{SMTPURL: "smtp://mx.example", From: "service@dealer.example", IMAPURL: "imap+insecure://bot:s3cret@" + l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	c.idleFor, c.pause = 50*time.Millisecond, 50*time.Millisecond
	return &memory{user, c}
}

func (m *memory) add(t *testing.T, raw string, flags ...imap.Flag) {
	t.Helper()
	m.addAt(t, raw, time.Now(), flags...)
}

// addAt adds a mail that came at a given time.
func (m *memory) addAt(t *testing.T, raw string, came time.Time, flags ...imap.Flag) {
	t.Helper()
	raw = strings.ReplaceAll(raw, "\n", "\r\n")
	if _, err := m.user.Append("INBOX", literal{bytes.NewReader([]byte(raw))}, &imap.AppendOptions{Flags: flags, Time: came}); err != nil {
		t.Fatal(err)
	}
}

type literal struct{ *bytes.Reader }

func (m *memory) unread(t *testing.T) uint32 {
	t.Helper()
	s, err := m.user.Status("INBOX", &imap.StatusOptions{NumUnseen: true})
	if err != nil || s.NumUnseen == nil {
		t.Fatalf("status: %v", err)
	}
	return *s.NumUnseen
}

func simpleMail(n int) string {
	return fmt.Sprintf("From: Anna <anna@client.example>\nTo: service+tok%05d@dealer.example\nMessage-ID: <m%d@client.example>\nSubject: Re: visit\n\n%d\n", n, n, n)
}

// heard is what Poll emitted.
type heard struct {
	text, cursor string
	attachments  []channels.Attachment
}

// listen polls until stop says so or the poll ends, and gives what it heard.
func (m *memory) listen(t *testing.T, cursor string, stop func(all []heard) error) (all []heard, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = m.channel.Poll(ctx, cursor, func(_ context.Context, e channels.Event, at string) error {
		h := heard{cursor: at}
		if e.Inbound != nil {
			h.text, h.attachments = e.Inbound.Text, e.Inbound.Attachments
		} else {
			h.text = "report " + e.Report.Address
		}
		all = append(all, h)
		return stop(all)
	})
	return all, err
}

func after(n int) func([]heard) error {
	return func(all []heard) error {
		if len(all) >= n {
			return errEnough
		}
		return nil
	}
}

func texts(all []heard) string {
	var out []string
	for _, h := range all {
		out = append(out, h.text)
	}
	return strings.Join(out, " ")
}

func TestPollTakesEachMailOnce(t *testing.T) {
	m := startMemory(t, false)
	m.add(t, simpleMail(1), imap.FlagSeen) // read long ago
	m.add(t, simpleMail(2))
	m.add(t, simpleMail(3))
	first, err := m.listen(t, "", after(2))
	if !errors.Is(err, errEnough) || texts(first) != "2 3" {
		t.Fatalf("heard %q, %v", texts(first), err)
	}
	// The last mail was refused by emit: it is not marked read and comes again.
	if got := m.unread(t); got != 1 {
		t.Errorf("%d unread", got)
	}
	m.add(t, simpleMail(4), imap.FlagSeen) // a colleague has opened it in webmail
	second, err := m.listen(t, first[0].cursor, after(2))
	if !errors.Is(err, errEnough) || texts(second) != "3 4" {
		t.Fatalf("heard %q, %v", texts(second), err)
	}
}

func TestPollHearsWhatArrivesWhileItWaits(t *testing.T) {
	for name, bare := range map[string]bool{"with IDLE": false, "without": true} {
		t.Run(name, func(t *testing.T) { hearsLater(t, startMemory(t, bare)) })
	}
}

func hearsLater(t *testing.T, m *memory) {
	m.add(t, simpleMail(1), imap.FlagSeen)
	m.add(t, simpleMail(2))
	all, err := m.listen(t, "", func(all []heard) error {
		switch len(all) {
		case 1:
			m.add(t, simpleMail(3))
			go m.addLater(t)
		case 3:
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) || texts(all) != "2 3 4" {
		t.Fatalf("heard %q, %v", texts(all), err)
	}
}

// addLater adds a mail when the poll has marked the earlier ones read, that is,
// when it is about to wait.
func (m *memory) addLater(t *testing.T) {
	testserver.Wait(t, "all is read", func() bool { return m.unread(t) == 0 })
	m.add(t, simpleMail(4))
}

func TestPollStartsAnewInAMailboxMadeAnew(t *testing.T) {
	m := startMemory(t, false)
	m.add(t, simpleMail(1))
	m.add(t, simpleMail(2), imap.FlagSeen)
	all, err := m.listen(t, "4711:900", after(1))
	if !errors.Is(err, errEnough) || texts(all) != "1" {
		t.Fatalf("heard %q, %v", texts(all), err)
	}
	if strings.HasPrefix(all[0].cursor, "4711:") {
		t.Errorf("cursor %q", all[0].cursor)
	}
}

// A bounce of several recipients is several events; the cursor moves behind the
// mail with the last of them.
func TestCursorMovesWithTheLastEventOfAMail(t *testing.T) {
	m := startMemory(t, false)
	m.add(t, simpleMail(1))
	m.add(t, `From: MAILER-DAEMON@mx.example
To: service@dealer.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; one@client.example
Action: failed
Status: 5.1.1

Final-Recipient: rfc822; two@client.example
Action: failed
Status: 5.2.2

--b--
`)
	all, err := m.listen(t, "", after(3))
	if !errors.Is(err, errEnough) || texts(all) != "1 report one@client.example report two@client.example" {
		t.Fatalf("heard %q, %v", texts(all), err)
	}
	if all[1].cursor != all[0].cursor || all[2].cursor == all[1].cursor {
		t.Errorf("cursors %+v", all)
	}
}

// TestFirstLookLeavesOldMail: a mailbox that others have used before is not
// answered, and what they have not read stays unread.
func TestFirstLookLeavesOldMail(t *testing.T) {
	since := time.Now().Add(-time.Hour)
	for name, cursor := range map[string]string{"a first start": "", "a mailbox made anew": "4711:900"} {
		t.Run(name, func(t *testing.T) {
			m := startMemory(t, false)
			m.channel.since = func(context.Context) (time.Time, error) { return since, nil }
			m.addAt(t, simpleMail(1), since.AddDate(0, -2, 0))
			m.addAt(t, simpleMail(2), since.Add(-time.Minute))
			m.addAt(t, simpleMail(3), since.Add(time.Minute))
			all, err := m.listen(t, cursor, func(all []heard) error {
				switch len(all) {
				case 1:
					// What comes later counts, whatever date it was given.
					m.addAt(t, simpleMail(4), since.AddDate(0, -1, 0))
				case 2:
					return errEnough
				}
				return nil
			})
			if !errors.Is(err, errEnough) || texts(all) != "3 4" {
				t.Fatalf("heard %q, %v", texts(all), err)
			}
			if got := m.unread(t); got != 3 {
				t.Errorf("%d unread", got)
			}
		})
	}
	m := startMemory(t, false)
	m.channel.since = func(context.Context) (time.Time, error) { return since, errors.New("the database is away") }
	m.add(t, simpleMail(1))
	if all, err := m.listen(t, "", after(1)); err == nil || errors.Is(err, errEnough) || len(all) != 0 {
		t.Errorf("heard %q, %v", texts(all), err)
	}
}

func TestPollEndsWithItsContextAndItsServer(t *testing.T) {
	m := startMemory(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	m.add(t, simpleMail(1))
	err := m.channel.Poll(ctx, "", func(context.Context, channels.Event, string) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	c := offline(t, "smtp://mx.example")
	if err := c.Poll(t.Context(), "", nil); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("got %v", err)
	}
}

func TestEventsOfMails(t *testing.T) {
	c := offline(t, "smtp://mx.example")
	const id = "01939f5e-2a4b-7c3d-8e9f-0a1b2c3d4e5f"
	dsn := func(fields, returned string) string {
		return "From: MAILER-DAEMON@mx.example\nTo: service+Ab3dEf9h@dealer.example\nSubject: Undelivered\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n" + fields + "\n--b\nContent-Type: text/rfc822-headers\n\n" + returned + "\n--b--\n"
	}
	ours := "Message-ID: <" + id + "@dealer.example>\n"
	for name, row := range map[string]struct {
		raw  string
		want channels.Report
	}{
		"hard": {dsn("\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n", ours),
			channels.Report{MessageID: id, ProviderID: id + "@dealer.example", State: channels.StateUndelivered, Class: channels.Unreachable, Reason: channels.ReasonBadAddress, Code: "5.1.1", Address: "a@b.example"}},
		"full": {dsn("\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.2.2\n", ours),
			channels.Report{MessageID: id, ProviderID: id + "@dealer.example", State: channels.StateUndelivered, Class: channels.Transient, Code: "5.2.2", Address: "a@b.example"}},
		"policy": {dsn("\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.7.1\n", ours),
			channels.Report{MessageID: id, ProviderID: id + "@dealer.example", State: channels.StateUndelivered, Class: channels.Rejected, Reason: channels.ReasonFiltered, Code: "5.7.1", Address: "a@b.example"}},
		"delayed decides nothing": {dsn("\nFinal-Recipient: rfc822; a@b.example\nAction: delayed\nStatus: 4.4.1\n", ours),
			channels.Report{MessageID: id, ProviderID: id + "@dealer.example", State: channels.StateSent, Class: channels.Transient, Code: "4.4.1", Address: "a@b.example"}},
		"by envelope id": {dsn("Original-Envelope-Id: "+id+"\n\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n", "Subject: x\n"),
			channels.Report{MessageID: id, State: channels.StateUndelivered, Class: channels.Unreachable, Reason: channels.ReasonBadAddress, Code: "5.1.1", Address: "a@b.example"}},
		"by token": {dsn("\nFinal-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n", "Subject: x\n"),
			channels.Report{MessageID: "Ab3dEf9h", State: channels.StateUndelivered, Class: channels.Unreachable, Reason: channels.ReasonBadAddress, Code: "5.1.1", Address: "a@b.example"}},
		"complaint": {"From: fbl@provider.example\nTo: abuse@dealer.example\nSubject: FW: survey\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Rcpt-To: a@b.example\n\n--b\nContent-Type: message/rfc822\n\n" + ours + "To: a@b.example\n\ntext\n--b--\n",
			channels.Report{MessageID: id, ProviderID: id + "@dealer.example", State: channels.StateDelivered, Reason: channels.ReasonComplaint, Address: "a@b.example"}},
	} {
		t.Run(name, func(t *testing.T) {
			events := c.events([]byte(row.raw))
			row.want.Channel = channels.Email
			if len(events) != 1 || events[0].Report == nil || *events[0].Report != row.want {
				t.Fatalf("got %+v", events)
			}
		})
	}
	auto := c.events([]byte("From: a@b.example\nTo: service+Ab3dEf9h@dealer.example\nSubject: Re: x\nAuto-Submitted: auto-replied\n\nI am away\n"))
	if len(auto) != 1 || auto[0].Inbound == nil || !auto[0].Inbound.Automatic || auto[0].Inbound.Token != "Ab3dEf9h" || !strings.HasPrefix(auto[0].Inbound.ProviderID, "sha256:") {
		t.Errorf("an out-of-office note is %+v", auto)
	}
	junk := c.events([]byte("\x00\x01junk"))
	if len(junk) != 1 || junk[0].Inbound == nil || !junk[0].Inbound.Automatic || junk[0].Inbound.Raw == "" {
		t.Errorf("junk is %+v", junk)
	}
}

// Size makes literal an imap.LiteralReader.
func (l literal) Size() int64 { return l.Reader.Size() }
