package email

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jhillyerd/enmime/v2"

	"otklik/channels"
)

// MailKind is what a received mail is.
type MailKind string

// Kinds of received mail.
const (
	// Reply is something a person wrote.
	Reply MailKind = "reply"
	// AutoReply is an out-of-office note, a read receipt or the like.
	AutoReply MailKind = "autoreply"
	// BounceMail says that a mail of ours was not, or not yet, delivered.
	BounceMail MailKind = "bounce"
	// Complaint is an abuse report (RFC 5965).
	Complaint MailKind = "complaint"
	// Unreadable is not a mail.
	Unreadable MailKind = "error"
)

// BounceClass says what a bounce means for the address.
type BounceClass string

// Classes of bounces.
const (
	// Permanent: the address does not work and will not.
	Permanent BounceClass = "permanent"
	// Temporary: full mailbox, server away, still trying.
	Temporary BounceClass = "temporary"
	// Policy: the receiver refused the sender or the content; the address is
	// not at fault.
	Policy BounceClass = "policy"
)

// Bounce is what a report says about one recipient.
type Bounce struct {
	Address string
	// Status is the RFC 3463 status, empty when none is given.
	Status string
	Class  BounceClass
	// Action is the RFC 3464 action in lower case (failed, delayed, delivered,
	// relayed, expanded); failed where the report is not in that form.
	Action string
	// Diagnostic is the receiving server's own words.
	Diagnostic string
}

// Mail is a received mail, read.
type Mail struct {
	Kind MailKind
	// Text is what the person wrote: without quoted mail, attribution, signature
	// and mobile footer. Raw is the whole text.
	Text, Raw      string
	From, FromName string
	// To is the address the mail was delivered to, else the first in To.
	To      string
	Subject string
	// MessageID, References are without angle brackets; References holds
	// In-Reply-To first.
	MessageID  string
	References []string
	// Original is the Message-ID of the mail that a bounce or complaint returns.
	Original string
	// Envelope is the ENVID that we gave the mail (RFC 3464 2.2.1).
	Envelope string
	// Token is the reply token of the address written to (local+TOKEN@domain).
	Token string
	// At is the Date header, zero when it cannot be read.
	At      time.Time
	Bounced []Bounce
	// Complainant is the recipient who complained, where the report tells.
	Complainant string
	// Attachments are the attached and embedded files with their content, by name, else
	// by type.
	Attachments []channels.Attachment
}

// Parse reads a mail. It never fails: what is no mail has Kind Unreadable, and so has one
// over which the reader panics, for it would be fetched again after each start.
func Parse(raw []byte) Mail { return readable(raw, parse) }

func readable(raw []byte, parse func([]byte) (Mail, error)) (m Mail) {
	defer func() {
		if recover() != nil {
			m = Mail{Kind: Unreadable}
		}
	}()
	m, err := parse(raw)
	if err != nil {
		return Mail{Kind: Unreadable}
	}
	return m
}

var errNoMail = errors.New("not a mail")

func parse(raw []byte) (Mail, error) {
	if !looksLikeMail(raw) {
		return Mail{}, errNoMail
	}
	cut := cutPart(raw)
	raw = boundedParts(raw)
	env, err := parser().ReadEnvelope(bytes.NewReader(raw))
	if err != nil {
		return Mail{}, err
	}
	env.Text, env.HTML = boundedText(env.Text, longestText), boundedText(env.HTML, longestHTML)
	p := &parsed{Envelope: env, body: bodyOf(raw)}
	m := Mail{
		Subject:    p.header("Subject"),
		MessageID:  firstID(p.header("Message-ID")),
		References: references(p.header("In-Reply-To"), p.header("References")),
	}
	m.From, m.FromName = p.address("From", "Reply-To", "Sender", "Return-Path")
	m.To, _ = p.address("X-Original-To", "Delivered-To", "Envelope-To", "To")
	m.Token = p.token()
	if at, err := env.Date(); err == nil {
		m.At = at
	}
	m.Attachments = p.attachments(cut)
	p.classify(&m)
	m.Raw = strings.TrimSpace(p.plain())
	if m.Kind == Reply || m.Kind == AutoReply {
		m.Text = p.written(m.FromName)
	}
	if m.Kind == Reply && m.Text == "" {
		m.Text = inSubject(m.Subject, m.Raw == "")
	}
	return m, nil
}

