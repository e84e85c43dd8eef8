package email

import (
	"regexp"
	"slices"
	"strings"
)

// Bounces of mailers that know no RFC 3464: qmail, older exim, sendmail and
// exchange, and the forms of several providers. They are recognised by sender or
// subject, and read by the addresses that stand before the returned mail.

var (
	mailerAddress = regexp.MustCompile(`(?i)^(?:mailer-?daemon|mail-?daemon|post[-_]?master|mdaemon|mail\.?delivery|mail-?delivery-?subsystem|mailerdaemon|bounce[s-]?|maildelivery|mailadmin|mms-?report\p{L}*|no-?reply-?bounce)(?:[+-][^@]*)?@`)
	mailerName    = regexp.MustCompile(`(?i)mail(?:er)?[ -]?(?:delivery|daemon)|mail administrator|postmaster|system administrator|delivery subsystem|почтов\p{L}+ (?:служб|систем)|(?:служба|система) доставки (?:почты|сообщений|писем)|系统退信|邮件系统`)
	bounceSubject = regexp.MustCompile(`(?i)` + strings.Join([]string{
		`undeliver(?:ed|able)`, `(?:un)?deliver(?:y|able)[^:]{0,20}(?:fail|status|problem|error|notification|report|incomplete|has failed|unsuccessful)`, `(?:fail(?:ed|ure)|error|problem)[^:]{0,20}(?:deliver|notice|notification|mail)`,
		`return(?:ed|ing) (?:mail|message|to sender|e-?mail)`, `mail (?:system|delivery) (?:error|failed|failure)`, `(?:message|mail|e-?mail) (?:could )?not (?:be )?deliver`, `non[- ]?deliver`, `not delivered`, `delayed mail`, `mail (?:could not be|undeliver)`, `could not send (?:message|mail)`, `mail failure`, `rejected(?:: | mail)`, `user unknown`, `does not exist`, `warning: (?:message|could not)`,
		`не ?достав`, `невозможно доставить`, `сообщение не доставлено`, `ошибка доставки`, `недоставлен`,
		`退信`, `投递失败`, `无法投递`, `未能送达`, `邮件被退回`, `unzustellbar`, `nicht zugestellt`, `zustellung`, `échec de (?:la )?remise`, `non remis`, `no se pudo entregar`, `配信不能`, `エラーメール`, `送信エラー`,
	}, `|`))
	returnedMark = regexp.MustCompile(`(?i)^[\s>*-]*(?:` + strings.Join([]string{
		`-{2,}.*(?:original|returned|unsent|copy of|headers|undelivered|message (?:follows|header|below|text)|исходн).*`, `={3,}.*(?:message|mail).*`, `below (?:this line is|is) .*`, `(?:this|the following) is a copy of.*`, `(?:the )?(?:original|returned) (?:message|mail|headers)[^:]{0,40}:?`, `(?:return-path|received|x-received|dkim-signature|message-id|mime-version|delivered-to):.*`,
		`текст (?:исходного )?(?:письма|сообщения).*`, `заголовки .*`, `原邮件.*`,
	}, `|`) + `)\s*$`)
)

// textBounce recognises a bounce that is not in the standard form.
func (p *parsed) textBounce(m *Mail) bool {
	failed := p.header("X-Failed-Recipients")
	mailer := p.fromMailer(m)
	returns := p.part("message/rfc822") != nil
	switch {
	case p.delivered:
		return false
	case failed != "", strings.EqualFold(p.reportType(), "delivery-status"):
	case mailer && bounceSubject.MatchString(m.Subject):
	case (mailer || returns) && failureWords.MatchString(p.reportText()):
	default:
		return false
	}
	if answerSubject.MatchString(m.Subject) && !mailer {
		return false
	}
	report := p.reportText()
	addresses := anyAddress.FindAllString(failed, mostRecipients)
	if len(addresses) == 0 {
		addresses = p.addressesIn(report, m)
	}
	p.returned(m)
	if len(addresses) == 0 {
		if to := p.returnedTo(); to != "" {
			addresses = []string{to}
		} else if to := returnedToLine.FindStringSubmatch(p.plain()); to != nil {
			addresses = []string{to[1]}
		}
	}
	// A part that cannot be read, or a heading that looks like the returned
	// mail's, is no reason to miss what stands there.
	for _, other := range []string{beforeReturned(toUTF8(p.body)), p.plain()} {
		if len(addresses) > 0 {
			break
		}
		if addresses = p.addressesIn(other, m); len(addresses) > 0 {
			report = other
		}
	}
	action := "failed"
	if delayedWords.MatchString(m.Subject + "\n" + report) {
		action = "delayed"
	}
	for _, a := range addresses {
		words := around(report, a, addresses)
		if !telling(words) {
			words = m.Subject + "\n" + report
		}
		status := statusCode.FindString(anyAddress.ReplaceAllString(words, ""))
		if status == "" {
			status = statusCode.FindString(anyAddress.ReplaceAllString(report, ""))
		}
		if status != "" && status[0] == '2' {
			status = ""
		}
		m.Bounced = append(m.Bounced, Bounce{Address: a, Status: status, Action: action, Diagnostic: shorten(words), Class: bounceClass(status, action, words)})
	}
	return true
}

