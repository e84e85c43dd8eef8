package sandbox

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"otklik/channels"
)

// twilio is the stand-in for Twilio's Messages API, version 2010-04-01:
// https://www.twilio.com/docs/messaging/api/message-resource.
type twilio struct {
	s *Servers
	// callbacks bounds how many status callbacks are under way at once.
	callbacks chan struct{}
}

const maxBody = 1600

func (s *Servers) startTwilio() error {
	t := &twilio{s: s, callbacks: make(chan struct{}, 32)}
	s.twilio = t
	api := http.NewServeMux()
	handle := func(pattern string, stage Stage, h http.HandlerFunc) {
		api.HandleFunc(pattern, s.faulty(channels.SMS, stage, t.authenticated(h), t.fault))
	}
	const messages = "/2010-04-01/Accounts/{account}/Messages"
	handle("POST "+messages+".json", StageSend, t.create)
	handle("GET "+messages+".json", StageRead, t.list)
	handle("GET "+messages+"/{message}", StageRead, t.fetch)
	handle("/", StageRead, func(w http.ResponseWriter, r *http.Request) { notFound(w, r.URL.Path) })
	base, err := s.serveHTTP(api)
	s.TwilioBase = base
	return err
}

// twilioError is the body of every refusal.
type twilioError struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
}

func refuse(w http.ResponseWriter, status, code int, message string) {
	writeJSON(w, status, twilioError{code, message, "https://www.twilio.com/docs/errors/" + strconv.Itoa(code), status})
}

func notFound(w http.ResponseWriter, path string) {
	refuse(w, http.StatusNotFound, 20404, "The requested resource "+path+" was not found")
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (t *twilio) fault(w http.ResponseWriter, o *ongoing) {
	if gateway(w, o.Status) {
		return
	}
	code := o.Code
	if code == 0 {
		switch o.Status {
		case http.StatusTooManyRequests:
			code = 20429
		case http.StatusUnauthorized, http.StatusForbidden:
			code = 20003
		default:
			code = 20500
		}
	}
	refuse(w, o.Status, code, http.StatusText(o.Status))
}

func (t *twilio) authenticated(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := t.s.config
		user, password, _ := r.BasicAuth()
		known := subtle.ConstantTimeCompare([]byte(user), []byte(c.TwilioSID)) &
			subtle.ConstantTimeCompare([]byte(password), []byte(c.TwilioToken))
		if known != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
			refuse(w, http.StatusUnauthorized, 20003, "Authenticate")
			return
		}
		if account := r.PathValue("account"); account != "" && account != c.TwilioSID {
			notFound(w, r.URL.Path)
			return
		}
		h(w, r)
	}
}

// create takes a message, or refuses it with the code that Twilio has for it.
func (t *twilio) create(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, 20001, "The request body could not be read")
		return
	}
	f := r.PostForm
	if code, message := t.examine(f); code != 0 {
		status := http.StatusBadRequest
		if code == 20429 || code == 21611 {
			status = http.StatusTooManyRequests
		}
		refuse(w, status, code, message)
		return
	}
	sender, status := f.Get("From"), "queued"
	if sender == "" {
		sender, status = t.s.numbers[0], "accepted"
	}
	e, err := t.put(sender, f.Get("To"), f.Get("Body"), f.Get("MessagingServiceSid"), status)
	if err != nil {
		t.s.config.Logger.Error("the phones could not take an SMS", "error", err)
		refuse(w, http.StatusInternalServerError, 20500, "An internal server error has occurred")
		return
	}
	writeJSON(w, http.StatusCreated, t.resource(e))
	t.s.spawn(func(ctx context.Context) { t.report(ctx, e, f.Get("StatusCallback")) })
}

// examine checks a request in the order in which Twilio looks at it. The codes
// are of https://www.twilio.com/docs/api/errors.
func (t *twilio) examine(f url.Values) (code int, message string) {
	to, from, service, body := f.Get("To"), f.Get("From"), f.Get("MessagingServiceSid"), f.Get("Body")
	switch {
	case to == "":
		return 21604, "A 'To' phone number is required."
	case from == "" && service == "":
		return 21603, "A 'From' phone number is required."
	case service != "" && !serviceSID.MatchString(service):
		return 21701, "The Messaging Service does not exist"
	case body == "":
		return 21602, "Message body is required."
	case len(utf16.Encode([]rune(body))) > maxBody:
		return 21617, "The concatenated message body exceeds the 1600 character limit"
	case !e164.MatchString(to):
		return 21211, "Invalid 'To' Phone Number: " + to
	case from != "" && !slices.Contains(t.s.numbers, from):
		return 21606, "The 'From' phone number " + from + " is not a valid, message-capable Twilio phone number for this destination"
	case to == from:
		return 21266, "'To' and 'From' number cannot be the same: " + to
	}
	if callback := f.Get("StatusCallback"); callback != "" {
		u, err := url.Parse(callback)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return 21609, "Invalid 'StatusCallback' URL: " + callback
		}
	}
	if from == "" {
		from = t.s.numbers[0]
	}
	if t.s.Phones.marked(markKey{markStopped, channels.SMS, to, from}) {
		return 21610, "Attempt to send to unsubscribed recipient"
	}
	if code := t.s.Phones.refused(channels.SMS, to); code > 0 && code < asyncCodes {
		return code, "The message to " + to + " cannot be sent"
	}
	return 0, ""
}

