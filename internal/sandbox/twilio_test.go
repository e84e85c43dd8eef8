package sandbox_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"
	twilio "github.com/twilio/twilio-go/rest/api/v2010"

	"otklik/channels"
)

// rebased sends Twilio's own client to the stand-in.
type rebased struct {
	base string
	next http.RoundTripper
}

func (r rebased) RoundTrip(req *http.Request) (*http.Response, error) {
	u, err := url.Parse(r.base)
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.URL.Scheme, req.URL.Host = u.Scheme, u.Host
	return r.next.RoundTrip(req)
}

func (b *bench) twilio(password string) *twilio.ApiService {
	c := &client.Client{Credentials: client.NewCredentials(account, password), HTTPClient: &http.Client{Transport: rebased{b.TwilioBase, b.client.Transport}}}
	c.SetAccountSid(account)
	return twilio.NewApiService(&client.RequestHandler{Client: c})
}

func message(to, body string) *twilio.CreateMessageParams {
	p := &twilio.CreateMessageParams{}
	return p.SetTo(to).SetFrom(dealer).SetBody(body)
}

func TestTwilioTakesAMessageAndReportsIt(t *testing.T) {
	b := newBench(t, memory(t))
	callback := b.hooks.URL + "/hooks/twilio/status?m=0190-id&x=%20y"
	m, err := b.twilio(token).CreateMessage(message(customer, "Иван Петрович, как прошёл ремонт?").SetStatusCallback(callback))
	if err != nil {
		t.Fatal(err)
	}
	if *m.Status != "queued" || *m.NumSegments != "1" || *m.From != dealer || *m.To != customer || *m.Direction != "outbound-api" {
		t.Errorf("unexpected resource: %+v", m)
	}
	thread := b.Phones.Thread(channels.SMS, customer)
	if len(thread) != 1 || thread[0].ID != *m.Sid || thread[0].Text != "Иван Петрович, как прошёл ремонт?" || !thread[0].FromDealer ||
		thread[0].Peer != dealer || !thread[0].At.Equal(start) {
		t.Fatalf("unexpected thread: %+v", thread)
	}
	calls := b.heard(t, "/hooks/twilio/status", 2)
	validator := client.NewRequestValidator(token)
	for i, want := range []string{"sent", "delivered"} {
		form, err := url.ParseQuery(calls[i].body)
		if err != nil {
			t.Fatal(err)
		}
		if form.Get("MessageStatus") != want || form.Get("MessageSid") != *m.Sid || form.Get("To") != customer {
			t.Errorf("callback %d: %v", i, form)
		}
		if !validator.ValidateBody(callback, []byte(calls[i].body), calls[i].header.Get("X-Twilio-Signature")) {
			t.Errorf("callback %d: Twilio's own validator refuses the signature", i)
		}
	}
	eventually(t, func() bool {
		m, err := b.twilio(token).FetchMessage(*m.Sid, &twilio.FetchMessageParams{})
		return err == nil && *m.Status == "delivered" && m.DateSent != nil
	})
}

func TestTwilioResourceHasTheDescribedShape(t *testing.T) {
	b := newBench(t, memory(t))
	if _, err := b.twilio(token).CreateMessage(message(customer, "x")); err != nil {
		t.Fatal(err)
	}
	var list struct{ Messages []map[string]any }
	b.getJSON(t, "/2010-04-01/Accounts/"+account+"/Messages.json", &list)
	m := list.Messages[0]
	for field, pattern := range map[string]string{
		"sid": `^SM[0-9a-f]{32}$`, "account_sid": "^" + account + "$", "num_segments": "^1$", "num_media": "^0$",
		"api_version": "^2010-04-01$", "uri": `^/2010-04-01/Accounts/AC\w+/Messages/SM\w+\.json$`,
		"date_created": `^\w{3}, \d{2} \w{3} \d{4} \d\d:\d\d:\d\d \+0000$`, "date_updated": `\+0000$`,
	} {
		text, ok := m[field].(string)
		if !ok || !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("%s is %v, want a string like %s", field, m[field], pattern)
		}
	}
	for _, field := range []string{"error_code", "error_message", "price", "price_unit", "messaging_service_sid"} {
		if value, ok := m[field]; !ok || value != nil {
			t.Errorf("%s is %v, want null", field, value)
		}
	}
}

func (b *bench) getJSON(t *testing.T, path string, into any) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, b.TwilioBase+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(account, token)
	resp, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatalf("%s %s: %v", path, resp.Status, err)
	}
}