var (
	returnedToLine = regexp.MustCompile(`(?mi)^[> \t]*To:[^\n]*?([^\s<>"'(),;:]+@[^\s<>"'(),;:]+)`)
	delayedWords   = regexp.MustCompile(`(?i)\bdelayed\b|warning: (?:message|could not)|has not (?:yet )?been (?:delivered|collected)|delivery attempts will continue|you do not need to resend|will (?:be retried|keep trying|continue to try)|задерживается`)
	failureWords   = regexp.MustCompile(`(?i)(?:could|can) ?not (?:be )?deliver|wasn't able to deliver|unable to deliver|undeliverable|delivery (?:has )?failed|permanent (?:fatal )?error|failed permanently|did not reach|delivery errors|could not send|not (?:be )?delivered to|malformed address|invalid user address|не (?:удалось|может быть) доставл?|не доставлено|无法送达|投递失败`)
)

func (p *parsed) nullSender() bool {
	for _, v := range p.GetHeaderValues("Return-Path") {
		if strings.ReplaceAll(v, " ", "") == "<>" {
			return true
		}
	}
	return false
}

// fromMailer: a program that carries mail has written this.
func (p *parsed) fromMailer(m *Mail) bool {
	return mailerAddress.MatchString(m.From) || mailerName.MatchString(p.header("From")) || p.nullSender()
}

// reportText is what the mailer says, before the mail that it returns.
func (p *parsed) reportText() string {
	text := p.plain()
	if strings.TrimSpace(text) == "" {
		text = toUTF8(p.body)
	}
	return beforeReturned(text)
}

func beforeReturned(text string) string {
	var out []string
	for i, line := range splitLines(text) {
		if i > 0 && returnedMark.MatchString(line) {
			break
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// listStart comes before the recipients that a report is about.
var listStart = regexp.MustCompile(`(?i)following (?:recipient|address|destination)(?:s|es|\(s\)|\(es\))?|did not reach|could not be delivered to|следующ\p{L}+ (?:получател|адрес)\p{L}*|folgende\p{L}* (?:empfänger|adresse)\p{L}*|destinataires? suivants?|以下(?:的)?(?:收件人|地址|邮件地址)`)

func leadingIn(report string) []string {
	var out []string
	for _, found := range leadingAddress.FindAllStringSubmatch(report, -1) {
		out = append(out, found[1])
	}
	return out
}

// addressesIn lists the recipients that a report names: those at the beginning
// of a line or in angle brackets there, else all; neither mailers nor ourselves.
func (p *parsed) addressesIn(report string, m *Mail) []string {
	mine := map[string]bool{strings.ToLower(m.To): true, strings.ToLower(m.From): true}
	if to, _ := p.address("To"); to != "" {
		mine[strings.ToLower(to)] = true
	}
	collect := func(found []string, mine map[string]bool) []string {
		var out []string
		seen := map[string]bool{}
		for _, a := range found {
			a = strings.TrimRight(a, ".")
			key := strings.ToLower(a)
			if seen[key] || mine[key] || mailerAddress.MatchString(a) || !strings.Contains(domainOf(a), ".") {
				continue
			}
			seen[key] = true
			if out = append(out, a); len(out) == mostRecipients {
				break
			}
		}
		return out
	}
	if i := listStart.FindStringIndex(report); i != nil {
		if out := collect(leadingIn(report[i[1]:]), mine); len(out) > 0 {
			return out
		}
	}
	leading := leadingIn(report)
	if out := collect(leading, mine); len(out) > 0 {
		return out
	}
	if out := collect(anyAddress.FindAllString(report, -1), mine); len(out) > 0 {
		return out[:1]
	}
	return collect(leading, nil)
}

var leadingAddress = regexp.MustCompile(`(?mi)^[\s>*]*(?:(?:to|recipient|user|address|e-?mail|кому|адрес|收件人)\s*[:：]\s*|[45]\d\d\s+(?:[45]\.\d{1,3}\.\d{1,3}\s+)?)?[<'"(]*(?:mailto:)?([\p{L}\p{N}.!#$%&'*+/=?^_{|}~-]+@[\p{L}\p{N}][\p{L}\p{N}.-]*)[>'")]*(?:\s*(?:[:;,(\[]|\.(?:\s|\.|$)|$)|\s+(?:invalid|error|on\s|was\s|could\s|is\s|failed|user|not\s))`)

// telling: the words say why.
func telling(words string) bool {
	return fullWords.MatchString(words) || unknownWords.MatchString(words) || policyWords.MatchString(words) || waitingWords.MatchString(words) ||
		statusCode.MatchString(words) || basicCode.MatchString(words)
}

// linesAbout are the report's lines from the one that names the address to the
// next blank line or the next address at the beginning of a line.
func linesAbout(report, address string) string {
	if !strings.Contains(address, "@") {
		return ""
	}
	var out []string
	for _, line := range strings.Split(report, "\n") {
		switch {
		case strings.Contains(line, address):
		case len(out) == 0:
			continue
		case strings.TrimSpace(line) == "", leadingAddress.MatchString(line):
			return strings.Join(out, "\n")
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}

// around is the report from the line that names the address on, as far as it
// may speak of it: to the line that begins with another of the addresses.
func around(report, address string, all []string) string {
	const reach = 1500
	i := strings.Index(report, address)
	if i < 0 {
		return report
	}
	rest := report[i:]
	if len(rest) > reach {
		rest = strings.ToValidUTF8(rest[:reach], "")
	}
	for _, found := range leadingAddress.FindAllStringSubmatchIndex(rest, -1) {
		if next := rest[found[2]:found[3]]; !strings.EqualFold(next, address) && slices.Contains(all, next) {
			rest = rest[:found[0]]
			break
		}
	}
	if strings.TrimSpace(strings.Trim(rest[len(address):], "<>:'\"")) == "" {
		return report
	}
	return rest
}

func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 300 {
		return string(r[:300])
	}
	return s
}