// cutPart is which part of a mail that was not fetched as a whole lacks its middle, from
// 1 in the order of parts; 0 for none. It is the last that stands before the gap.
func cutPart(raw []byte) (n int) {
	const gap = largestMail - lastOfMail
	if len(raw) < largestMail {
		return 0
	}
	env, err := parser().ReadEnvelope(bytes.NewReader(boundedParts(raw[:gap])))
	if err != nil {
		return 0
	}
	(&parsed{Envelope: env}).parts(func(*enmime.Part) { n++ })
	return n
}

// attachments are the attached and embedded files, one of them cut where the mail was.
func (p *parsed) attachments(cut int) []channels.Attachment {
	var broken *enmime.Part
	n := 0
	p.parts(func(part *enmime.Part) {
		if n++; n == cut {
			broken = part
		}
	})
	var all []channels.Attachment
	for _, part := range slices.Concat(p.Attachments, p.Inlines) {
		a := channels.Attachment{Name: cmp.Or(part.FileName, part.ContentType), Type: part.ContentType, Size: int64(len(part.Content)), Content: part.Content}
		if part == broken {
			a.Cut, a.Size, a.Content = true, 0, nil
		}
		all = append(all, a)
	}
	return all
}

// inSubject is what somebody who wrote no text of his own has put into the subject: all
// of it, where nothing is quoted below and it is no answer's, or what stands before the
// "Re:" of the answered mail.
func inSubject(subject string, alone bool) string {
	if answerSubject.MatchString(subject) {
		return ""
	}
	if at := answered.FindStringIndex(subject); at != nil {
		return strings.TrimRight(subject[:at[0]], " -–—,;:|")
	}
	if alone {
		return subject
	}
	return ""
}

// parser trusts a stated charset: detection misreads short Cyrillic texts.
func parser() *enmime.Parser {
	return enmime.NewParser(
		enmime.DisableTextConversion(true),
		enmime.DisableCharacterDetection(true),
		enmime.SkipMalformedParts(true),
		enmime.MultipartWOBoundaryAsSinglePart(true),
		enmime.SetReadPartErrorPolicy(func(*enmime.Part, error) bool { return true }),
	)
}

var headerLine = regexp.MustCompile(`(?mi)^(from|to|subject|date|received|return-path|message-id|mime-version|content-type|delivered-to)[ \t]*:`)

// looksLikeMail wants at least one usual header in the first lines.
func looksLikeMail(raw []byte) bool {
	head := bytes.TrimLeft(raw, "\r\n\t \ufeff")
	if len(head) > 16<<10 {
		head = head[:16<<10]
	}
	if i := bytes.Index(head, []byte("\n\n")); i > 0 {
		head = head[:i]
	} else if i := bytes.Index(head, []byte("\r\n\r\n")); i > 0 {
		head = head[:i]
	}
	return headerLine.Match(head)
}

// parsed is an envelope with the questions that this package asks of it.
type parsed struct {
	*enmime.Envelope
	// body is everything below the headers, as it came.
	body []byte
	// whole is the text once it has been made.
	whole string
	// delivered: a delivery report speaks of success.
	delivered bool
}

func bodyOf(raw []byte) []byte {
	for _, gap := range []string{"\r\n\r\n", "\n\n"} {
		if _, body, found := bytes.Cut(raw, []byte(gap)); found {
			return body[:min(len(body), longestHTML)]
		}
	}
	return nil
}

// header is a decoded header, repaired where it came in bare 8-bit characters.
func (p *parsed) header(name string) string {
	return strings.TrimSpace(toUTF8([]byte(p.GetHeader(name))))
}

// address is the first address in the first of the headers that has one.
func (p *parsed) address(names ...string) (address, name string) {
	for _, n := range names {
		value := p.header(n)
		if value == "" {
			continue
		}
		if list, err := enmime.ParseAddressList(value); err == nil {
			for _, a := range list {
				if strings.Contains(a.Address, "@") {
					return a.Address, a.Name
				}
			}
		}
		if found := anyAddress.FindString(value); found != "" {
			return found, ""
		}
	}
	return "", ""
}

var anyAddress = regexp.MustCompile(`[\p{L}\p{N}.!#$%&'*+/=?^_{|}~-]+@[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?)*`)

var plusAddress = regexp.MustCompile(`[^\s<>"'(),;:@+]+\+([A-Za-z0-9_-]{4,})@[^\s<>"'(),;:]+`)

