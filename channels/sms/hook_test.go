package sms

import (
	"errors"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/channels/channeltest"
)

// TestSignatureOfTwiliosExample is the example of Twilio's own description of
// the signature (https://www.twilio.com/docs/usage/security).
func TestSignatureOfTwiliosExample(t *testing.T) {
	ch := open(t, Config{AccountSID: testSID, AuthToken: "12345", From: testFrom})
	form := url.Values{
		"CallSid": {"CA1234567890ABCDE"}, "Caller": {"+12349013030"}, "Digits": {"1234"},
		"From": {"+12349013030"}, "To": {"+18005551212"},
	}
	const callURL, signature = "https://mycompany.com/myapp.php?foo=1&bar=2", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="
	if !ch.signed(callURL, form, signature) || sign("12345", callURL, form) != signature {
		t.Error("twilio's example is not accepted")
	}
	if ch.signed(callURL, with(form, "Digits", "1235"), signature) {
		t.Error("a changed digit is accepted")
	}
}

func TestReceiveInbound(t *testing.T) {
	base := channels.Inbound{
		Channel: channels.SMS, ProviderID: "SM00000000000000000000000000000001",
		From: testTo, To: testFrom,
	}
	for name, tc := range map[string]struct {
		form url.Values
		want func(*channels.Inbound)
	}{
		"answer":   {inboundForm("2. ждал 3 часа"), func(in *channels.Inbound) { in.Text = "2. ждал 3 часа" }},
		"sentence": {inboundForm("stop please"), func(in *channels.Inbound) { in.Text = "stop please" }},
		"russian":  {inboundForm("СТОП"), func(in *channels.Inbound) { in.Text = "СТОП" }},
		"keyword":  {inboundForm(" Stop\n"), func(in *channels.Inbound) { in.Text, in.Answered = " Stop\n", true }},
		"own keyword": {with(inboundForm("СТОП"), "OptOutType", "STOP"), func(in *channels.Inbound) {
			in.Text, in.Intent, in.Answered = "СТОП", "optout", true
		}},
		"resume": {with(inboundForm("start"), "OptOutType", "START"), func(in *channels.Inbound) {
			in.Text, in.Intent, in.Answered = "start", "resume", true
		}},
		"help": {with(inboundForm("HELP"), "OptOutType", "HELP"), func(in *channels.Inbound) {
			in.Text, in.Intent, in.Answered = "HELP", "help", true
		}},
		"media": {
			with(with(with(inboundForm(""), "NumMedia", "3"), "MediaContentType0", "image/jpeg"), "MediaContentType2", "application/pdf"),
			func(in *channels.Inbound) {
				in.Attachments = []channels.Attachment{{Name: "photo", Type: "image/jpeg"}, {Name: "file"}, {Name: "application/pdf", Type: "application/pdf"}}
			},
		},
		"absurd media": {with(inboundForm(""), "NumMedia", "-4"), func(*channels.Inbound) {}},
	} {
		t.Run(name, func(t *testing.T) {
			ch := open(t, testConfig("http://"+channeltest.DeadAddr))
			events, err := ch.Receive(signedCall(testPublic+InboundPath, tc.form))
			if err != nil {
				t.Fatal(err)
			}
			want := base
			tc.want(&want)
			if d := cmp.Diff([]channels.Event{{Inbound: &want}}, events); d != "" {
				t.Error(d)
			}
		})
	}
	for word := range answered {
		ch := open(t, testConfig("http://"+channeltest.DeadAddr))
		events, err := ch.Receive(signedCall(testPublic+InboundPath, inboundForm(word)))
		if err != nil || !events[0].Inbound.Answered || events[0].Inbound.Intent != "" {
			t.Errorf("%s: %+v, %v", word, events, err)
		}
	}
}

func TestReceiveStatus(t *testing.T) {
	for status, want := range map[string]channels.State{
		"accepted": "", "scheduled": "", "queued": "", "sending": "", "canceled": "", "receiving": "", "partially_delivered": "",
		"sent": channels.StateSent, "delivered": channels.StateDelivered, "read": channels.StateDelivered,
		"undelivered": channels.StateUndelivered, "failed": channels.StateFailed,
	} {
		ch := open(t, testConfig("http://"+channeltest.DeadAddr))
		events, err := ch.Receive(signedCall(testPublic+StatusPath+"?id=otk%2B7", statusForm(status, "")))
		if err != nil {
			t.Fatal(err)
		}
		var expected []channels.Event
		if want != "" {
			expected = []channels.Event{{Report: &channels.Report{
				Channel: channels.SMS, MessageID: "otk+7", ProviderID: "SM00000000000000000000000000000002",
				State: want, Address: testTo,
			}}}
		}
		if d := cmp.Diff(expected, events); d != "" {
			t.Errorf("%s: %s", status, d)
		}
	}
}

// TestReceiveFormOnly: a caller that has parsed the form and dropped the body is
// understood as well; a port in the public URL is, too.
func TestReceiveFormOnly(t *testing.T) {
	ch := open(t, testConfig("http://"+channeltest.DeadAddr))
	r := signedCall("http://127.0.0.1:8080"+StatusPath+"?id=1", statusForm("delivered", ""))
	r.Body = nil
	if events, err := ch.Receive(r); err != nil || len(events) != 1 {
		t.Errorf("%v, %v", events, err)
	}
}

func TestReceiveUnreadable(t *testing.T) {
	ch := open(t, testConfig("http://"+channeltest.DeadAddr))
	for name, r := range map[string]channels.Request{
		"unknown path":   signedCall(testPublic+"/hooks/twilio/other", inboundForm("5")),
		"no sid inbound": signedCall(testPublic+InboundPath, url.Values{"From": {testTo}, "Body": {"5"}}),
		"no sid status":  signedCall(testPublic+StatusPath+"?id=1", url.Values{"MessageStatus": {"sent"}}),
		"no sender":      signedCall(testPublic+InboundPath, url.Values{"MessageSid": {"SM1"}, "Body": {"5"}}),
	} {
		events, err := ch.Receive(r)
		if err == nil || errors.Is(err, channels.ErrForged) || len(events) != 0 {
			t.Errorf("%s: %v, %v", name, events, err)
		}
	}
}

// FuzzReceive: nothing that anyone sends gives an event unless it is signed.
func FuzzReceive(f *testing.F) {
	f.Add(testPublic+InboundPath, "sig", []byte("MessageSid=SM1&From=%2B1&Body=5"))
	f.Add(testPublic+StatusPath+"?id=1", "", []byte("MessageSid=SM1&MessageStatus=sent"))
	f.Add("::", "x", []byte("%"))
	ch, err := New(testConfig(""))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, callURL, signature string, body []byte) {
		events, err := ch.Receive(channels.Request{
			URL: callURL, Body: body, Header: map[string][]string{"X-Twilio-Signature": {signature}},
		})
		if !errors.Is(err, channels.ErrForged) || len(events) != 0 {
			t.Errorf("%v, %v", events, err)
		}
	})
}
