package sms

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"otklik/channels"
)

// states maps Twilio's message status to what a report says. A status that is
// not here (accepted, scheduled, queued, sending, receiving …) is no news: the
// message was recorded as sent when the request was accepted.
var states = map[string]channels.State{
	"sent":        channels.StateSent,
	"delivered":   channels.StateDelivered,
	"read":        channels.StateDelivered,
	"undelivered": channels.StateUndelivered,
	"failed":      channels.StateFailed,
}

// intents maps OptOutType of Advanced Opt-Out.
var intents = map[string]string{"STOP": "optout", "START": "resume", "HELP": "help"}

// answered are the one-word messages to which Twilio replies by itself without
// Advanced Opt-Out (https://help.twilio.com/articles/223134027).
var answered = map[string]bool{
	"STOP": true, "STOPALL": true, "UNSUBSCRIBE": true, "END": true, "QUIT": true, "CANCEL": true,
	"REVOKE": true, "OPTOUT": true, "START": true, "YES": true, "UNSTOP": true, "HELP": true, "INFO": true,
}

// Receive reads a call to InboundPath or StatusPath. Request.URL must be the
// public URL with its query. The parameters are those of Body; only when it is
// empty Form is taken, which then must not have those of the query. A status that
// is no news gives no event. An error other than ErrForged means a signed call
// that we cannot read.
func (c *Channel) Receive(r channels.Request) ([]channels.Event, error) {
	form := r.Form
	if len(r.Body) > 0 {
		var err error
		if form, err = url.ParseQuery(string(r.Body)); err != nil {
			return nil, fmt.Errorf("reading twilio's form: %w", channels.ErrForged)
		}
	}
	if !c.signed(r.URL, form, r.Header.Get("X-Twilio-Signature")) {
		return nil, fmt.Errorf("twilio callback: %w", channels.ErrForged)
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return nil, fmt.Errorf("reading the callback's url: %w", err)
	}
	switch {
	case strings.HasSuffix(u.Path, InboundPath):
		return inbound(form)
	case strings.HasSuffix(u.Path, StatusPath):
		return status(form, u.Query().Get("id"))
	}
	return nil, fmt.Errorf("twilio callback to unknown path %q", u.Path)
}

// signed checks X-Twilio-Signature over the URL and every parameter. The
// signature covers one value a name, so a call that repeats a name is not
// Twilio's. https://www.twilio.com/docs/usage/security
func (c *Channel) signed(callURL string, form url.Values, signature string) bool {
	if signature == "" {
		return false
	}
	params := make(map[string]string, len(form))
	for name, values := range form {
		if len(values) != 1 {
			return false
		}
		params[name] = values[0]
	}
	return c.validator.Validate(callURL, params, signature)
}

var errNoSID = errors.New("twilio callback without a message sid")

func messageSID(form url.Values) (string, error) {
	for _, name := range []string{"MessageSid", "SmsMessageSid", "SmsSid"} {
		if sid := form.Get(name); sid != "" {
			return sid, nil
		}
	}
	return "", errNoSID
}

func inbound(form url.Values) ([]channels.Event, error) {
	sid, err := messageSID(form)
	if err != nil {
		return nil, err
	}
	if form.Get("From") == "" {
		return nil, errors.New("twilio inbound message without a sender")
	}
	in := &channels.Inbound{
		Channel:     channels.SMS,
		ProviderID:  sid,
		From:        form.Get("From"),
		To:          form.Get("To"),
		Text:        form.Get("Body"),
		Attachments: attachments(form),
	}
	in.Intent = intents[strings.ToUpper(form.Get("OptOutType"))]
	in.Answered = in.Intent != "" || answered[strings.ToUpper(strings.TrimSpace(in.Text))]
	return []channels.Event{{Inbound: in}}, nil
}

// maxMedia is the most that one message can carry
// (https://www.twilio.com/docs/messaging/guides/webhook-request).
const maxMedia = 10

func attachments(form url.Values) []channels.Attachment {
	n, err := strconv.Atoi(form.Get("NumMedia"))
	if err != nil || n <= 0 {
		return nil
	}
	all := make([]channels.Attachment, 0, min(n, maxMedia))
	for i := range min(n, maxMedia) {
		kind := form.Get("MediaContentType" + strconv.Itoa(i))
		a := channels.Attachment{Name: kind, Type: kind, Ref: mediaPath(form.Get("MediaUrl" + strconv.Itoa(i)))}
		switch family, _, _ := strings.Cut(kind, "/"); family {
		case "image":
			a.Name = "photo"
		case "audio":
			a.Name = "voice"
		case "video":
			a.Name = "video"
		case "":
			a.Name = "file"
		}
		all = append(all, a)
	}
	return all
}

func status(form url.Values, ours string) ([]channels.Event, error) {
	sid, err := messageSID(form)
	if err != nil {
		return nil, err
	}
	name := form.Get("MessageStatus")
	if name == "" {
		name = form.Get("SmsStatus")
	}
	state, news := states[name]
	if !news {
		return nil, nil
	}
	r := &channels.Report{
		Channel:    channels.SMS,
		MessageID:  ours,
		ProviderID: sid,
		State:      state,
		Address:    form.Get("To"),
	}
	if code := form.Get("ErrorCode"); code != "" && code != "0" {
		explain(r, code)
	}
	return []channels.Event{{Report: r}}, nil
}
