package email

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"strings"

	"otklik/channels"
)

// stage is how far an SMTP session had come when it failed.
type stage string

const (
	stageConnect stage = "connecting" // dial, greeting, EHLO, STARTTLS
	stageAuth    stage = "logging in"
	stageMail    stage = "MAIL"
	stageRcpt    stage = "RCPT"
	stageData    stage = "DATA" // the reply to the DATA command
	stageDot     stage = "end of data"
)

// Replies that let a session go on.
const (
	codeDone = 250
	codeGoOn = 354
)

// expected is the code that the command of a stage is answered with.
func (at stage) expected() int {
	if at == stageData {
		return codeGoOn
	}
	return codeDone
}

// reply is one SMTP reply.
type reply struct {
	code int
	// enhanced is the RFC 3463 status, empty where the server gives none. It and
	// the text are left out of a reply that was as expected.
	enhanced string
	text     string
}

var enhancedStatus = regexp.MustCompile(`^([245]\.\d{1,3}\.\d{1,3})(?:[\s:#-]|$)`)

func newReply(code int, text string) reply {
	r := reply{code: code, text: strings.TrimSpace(text)}
	if m := enhancedStatus.FindStringSubmatch(r.text); m != nil {
		r.enhanced = m[1]
		r.text = strings.TrimSpace(r.text[len(m[1]):])
	}
	return r
}

func (r reply) ok() bool { return r.code >= 200 && r.code < 300 }

func (r reply) String() string {
	if r.enhanced == "" {
		return fmt.Sprint(r.code)
	}
	return fmt.Sprintf("%d %s", r.code, r.enhanced)
}

// verdict is what a reply means, without the words.
type verdict struct {
	class  channels.Class
	scope  channels.Scope
	reason channels.Reason
}

var (
	transient = verdict{class: channels.Transient}
	// later is about one mailbox: greylisted, full, away for a moment.
	later         = verdict{class: channels.Transient, scope: channels.ScopeMessage}
	rejected      = verdict{class: channels.Rejected}
	filtered      = verdict{class: channels.Rejected, reason: channels.ReasonFiltered}
	badAddress    = verdict{class: channels.Unreachable, reason: channels.ReasonBadAddress}
	deadAddress   = verdict{class: channels.Unreachable, reason: channels.ReasonDead}
	accountConfig = verdict{class: channels.Suspended, scope: channels.ScopeAccount, reason: channels.ReasonConfig}
	senderConfig  = verdict{class: channels.Suspended, scope: channels.ScopeSender, reason: channels.ReasonConfig}
)

// statuses are RFC 3463 details (the part after "5.") that mean the same at
// RCPT and after the data, since each of our mails has one recipient. A code
// not listed is looked up by subject ("7.x") in subjects, then by basic code.
var statuses = map[string]verdict{
	"1.7":  senderConfig, // bad sender's mailbox address syntax
	"1.8":  senderConfig, // bad sender's system address
	"2.1":  deadAddress,  // mailbox disabled
	"2.2":  later,        // mailbox full: the person may empty it
	"4.1":  badAddress,   // Exchange Online: recipient address rejected
	"4.4":  badAddress,   // no route: the domain has no mail
	"6.7":  badAddress,   // non-ASCII address not permitted
	"7.3":  senderConfig, // no authority to send as
	"7.8":  accountConfig,
	"7.9":  accountConfig,
	"7.14": accountConfig, // trust relationship required
	"7.60": senderConfig,  // Exchange Online: client may not send as this sender
}

// subjects are the fallbacks for a whole RFC 3463 subject.
var subjects = map[string]verdict{
	"1": badAddress,
	"2": rejected,
	"3": rejected,
	"4": rejected,
	"5": rejected,
	"6": rejected,
	"7": filtered,
}

// rcptCodes are permanent replies to RCPT that carry no RFC 3463 status.
var rcptCodes = map[int]verdict{
	521: badAddress, // the host takes no mail (RFC 7504)
	530: accountConfig,
	550: badAddress,
	551: badAddress,
	552: later, // storage exceeded: mailbox full
	553: badAddress,
	556: badAddress, // the domain takes no mail (RFC 7504)
}

// mailCodes are permanent replies to MAIL that speak of the message, not of the
// sender.
var mailCodes = map[int]verdict{
	552: rejected, // larger than the server takes
	530: accountConfig,
	535: accountConfig,
}

