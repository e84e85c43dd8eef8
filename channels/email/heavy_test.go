//go:build heavy

package email

import (
	"fmt"
	"strings"
	"testing"
)

// TestHeavyHostileMails: mails made to cost time end all the same. Before there were
// limits most of these took minutes.
func TestHeavyHostileMails(t *testing.T) {
	const head = "From: Anna <anna@client.example>\nTo: s@dealer.example\nSubject: Re: x\nMIME-Version: 1.0\n"
	const mailer = "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nTo: s@dealer.example\nSubject: failure notice\nMIME-Version: 1.0\n"
	var nested, people, report strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&nested, "--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n", i, i+1)
	}
	for i := range 20000 {
		fmt.Fprintf(&people, "<u%d@client.example>:\nuser unknown\n\n", i)
		fmt.Fprintf(&report, "Final-Recipient: rfc822;u%d@client.example\nAction: failed\nStatus: 5.0.0\n\n", i)
	}
	for name, row := range map[string]struct {
		raw  string
		want MailKind
	}{
		"nested parts":       {head + "Content-Type: multipart/mixed; boundary=b0\n\n" + nested.String(), Reply},
		"many parts":         {head + "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: text/plain\n\nx\n", 100_000), Reply},
		"nested HTML":        {head + "Content-Type: text/html\n\n" + strings.Repeat("<div>", 300_000) + "5", Reply},
		"much HTML":          {head + "Content-Type: text/html\n\n" + strings.Repeat("<p>5 &amp; more</p>", 600_000), Reply},
		"many fields":        {head + "\n" + strings.Repeat("From: x\n", 500_000), Reply},
		"many quotes":        {head + "\n" + strings.Repeat("> q\nanswer lower\n", 300_000), Reply},
		"blank lines":        {head + "\n" + strings.Repeat("On 1.1.2026 10:00 x wrote:\n\n\n", 200_000), Reply},
		"one line":           {head + "\n" + strings.Repeat("a@", 3_000_000), Reply},
		"many recipients":    {mailer + "\nHi\n\n" + people.String(), BounceMail},
		"many of one report": {mailer + "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nx\n--b\nContent-Type: message/delivery-status\n\n" + report.String() + "--b--\n", BounceMail},
	} {
		t.Run(name, func(t *testing.T) {
			m := Parse([]byte(row.raw))
			if m.Kind != row.want || len(m.Text) > longestText || len(m.Bounced) > mostRecipients {
				t.Errorf("read as %s, %d bytes, %d recipients", m.Kind, len(m.Text), len(m.Bounced))
			}
		})
	}
}
