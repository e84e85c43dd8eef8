package email

import (
	"encoding/json"
	"regexp"
	"strings"
)

// Amazon SES reports bounces and complaints through SNS, which mails them as JSON
// (https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html).
type sesNotification struct {
	NotificationType string `json:"notificationType"`
	EventType        string `json:"eventType"`
	Bounce           struct {
		BounceType        string `json:"bounceType"`
		BounceSubType     string `json:"bounceSubType"`
		BouncedRecipients []struct {
			EmailAddress   string `json:"emailAddress"`
			Action         string `json:"action"`
			Status         string `json:"status"`
			DiagnosticCode string `json:"diagnosticCode"`
		} `json:"bouncedRecipients"`
	} `json:"bounce"`
	Complaint struct {
		ComplainedRecipients []struct {
			EmailAddress string `json:"emailAddress"`
		} `json:"complainedRecipients"`
	} `json:"complaint"`
	Mail struct {
		CommonHeaders struct {
			MessageID string `json:"messageId"`
		} `json:"commonHeaders"`
	} `json:"mail"`
}

var notificationSender = regexp.MustCompile(`(?i)@(?:[a-z0-9-]+\.)*amazonaws\.com$`)

// notification reads such a mail and gives its kind; it is empty for other mails.
func (p *parsed) notification(m *Mail) MailKind {
	if !notificationSender.MatchString(m.From) {
		return ""
	}
	text := p.plain()
	start := strings.IndexByte(text, '{')
	if start < 0 {
		return ""
	}
	var n sesNotification
	if err := json.NewDecoder(strings.NewReader(joinedLines.Replace(text[start:]))).Decode(&n); err != nil {
		return ""
	}
	m.Original = strings.Trim(n.Mail.CommonHeaders.MessageID, "<> ")
	switch n.NotificationType + n.EventType {
	case "Bounce":
		for _, r := range n.Bounce.BouncedRecipients {
			m.Bounced = append(m.Bounced, n.bounce(r.EmailAddress, r.Action, r.Status, r.DiagnosticCode))
		}
		return BounceMail
	case "Complaint":
		for _, r := range n.Complaint.ComplainedRecipients {
			m.Complainant = anyAddress.FindString(r.EmailAddress)
		}
		return Complaint
	case "":
		return ""
	}
	return AutoReply
}

// joinedLines undoes the wrapping of long lines inside of JSON strings.
var joinedLines = strings.NewReplacer("\r", "", "\n", "")

func (n *sesNotification) bounce(address, action, status, diagnostic string) Bounce {
	if _, words, typed := strings.Cut(diagnostic, ";"); typed {
		diagnostic = strings.TrimSpace(words)
	}
	if action == "" {
		action = "failed"
	}
	b := Bounce{Address: anyAddress.FindString(address), Status: betterStatus(status, diagnostic), Action: strings.ToLower(action), Diagnostic: diagnostic}
	b.Class = bounceClass(b.Status, b.Action, diagnostic)
	switch {
	case strings.HasSuffix(n.Bounce.BounceSubType, "Rejected"), n.Bounce.BounceSubType == "MessageTooLarge":
		b.Class = Policy
	case n.Bounce.BounceType == "Transient" && b.Class == Permanent:
		b.Class = Temporary
	case n.Bounce.BounceType == "Permanent" && b.Class == Temporary && status == "":
		b.Class = Permanent
	}
	return b
}
