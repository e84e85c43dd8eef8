package sandbox

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"html"
	"net/mail"
	"regexp"
	"strings"
	"time"

	"github.com/jhillyerd/enmime/v2"

	"otklik/channels"
)

// writeMail lets the person answer the newest mail of the thread, or write to
// our mailbox where there is none yet.
func (s *Servers) writeMail(address, text string) error {
	return s.mailbox.deliver(func(n numbers) (record, error) {
		item := &Item{
			Seq: n.seq, Channel: channels.Email, Address: normal(channels.Email, address), Peer: s.config.Mailbox, Text: text, At: s.config.Now(),
			ID: "<" + rand.Text() + "@" + domain(address) + ">",
		}
		item.MessageID = item.ID
		original, ok := s.Phones.newest(channels.Email, address)
		if ok {
			item.Subject = replySubject(original.Subject)
		}
		raw, err := s.compose(item, original)
		return record{Item: item, Machine: time.Now().UTC(), Mail: raw}, err
	})
}

func domain(address string) string {
	_, d, ok := strings.Cut(address, "@")
	if !ok {
		return "localhost"
	}
	return d
}

func replySubject(subject string) string {
	if len(subject) >= 3 && strings.EqualFold(subject[:3], "Re:") {
		return subject
	}
	return "Re: " + subject
}

// compose writes a mail as a mail client does: plain text and HTML, the original
// quoted in both below an attribution line, the thread's headers. original may
// be nil. item.Peer becomes the address it goes to.
func (s *Servers) compose(item *Item, original *entry) ([]byte, error) {
	plain, rich := item.Text+"\n", paragraph(item.Text)
	b := enmime.Builder().From("", item.Address).Subject(item.Subject).Date(item.At).Header("Message-ID", item.MessageID)
	if original != nil {
		from, err := mail.ParseAddress(original.Peer)
		if err != nil {
			from = &mail.Address{Address: s.config.Mailbox}
		}
		item.Peer = from.Address
		if original.ReplyTo != "" {
			item.Peer = original.ReplyTo
		}
		line, err := s.wording.client(original.Subject+original.Text).attribute(*from, original.At)
		if err != nil {
			return nil, err
		}
		plain += "\n" + line + "\n" + quote(original.Text)
		rich += `<br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">` + html.EscapeString(line) +
			`<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex">` +
			quotedHTML(original.Item) + `</blockquote></div>`
		if original.MessageID != "" {
			b = b.Header("In-Reply-To", original.MessageID).
				Header("References", strings.TrimSpace(original.references+" "+original.MessageID))
		}
	}
	part, err := b.To("", item.Peer).Text([]byte(crlf(plain))).HTML([]byte(crlf(rich))).Build()
	if err != nil {
		return nil, fmt.Errorf("composing a mail: %w", err)
	}
	var raw bytes.Buffer
	if err := part.Encode(&raw); err != nil {
		return nil, fmt.Errorf("encoding a mail: %w", err)
	}
	return raw.Bytes(), nil
}

func quote(text string) string {
	var out strings.Builder
	for line := range strings.Lines(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n")) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			out.WriteString(">\n")
			continue
		}
		out.WriteString("> " + line + "\n")
	}
	return out.String()
}

func paragraph(text string) string {
	return `<div dir="ltr">` + strings.ReplaceAll(html.EscapeString(text), "\n", "<br>\n") + "</div>"
}

var bodyElement = regexp.MustCompile(`(?is)<body[^>]*>(.*)</body>`)

// quotedHTML is what a client quotes of a mail: the inside of its body element.
func quotedHTML(original Item) string {
	if original.HTML == "" {
		return paragraph(original.Text)
	}
	if inside := bodyElement.FindStringSubmatch(original.HTML); inside != nil {
		return inside[1]
	}
	return original.HTML
}

func crlf(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
}