func TestTwilioRefuses(t *testing.T) {
	b := newBench(t, memory(t))
	const dead, barred = "+79990000005", "+79990000006"
	if err := b.Phones.Refuse(channels.SMS, barred, 21614); err != nil {
		t.Fatal(err)
	}
	if err := b.Write(t.Context(), channels.SMS, dead, " stop "); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		params *twilio.CreateMessageParams
		code   int
	}{
		{"no To", message("", "x"), 21604},
		{"bad To", message("89990000001", "x"), 21211},
		{"short To", message("+7123", "x"), 21211},
		{"empty body", message(customer, ""), 21602},
		{"1601 characters", message(customer, strings.Repeat("ж", 1601)), 21617},
		{"astral characters count twice", message(customer, strings.Repeat("😀", 801)), 21617},
		{"foreign From", message(customer, "x").SetFrom("+15005550006"), 21606},
		{"no sender", (&twilio.CreateMessageParams{}).SetTo(customer).SetBody("x"), 21603},
		{"to ourselves", message(dealer, "x"), 21266},
		{"bad callback", message(customer, "x").SetStatusCallback("not a url"), 21609},
		{"after STOP", message(dead, "x"), 21610},
		{"flagged", message(barred, "x"), 21614},
	} {
		_, err := b.twilio(token).CreateMessage(c.params)
		var refusal *client.TwilioRestError
		if !errors.As(err, &refusal) || refusal.Code != c.code || refusal.Status != http.StatusBadRequest {
			t.Errorf("%s: %v, want code %d", c.name, err, c.code)
		}
	}
	if _, err := b.twilio("wrong").CreateMessage(message(customer, "x")); !hasCode(err, 20003) {
		t.Errorf("wrong token: %v, want 20003", err)
	}
	if _, err := b.twilio(token).FetchMessage("SM"+strings.Repeat("0", 32), &twilio.FetchMessageParams{}); !hasCode(err, 20404) {
		t.Errorf("unknown sid: %v, want 20404", err)
	}
	if got := b.Phones.Thread(channels.SMS, customer); len(got) != 0 {
		t.Errorf("a refused message is on the phone: %v", got)
	}
}

func hasCode(err error, code int) bool {
	var refusal *client.TwilioRestError
	return errors.As(err, &refusal) && refusal.Code == code
}