// judge is the table of what a negative reply means at a stage.
func judge(at stage, r reply) verdict {
	if r.code < 500 {
		if at == stageRcpt && ofMailbox(r) {
			return later
		}
		return transient
	}
	detail, subject := "", ""
	if strings.HasPrefix(r.enhanced, "5.") {
		detail = r.enhanced[2:]
		subject, _, _ = strings.Cut(detail, ".")
	}
	switch at {
	case stageConnect, stageAuth:
		return accountConfig
	case stageMail:
		if v, ok := mailCodes[r.code]; ok {
			return v
		}
		return senderConfig
	case stageRcpt:
		if r.code == 530 {
			return accountConfig
		}
		if v, ok := statuses[detail]; ok {
			return v
		}
		if v, ok := subjects[subject]; ok {
			return v
		}
		if v, ok := rcptCodes[r.code]; ok {
			return v
		}
	default:
		if v, ok := statuses[detail]; ok {
			return v
		}
		if v, ok := subjects[subject]; ok {
			return v
		}
	}
	return rejected
}

var greylisted = regexp.MustCompile(`(?i)gr[ea]y-?list`)

// ofMailbox tells whether a temporary refusal of a recipient speaks of him and not of
// the server: a whole campaign that is greylisted does not mean that the server is away.
func ofMailbox(r reply) bool {
	switch {
	case r.code == 421: // it closes
		return false
	case strings.HasPrefix(r.enhanced, "4.1."), strings.HasPrefix(r.enhanced, "4.2."):
		return true
	case strings.HasPrefix(r.enhanced, "4.7."): // "too much mail" has it, too
		return greylisted.MatchString(r.text)
	}
	return r.code == 450 && r.enhanced == "" || greylisted.MatchString(r.text)
}

// refused is the error of a negative reply.
func refused(at stage, r reply) *channels.Error {
	v := judge(at, r)
	return &channels.Error{
		Class: v.class, Scope: v.scope, Reason: v.reason, Code: r.String(),
		Err: fmt.Errorf("%s: %s", at, masked(r.text)),
	}
}

// broken is the error of a session that ended without a reply: nothing was
// taken unless the final dot may have reached the server.
func broken(at stage, err error) *channels.Error {
	class := channels.Transient
	if at == stageDot {
		class = channels.Uncertain
	}
	return &channels.Error{Class: class, Err: fmt.Errorf("%s: %w", at, err)}
}

// Failures of our own checks while dialing.
var (
	errNoTLS  = errors.New("the server offers no STARTTLS")
	errNoAuth = errors.New("the server offers no login method that can be used")
)

// dialFailed is the error of a connection that could not be set up.
func dialFailed(at stage, err error) *channels.Error {
	var answer *textproto.Error
	if errors.As(err, &answer) {
		e := refused(at, newReply(answer.Code, answer.Msg))
		e.Scope = channels.ScopeAccount
		return e
	}
	e := broken(at, err)
	e.Scope = channels.ScopeAccount
	var (
		verification *tls.CertificateVerificationError
		record       tls.RecordHeaderError
		authority    x509.UnknownAuthorityError
		host         x509.HostnameError
		invalid      x509.CertificateInvalidError
	)
	if errors.Is(err, errNoTLS) || errors.Is(err, errNoAuth) ||
		errors.As(err, &verification) || errors.As(err, &record) ||
		errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) {
		e.Class, e.Reason = channels.Suspended, channels.ReasonConfig
	}
	return e
}

var addressInText = regexp.MustCompile(`[^\s<>"'(),;:@]+@([\w.-]+)`)

// masked is a server's words without local parts of addresses: they reach logs.
func masked(s string) string {
	return addressInText.ReplaceAllString(s, "…@$1")
}

// scrubbed removes the password from an error's words, plain and as it stands
// in AUTH commands, should a server echo it.
func (e endpoint) scrubbed(err *channels.Error) *channels.Error {
	if err == nil || e.password == "" {
		return err
	}
	text := err.Err.Error()
	clean := text
	for _, secret := range []string{
		e.password,
		base64.StdEncoding.EncodeToString([]byte(e.password)),
		base64.StdEncoding.EncodeToString([]byte("\x00" + e.user + "\x00" + e.password)),
	} {
		clean = strings.ReplaceAll(clean, secret, "[password]")
	}
	if clean != text {
		err.Err = errors.New(clean)
	}
	return err
}
