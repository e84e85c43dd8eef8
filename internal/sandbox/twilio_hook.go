package sandbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"otklik/channels"
)

// sign computes X-Twilio-Signature: the URL as it is called, followed by every
// parameter's name and value in the order of the names, under HMAC-SHA1 with the
// account's token. https://www.twilio.com/docs/usage/security
func sign(token, address string, form url.Values) string {
	keys := make([]string, 0, len(form))
	for k := range form {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	for _, k := range keys {
		values := slices.Clone(form[k])
		slices.Sort(values)
		for _, v := range slices.Compact(values) {
			mac.Write([]byte(k + v))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signed builds a webhook call. token names the call, so that a repeated one can
// be told from a new one.
func (t *twilio) signed(address string, form url.Values, token string) func(context.Context) (*http.Request, error) {
	return func(ctx context.Context) (*http.Request, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
		req.Header.Set("User-Agent", "TwilioProxy/1.1")
		req.Header.Set("I-Twilio-Idempotency-Token", token)
		req.Header.Set("X-Twilio-Signature", sign(t.s.config.TwilioToken, address, form))
		return req, nil
	}
}

// report moves a message to its end and tells the status callback of each step,
// each in a call of its own that is repeated while our side is not up.
func (t *twilio) report(ctx context.Context, e *entry, callback string) {
	select {
	case t.callbacks <- struct{}{}:
		defer func() { <-t.callbacks }()
	case <-ctx.Done():
		return
	}
	end := "delivered"
	if e.lost != 0 {
		end = "undelivered"
	}
	for _, status := range []string{"sent", end} {
		t.s.Phones.step(e, status)
		if callback == "" {
			continue
		}
		form := url.Values{
			"AccountSid": {t.s.config.TwilioSID}, "ApiVersion": {"2010-04-01"}, "From": {e.Peer}, "To": {e.Address},
			"MessageSid": {e.ID}, "MessageStatus": {status}, "SmsSid": {e.ID}, "SmsStatus": {status},
		}
		if e.service != "" {
			form.Set("MessagingServiceSid", e.service)
		}
		if status == "undelivered" {
			form.Set("ErrorCode", strconv.Itoa(e.lost))
		}
		if err := t.s.hooks.deliver(ctx, triesStatus, t.signed(callback, form, e.ID+status), nil); err != nil && ctx.Err() == nil {
			t.s.config.Logger.Warn("a status callback was not taken", "message", e.ID, "status", status, "error", err)
		}
	}
}

// step sets the status of an entry that is under way.
func (p *Phones) step(e *entry, status string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.status = status
}

// writeSMS lets the person text the number that texted him last, or our first
// one. Twilio reads its own keywords before we see the message.
func (s *Servers) writeSMS(ctx context.Context, phone, text string) error {
	t, sid := s.twilio, newSID()
	r, err := s.Phones.write(func(n numbers) (record, error) {
		ours := s.numbers[0]
		if e, ok := s.Phones.newest(channels.SMS, phone); ok {
			ours = e.Peer
		}
		r := record{Item: t.item(n.seq, sid, phone, ours, text), Machine: time.Now().UTC()}
		stopped := s.Phones.marks[markKey{markStopped, channels.SMS, phone, ours}] != ""
		var answer string
		if answer, r.Mark = t.keyword(text, phone, ours, stopped); answer != "" {
			r.Also = t.item(n.seq+1, newSID(), phone, ours, answer)
			r.Also.FromDealer = true
		}
		return r, nil
	})
	if err != nil {
		return err
	}
	form := url.Values{
		"AccountSid": {s.config.TwilioSID}, "ApiVersion": {"2010-04-01"}, "Body": {text},
		"From": {phone}, "To": {r.Item.Peer}, "MessageSid": {sid}, "SmsMessageSid": {sid}, "SmsSid": {sid}, "SmsStatus": {"received"},
		"NumMedia": {"0"}, "NumSegments": {segments(text)},
		"FromCity": {""}, "FromCountry": {""}, "FromState": {""}, "FromZip": {""},
		"ToCity": {""}, "ToCountry": {""}, "ToState": {""}, "ToZip": {""},
	}
	return s.hooks.deliver(ctx, triesInbound, t.signed(s.config.PublicURL+"/hooks/twilio/inbound", form, sid), nil)
}

// keyword gives Twilio's answer to one of its default words, and what the word
// changes. Only a message of a single word counts.
// https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
func (t *twilio) keyword(text, phone, ours string, stopped bool) (answer string, change *mark) {
	words := t.s.wording.Twilio
	m := &mark{Kind: markStopped, Channel: channels.SMS, Address: phone, Peer: ours}
	switch strings.ToUpper(strings.TrimSpace(text)) {
	case "STOP", "STOPALL", "UNSUBSCRIBE", "END", "QUIT", "CANCEL", "REVOKE", "OPTOUT":
		if stopped {
			return "", nil
		}
		m.Value = "STOP"
		return words.Stop, m
	case "START", "YES", "UNSTOP":
		if !stopped {
			return "", nil
		}
		return words.Start, m
	case "HELP", "INFO":
		return words.Help, nil
	}
	return "", nil
}