func TestTwilioReportsUndelivered(t *testing.T) {
	b := newBench(t, memory(t))
	if err := b.Phones.Refuse(channels.SMS, customer, 30005); err != nil {
		t.Fatal(err)
	}
	m, err := b.twilio(token).CreateMessage(message(customer, "x").SetStatusCallback(b.hooks.URL + "/status"))
	if err != nil {
		t.Fatal(err)
	}
	last, _ := url.ParseQuery(b.heard(t, "/status", 2)[1].body)
	if last.Get("MessageStatus") != "undelivered" || last.Get("ErrorCode") != "30005" {
		t.Errorf("unexpected last callback: %v", last)
	}
	m, err = b.twilio(token).FetchMessage(*m.Sid, &twilio.FetchMessageParams{})
	if err != nil || *m.Status != "undelivered" || m.ErrorCode == nil || *m.ErrorCode != 30005 {
		t.Errorf("unexpected resource: %+v, %v", m, err)
	}
	if got := b.Phones.Thread(channels.SMS, customer); len(got) != 0 {
		t.Errorf("an undelivered message is on the phone: %v", got)
	}
	if err := b.Phones.Refuse(channels.SMS, customer, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := b.twilio(token).CreateMessage(message(customer, "y")); err != nil {
		t.Fatal(err)
	}
	if got := b.Phones.Thread(channels.SMS, customer); len(got) != 1 {
		t.Errorf("still unreachable after lifting: %v", got)
	}
}

func TestTwilioMessagingServicePicksTheFirstNumber(t *testing.T) {
	b := newBench(t, memory(t))
	service := "MG" + strings.Repeat("a", 32)
	m, err := b.twilio(token).CreateMessage((&twilio.CreateMessageParams{}).SetTo(customer).SetBody("x").SetMessagingServiceSid(service))
	if err != nil {
		t.Fatal(err)
	}
	if *m.Status != "accepted" || m.From != nil || *m.MessagingServiceSid != service {
		t.Errorf("unexpected resource: %+v", m)
	}
	if got := b.Phones.Thread(channels.SMS, customer)[0].Peer; got != dealer {
		t.Errorf("sent from %s, want %s", got, dealer)
	}
}

func TestTwilioInboundIsSigned(t *testing.T) {
	b := newBench(t, memory(t))
	if _, err := b.twilio(token).CreateMessage(message(customer, "1-5?").SetFrom("+78005550200")); err != nil {
		t.Fatal(err)
	}
	b.refusing(http.StatusServiceUnavailable)
	if err := b.Write(t.Context(), channels.SMS, customer, "2. ждал 3 часа + стук & шум"); err != nil {
		t.Fatal(err)
	}
	calls := b.heard(t, "/hooks/twilio/inbound", 2)
	if calls[0].body != calls[1].body || calls[0].header.Get("I-Twilio-Idempotency-Token") != calls[1].header.Get("I-Twilio-Idempotency-Token") {
		t.Error("the repeated call differs from the first")
	}
	validator := client.NewRequestValidator(token)
	if !validator.ValidateBody(calls[1].url, []byte(calls[1].body), calls[1].header.Get("X-Twilio-Signature")) {
		t.Error("Twilio's own validator refuses the signature")
	}
	form, _ := url.ParseQuery(calls[1].body)
	if form.Get("From") != customer || form.Get("To") != "+78005550200" || form.Get("Body") != "2. ждал 3 часа + стук & шум" {
		t.Errorf("unexpected form: %v", form)
	}
	thread := b.Phones.Thread(channels.SMS, customer)
	if len(thread) != 2 || thread[1].FromDealer || thread[1].ID != form.Get("MessageSid") {
		t.Errorf("unexpected thread: %+v", thread)
	}
}

func TestTwilioInboundRefusedIsAnError(t *testing.T) {
	b := newBench(t, memory(t))
	b.refusing(http.StatusForbidden)
	if err := b.Write(t.Context(), channels.SMS, customer, "1"); err == nil {
		t.Error("no error although our side refused")
	}
	b.heard(t, "/hooks/twilio/inbound", 1)
}

func TestTwilioKeywords(t *testing.T) {
	b := newBench(t, memory(t))
	send := func() error {
		_, err := b.twilio(token).CreateMessage(message(customer, "x"))
		return err
	}
	write := func(text string, items int) {
		t.Helper()
		before := len(b.Phones.Thread(channels.SMS, customer))
		if err := b.Write(t.Context(), channels.SMS, customer, text); err != nil {
			t.Fatal(err)
		}
		if got := len(b.Phones.Thread(channels.SMS, customer)) - before; got != items {
			t.Errorf("%q made %d items, want %d", text, got, items)
		}
	}
	write("STOP please", 1)
	if err := send(); err != nil {
		t.Errorf("two words stopped: %v", err)
	}
	write("СТОП", 1)
	if err := send(); err != nil {
		t.Errorf("a word that is not Twilio's stopped: %v", err)
	}
	write("yes", 1)
	write("Stop", 2)
	write("STOP", 1)
	if err := send(); !hasCode(err, 21610) {
		t.Errorf("after STOP: %v", err)
	}
	if _, err := b.twilio(token).CreateMessage(message(customer, "x").SetFrom("+78005550200")); err != nil {
		t.Errorf("STOP to one number reached another: %v", err)
	}
	if a := b.Phones.Addresses(); len(a) != 1 || !a[0].Blocked {
		t.Errorf("not shown as blocked: %+v", a)
	}
}

func TestTwilioStartLiftsStop(t *testing.T) {
	b := newBench(t, memory(t))
	for _, text := range []string{"stop", "start"} {
		if err := b.Write(t.Context(), channels.SMS, customer, text); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.twilio(token).CreateMessage(message(customer, "x")); err != nil {
		t.Errorf("after START: %v", err)
	}
	if got := len(b.Phones.Thread(channels.SMS, customer)); got != 5 {
		t.Errorf("%d items, want two words, two answers and a message", got)
	}
}

func TestTwilioListFiltersAndPages(t *testing.T) {
	b := newBench(t, memory(t))
	for i := range 7 {
		if _, err := b.twilio(token).CreateMessage(message(customer, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.twilio(token).CreateMessage(message("+79990000002", "other")); err != nil {
		t.Fatal(err)
	}
	if err := b.Write(t.Context(), channels.SMS, customer, "5"); err != nil {
		t.Fatal(err)
	}
	list := func(p *twilio.ListMessageParams) []string {
		t.Helper()
		found, err := b.twilio(token).ListMessage(p)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, m := range found {
			texts = append(texts, *m.Body)
		}
		return texts
	}
	hour := time.Now().UTC()
	for _, c := range []struct {
		name   string
		params *twilio.ListMessageParams
		want   string
	}{
		{"to, three a page, newest first", (&twilio.ListMessageParams{}).SetTo(customer).SetPageSize(3), "6 5 4 3 2 1 0"},
		{"from the customer", (&twilio.ListMessageParams{}).SetFrom(customer), "5"},
		{"all", &twilio.ListMessageParams{}, "5 other 6 5 4 3 2 1 0"},
		{"since an hour", (&twilio.ListMessageParams{}).SetTo("+79990000002").SetDateSentAfter(hour.Add(-time.Hour)), "other"},
		{"in the future", (&twilio.ListMessageParams{}).SetDateSentAfter(hour.Add(time.Hour)), ""},
		{"in the past", (&twilio.ListMessageParams{}).SetDateSentBefore(hour.Add(-time.Hour)), ""},
		{"between", (&twilio.ListMessageParams{}).SetTo("+79990000002").SetDateSentAfter(hour.Add(-time.Hour)).SetDateSentBefore(hour.Add(time.Hour)), "other"},
	} {
		if got := strings.Join(list(c.params), " "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	var first struct {
		Messages []struct {
			DateSent string `json:"date_sent"`
		}
		NextPageURI string `json:"next_page_uri"`
		End         int
	}
	b.getJSON(t, "/2010-04-01/Accounts/"+account+"/Messages.json?PageSize=4", &first)
	if len(first.Messages) != 4 || first.End != 3 || first.NextPageURI == "" {
		t.Errorf("a page of four: %+v", first)
	}
	second, err := time.Parse(time.RFC1123Z, first.Messages[0].DateSent)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*twilio.ListMessageParams{
		"from": (&twilio.ListMessageParams{}).SetDateSentAfter(second), "until": (&twilio.ListMessageParams{}).SetDateSentBefore(second),
		"at": (&twilio.ListMessageParams{}).SetDateSent(second),
	} {
		if got := list(p.SetFrom(customer)); len(got) != 1 {
			t.Errorf("%s the very second: %q, want the bound included", name, got)
		}
	}
	var today struct{ Messages []any }
	b.getJSON(t, "/2010-04-01/Accounts/"+account+"/Messages.json?DateSent="+time.Now().UTC().AddDate(0, 0, -2).Format(time.DateOnly), &today)
	if len(today.Messages) != 0 {
		t.Errorf("%d messages of the day before yesterday", len(today.Messages))
	}
	var refusal struct{ Code int }
	b.getJSON(t, "/2010-04-01/Accounts/"+account+"/Messages.json?DateSent=soon", &refusal)
	if refusal.Code != 20001 {
		t.Errorf("bad date: code %d, want 20001", refusal.Code)
	}
}

func TestStatusCallbackOutlivesOurRestart(t *testing.T) {
	b := newBench(t, memory(t))
	b.refusing(http.StatusBadGateway, http.StatusServiceUnavailable)
	if _, err := b.twilio(token).CreateMessage(message(customer, "x").SetStatusCallback(b.hooks.URL + "/status")); err != nil {
		t.Fatal(err)
	}
	var statuses []string
	for _, c := range b.heard(t, "/status", 4) {
		form, _ := url.ParseQuery(c.body)
		statuses = append(statuses, form.Get("MessageStatus"))
	}
	if got := strings.Join(statuses, " "); got != "sent sent sent delivered" {
		t.Errorf("callbacks %q", got)
	}
}

func TestSegments(t *testing.T) {
	b := newBench(t, memory(t))
	for _, c := range []struct {
		text, want string
	}{
		{strings.Repeat("a", 160), "1"},
		{strings.Repeat("a", 161), "2"},
		{strings.Repeat("a", 306), "2"},
		{strings.Repeat("a", 307), "3"},
		{strings.Repeat("€", 80), "1"},
		{strings.Repeat("€", 81), "2"},
		{strings.Repeat("ж", 70), "1"},
		{strings.Repeat("ж", 71), "2"},
		{strings.Repeat("ж", 134), "2"},
		{strings.Repeat("ж", 135), "3"},
		{strings.Repeat("😀", 35), "1"},
		{strings.Repeat("😀", 36), "2"},
		{strings.Repeat("a", 69) + "”", "1"},
		{strings.Repeat("a", 70) + "”", "2"},
	} {
		m, err := b.twilio(token).CreateMessage(message(customer, c.text))
		if err != nil {
			t.Fatal(err)
		}
		if *m.NumSegments != c.want {
			t.Errorf("%.8q × %d: %s segments, want %s", c.text, len([]rune(c.text)), *m.NumSegments, c.want)
		}
	}
}