// token looks where relays leave the address that a mail was delivered to.
func (p *parsed) token() string {
	for _, name := range []string{"X-Original-To", "Delivered-To", "X-Delivered-To", "Envelope-To", "X-Envelope-To", "To", "Cc"} {
		for _, value := range p.GetHeaderValues(name) {
			if t := tokenIn(value); t != "" {
				return t
			}
		}
	}
	return ""
}

func tokenIn(s string) string {
	if found := plusAddress.FindStringSubmatch(s); found != nil {
		return found[1]
	}
	return ""
}

var messageID = regexp.MustCompile(`<\s*([^<>\s]+)\s*>`)

func firstID(s string) string {
	if found := messageID.FindStringSubmatch(s); found != nil {
		return found[1]
	}
	if s = strings.TrimSpace(s); s != "" && !strings.ContainsAny(s, " \t") && strings.Contains(s, "@") {
		return s
	}
	return ""
}

// references lists the ids that the mail answers, the nearest first, each once.
func references(inReplyTo, chain string) []string {
	ids := messageID.FindAllStringSubmatch(inReplyTo, -1)
	older := messageID.FindAllStringSubmatch(chain, -1)
	for i := len(older) - 1; i >= 0; i-- {
		ids = append(ids, older[i])
	}
	var out []string
	seen := map[string]bool{}
	for _, id := range ids {
		if !seen[id[1]] {
			seen[id[1]] = true
			out = append(out, id[1])
		}
	}
	return out
}

// parts visits every part, depth first.
func (p *parsed) parts(visit func(*enmime.Part)) {
	var walk func(*enmime.Part)
	walk = func(part *enmime.Part) {
		for ; part != nil; part = part.NextSibling {
			visit(part)
			walk(part.FirstChild)
		}
	}
	walk(p.Root)
}

// part is the first part of one of the types, nil when there is none.
func (p *parsed) part(types ...string) (found *enmime.Part) {
	p.parts(func(part *enmime.Part) {
		for _, t := range types {
			if found == nil && strings.EqualFold(part.ContentType, t) {
				found = part
			}
		}
	})
	return found
}

// plain is the whole text, from HTML where there is no other.
func (p *parsed) plain() string {
	if p.whole == "" {
		if p.whole = repaired(p.Text); strings.TrimSpace(p.whole) == "" {
			p.whole = boundedText(htmlText(repaired(p.HTML), false), longestText)
		}
	}
	return p.whole
}

// repaired is text with the charset that it has, whatever its label said.
func repaired(s string) string {
	return relabelled(toUTF8([]byte(s)))
}

// written is what the person wrote. The plain part decides; where it leaves
// nothing (an answer below an unmarked quote, an empty plain part), or the same
// with more behind it, the HTML part does, whose quotes are marked by structure.
func (p *parsed) written(writer string) string {
	plain := unquote(p.unstuffed(repaired(p.Text)), writer)
	if strings.TrimSpace(p.HTML) == "" {
		return plain
	}
	marked := unquote(boundedText(htmlText(repaired(p.HTML), true), longestText), writer)
	if plain == "" || marked != "" && len(marked) < len(plain) && strings.HasPrefix(letters(plain), letters(marked)) {
		return marked
	}
	return plain
}

// unstuffed takes from text that flows (RFC 3676) the blank that its writer's program has
// put before a ">" of his own: "more than 10 days" as "> 10 days". Where no line is
// quoted in the right way, or many have the blank, the program quotes so.
func (p *parsed) unstuffed(text string) string {
	const most = 2
	part := p.part("text/plain")
	if part == nil || !flowed.MatchString(part.Header.Get("Content-Type")) {
		return text
	}
	text = invisible.Replace(text)
	if n := strings.Count("\n"+text, "\n >"); n == 0 || n > most || !strings.Contains("\n"+text, "\n>") {
		return text
	}
	return strings.ReplaceAll("\n"+text, "\n >", "\n"+ownSign+">")[1:]
}

var flowed = regexp.MustCompile(`(?i);\s*format\s*=\s*"?flowed`)

// letters is the text without what the two parts of a mail set differently.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// readHeaders reads the header block of a returned mail.
func readHeaders(content []byte) netmail.Header {
	content = bytes.TrimLeft(content, "\r\n\t ")
	r := io.MultiReader(bytes.NewReader(content), strings.NewReader("\r\n\r\n"))
	msg, err := netmail.ReadMessage(r)
	if err != nil {
		return netmail.Header{}
	}
	return msg.Header
}