// asyncCodes and above come by status callback, never in the answer.
const asyncCodes = 30000

// put stores a message of ours; one for an unreachable handset is kept but not
// shown on the phone.
func (t *twilio) put(from, to, body, service, status string) (*entry, error) {
	sid := newSID()
	_, err := t.s.Phones.write(func(n numbers) (record, error) {
		item := t.item(n.seq, sid, to, from, body)
		item.FromDealer = true
		return record{Item: item, Machine: time.Now().UTC(), Lost: t.s.Phones.refusal(channels.SMS, to), Service: service, Status: status}, nil
	})
	if err != nil {
		return nil, err
	}
	return t.s.Phones.lookUp(channels.SMS, sid)
}

func (t *twilio) item(seq int64, sid, customer, ours, text string) *Item {
	return &Item{Seq: seq, Channel: channels.SMS, Address: customer, Peer: ours, Text: text, ID: sid, At: t.s.config.Now()}
}

func newSID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return "SM" + hex.EncodeToString(b[:])
}

// message is Twilio's Message resource; the field types are those of its OpenAPI
// description.
type message struct {
	Body                string            `json:"body"`
	NumSegments         string            `json:"num_segments"`
	Direction           string            `json:"direction"`
	From                *string           `json:"from"`
	To                  string            `json:"to"`
	DateUpdated         string            `json:"date_updated"`
	Price               *string           `json:"price"`
	ErrorMessage        *string           `json:"error_message"`
	URI                 string            `json:"uri"`
	AccountSID          string            `json:"account_sid"`
	NumMedia            string            `json:"num_media"`
	Status              string            `json:"status"`
	MessagingServiceSID *string           `json:"messaging_service_sid"`
	SID                 string            `json:"sid"`
	DateSent            *string           `json:"date_sent"`
	DateCreated         string            `json:"date_created"`
	ErrorCode           *int              `json:"error_code"`
	PriceUnit           *string           `json:"price_unit"`
	APIVersion          string            `json:"api_version"`
	SubresourceURIs     map[string]string `json:"subresource_uris"`
}

// resource describes an entry as it stands now.
func (t *twilio) resource(e *entry) message {
	t.s.Phones.mu.Lock()
	defer t.s.Phones.mu.Unlock()
	uri := "/2010-04-01/Accounts/" + t.s.config.TwilioSID + "/Messages/" + e.ID
	at := e.machine.Format(time.RFC1123Z)
	status := settled(e)
	m := message{
		Body: e.Text, NumSegments: segments(e.Text), Direction: "outbound-api", To: e.Address, From: &e.Peer,
		DateCreated: at, DateUpdated: at, URI: uri + ".json", AccountSID: t.s.config.TwilioSID,
		NumMedia: "0", Status: status, SID: e.ID, APIVersion: "2010-04-01",
		SubresourceURIs: map[string]string{"media": uri + "/Media.json"},
	}
	if e.service != "" {
		m.MessagingServiceSID = &e.service
	}
	switch {
	case !e.FromDealer:
		m.Direction, m.From, m.To = "inbound", &e.Address, e.Peer
	case status == "accepted":
		m.From, m.NumSegments = nil, "0"
	case e.lost >= asyncCodes && status == "undelivered":
		code, text := e.lost, "Unreachable"
		m.ErrorCode, m.ErrorMessage = &code, &text
	}
	if status != "queued" && status != "accepted" {
		m.DateSent = &at
	}
	return m
}

// settled is the status of an entry, the last one when nothing is under way.
func settled(e *entry) string {
	switch {
	case e.status != "":
		return e.status
	case !e.FromDealer:
		return "received"
	case e.lost != 0:
		return "undelivered"
	default:
		return "delivered"
	}
}

var errNoSuchItem = errors.New("no such item")

// lookUp finds an entry by its provider id.
func (p *Phones) lookUp(ch channels.Kind, id string) (*entry, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.byID[place{ch, id}]
	if !ok {
		return nil, fmt.Errorf("looking up %s %q: %w", ch, id, errNoSuchItem)
	}
	return e, nil
}

// marked tells whether a mark is set.
func (p *Phones) marked(key markKey) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.marks[key] != ""
}

func (t *twilio) fetch(w http.ResponseWriter, r *http.Request) {
	sid, isJSON := strings.CutSuffix(r.PathValue("message"), ".json")
	e, err := t.s.Phones.lookUp(channels.SMS, sid)
	if err != nil || !isJSON {
		notFound(w, r.URL.Path)
		return
	}
	writeJSON(w, http.StatusOK, t.resource(e))
}
