package email

import (
	"bufio"
	"bytes"
	"io"
	"net/textproto"
	"regexp"
	"strings"
)

// deliveryReport reads an RFC 3464 report, in the internationalised form of
// RFC 6533 as well. A report of success only is no bounce.
func (p *parsed) deliveryReport(m *Mail) bool {
	part := p.part("message/delivery-status", "message/global-delivery-status")
	var content []byte
	switch {
	case part != nil:
		content = part.Content
	case strayReport.Match(p.body) && (p.fromMailer(m) || strings.EqualFold(p.reportType(), "delivery-status")):
		// The mail's MIME structure is broken, the report in it is not.
		content = p.body
	default:
		return false
	}
	for _, b := range fieldBlocks(content) {
		if id := first(b, "Original-Envelope-Id"); id != "" {
			m.Envelope = fromXtext(id)
		}
		bounce, ok := recipientReport(b)
		switch {
		case ok && bounce.success():
			p.delivered = true
		case ok && len(m.Bounced) < mostRecipients:
			m.Bounced = append(m.Bounced, bounce)
		}
	}
	if len(m.Bounced) == 0 {
		return false
	}
	p.returned(m)
	report := p.reportText()
	for i := range m.Bounced {
		p.complete(&m.Bounced[i], report, len(m.Bounced) == 1)
	}
	return true
}

// complete adds what the report's fields lack from the words that people read.
func (p *parsed) complete(b *Bounce, report string, alone bool) {
	if !strings.Contains(b.Address, "@") {
		if a := p.failedRecipient(); a != "" {
			b.Address = a
		}
	}
	if b.Diagnostic != "" || b.Action == "delayed" {
		return
	}
	words := linesAbout(report, b.Address)
	if words == "" && alone {
		words = report
	}
	if !telling(words) {
		return
	}
	b.Status = betterStatus(b.Status, words)
	b.Diagnostic = shorten(words)
	b.Class = bounceClass(b.Status, b.Action, words)
}

var strayReport = regexp.MustCompile(`(?mi)^(?:Final|Original)-Recipient:`)

// success: delivered, or handed on to where no reports come from.
func (b Bounce) success() bool {
	switch b.Action {
	case "delivered", "relayed", "expanded", "deliverable":
		return true
	}
	return strings.HasPrefix(b.Status, "2") && b.Action != "failed"
}

// recipientReport reads one recipient's fields.
func recipientReport(b map[string][]string) (Bounce, bool) {
	action := strings.ToLower(strings.TrimSpace(first(b, "Action")))
	action, _, _ = strings.Cut(action, " ")
	status := statusCode.FindString(first(b, "Status"))
	final, original := typedAddress(first(b, "Final-Recipient")), typedAddress(first(b, "Original-Recipient"))
	if action == "" && status == "" && final == "" {
		return Bounce{}, false
	}
	diagnostic := strings.Join(b[textproto.CanonicalMIMEHeaderKey("Diagnostic-Code")], " ")
	if _, words, typed := strings.Cut(diagnostic, ";"); typed {
		diagnostic = strings.TrimSpace(words)
	}
	// What we wrote to is what we can act on; Final-Recipient is where it went.
	address := original
	if !strings.Contains(address, "@") {
		address = final
	}
	if !strings.Contains(address, "@") {
		address = typedAddress(first(b, "X-Actual-Recipient"))
	}
	if action == "" {
		action = "failed"
	}
	status = betterStatus(status, diagnostic)
	return Bounce{Address: address, Status: status, Action: action, Diagnostic: diagnostic, Class: bounceClass(status, action, diagnostic)}, true
}

var (
	statusCode = regexp.MustCompile(`\b[245]\.\d{1,3}\.\d{1,3}\b`)
	basicCode  = regexp.MustCompile(`\b([45]\d\d)[ \-#]`)
)

// betterStatus prefers the status in the receiving server's words to a summary
// that says no more than the class.
func betterStatus(status, diagnostic string) string {
	words := statusCode.FindString(anyAddress.ReplaceAllString(diagnostic, ""))
	if status == "" || strings.HasSuffix(status, ".0.0") && words != "" && words[0] == status[0] {
		if words != "" {
			return words
		}
	}
	return status
}

// typedAddress is the address in "rfc822; a@b".
func typedAddress(s string) string {
	if _, after, typed := strings.Cut(s, ";"); typed {
		s = after
	}
	s = strings.TrimSpace(s)
	if a := anyAddress.FindString(fromXtext(s)); a != "" {
		return a
	}
	return s
}

// fromXtext undoes RFC 3461 section 4: "+2B" is "+".
func fromXtext(s string) string {
	return hexPair.ReplaceAllStringFunc(s, func(pair string) string {
		const digits = "0123456789ABCDEF"
		return string(byte(strings.IndexByte(digits, pair[1])<<4 | strings.IndexByte(digits, pair[2])))
	})
}

var hexPair = regexp.MustCompile(`\+[0-7][0-9A-F]`)

// fieldBlocks splits a report into blocks of header fields.
func fieldBlocks(content []byte) []map[string][]string {
	var blocks []map[string][]string
	text := strings.ReplaceAll(string(content), "\r\n", "\n")
	for _, block := range blankLines.Split(text, -1) {
		if strings.TrimSpace(block) == "" {
			continue
		}
		r := textproto.NewReader(bufio.NewReader(io.MultiReader(strings.NewReader(strings.TrimLeft(block, "\n \t")), strings.NewReader("\r\n\r\n"))))
		// What was read before a malformed line still counts.
		fields, _ := r.ReadMIMEHeader()
		blocks = append(blocks, fields)
	}
	return blocks
}

var blankLines = regexp.MustCompile(`\n[ \t]*\n`)

func firstFields(content []byte) map[string][]string {
	if blocks := fieldBlocks(content); len(blocks) > 0 {
		return blocks[0]
	}
	return nil
}

func first(fields map[string][]string, name string) string {
	if v := fields[textproto.CanonicalMIMEHeaderKey(name)]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// returned takes Message-ID and token from the returned mail.
func (p *parsed) returned(m *Mail) {
	header := p.returnedHeader()
	if m.Original == "" {
		m.Original = firstID(header.Get("Message-ID"))
	}
	for _, name := range []string{"Return-Path", "Reply-To", "From"} {
		if m.Token == "" {
			m.Token = tokenIn(header.Get(name))
		}
	}
	if m.Original == "" {
		if found := returnedID.FindStringSubmatch(p.plain()); found != nil {
			m.Original = found[1]
		}
	}
	if m.Original == "" && len(m.References) > 0 {
		m.Original = m.References[0]
	}
}

var returnedID = regexp.MustCompile(`(?mi)^[> \t]*Message-ID:\s*<([^<>\s]+)>`)

func (p *parsed) returnedHeader() textproto.MIMEHeader {
	part := p.part("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers", "message/rfc822-headers")
	if part == nil {
		return textproto.MIMEHeader{}
	}
	content := part.Content
	if len(bytes.TrimSpace(content)) == 0 && part.FirstChild != nil {
		return part.FirstChild.Header
	}
	return textproto.MIMEHeader(readHeaders(content))
}

func (p *parsed) returnedTo() string {
	return anyAddress.FindString(p.returnedHeader().Get("To"))
}

// failedRecipient finds the address of a report that does not name it.
func (p *parsed) failedRecipient() string {
	if a := anyAddress.FindString(p.header("X-Failed-Recipients")); a != "" {
		return a
	}
	return p.returnedTo()
}
