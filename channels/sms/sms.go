// Package sms is the SMS channel over Twilio's Messages API.
//
// It owns the HTTP client, the table from Twilio's codes to classes, the reading
// of Twilio's callbacks and the counting of segments. It makes one request per
// Send, never retries, stores or logs, and never reads the environment. Of
// twilio-go it uses the generated Messages API and the signature check only:
// contexts, timeouts and limits are ours (client.go). App wires it; the
// dispatcher and the inbox know it by the interfaces of package channels.
package sms

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"otklik/channels"
)

// Paths of the callbacks below Config.PublicURL. The status callback carries our
// message id in the query parameter "id".
const (
	InboundPath = "/hooks/twilio/inbound"
	StatusPath  = "/hooks/twilio/status"
)

const (
	defaultBase     = "https://api.twilio.com"
	defaultTimeout  = 20 * time.Second
	defaultMaxConns = 64
	// maxValidity is the longest ValidityPeriod that Twilio takes, in seconds
	// (https://www.twilio.com/docs/messaging/api/message-resource).
	maxValidity = 36000
)

// Config says which account sends and how.
type Config struct {
	// AccountSID and AuthToken are the account's credentials; AuthToken also
	// signs Twilio's callbacks.
	AccountSID, AuthToken string
	// From is the number or alphanumeric sender used when a message names
	// none. MessagingServiceSID lets Twilio choose; both may be set. A message
	// whose From is the SID of a messaging service (MG…) is sent through it.
	From, MessagingServiceSID string
	// APIBase replaces https://api.twilio.com, for regions and tests.
	APIBase string
	// PublicURL is the scheme and host under which Twilio reaches us, without
	// trailing slash. Empty: no status callbacks are asked for.
	PublicURL string
	// Timeout bounds one request in machine time; 20 s unless set.
	Timeout time.Duration
	// MaxConns bounds the open connections, all of which are kept for reuse;
	// 64 unless set. Sends beyond it wait for a free one.
	MaxConns int
}

// Channel sends through one Twilio account. It is a channels.Channel,
// channels.Asker and channels.Receiver, safe for concurrent use.
type Channel struct {
	config    Config
	base      string
	transport *http.Transport
	http      *http.Client
	validator client.RequestValidator
}

var (
	_ channels.Channel  = (*Channel)(nil)
	_ channels.Asker    = (*Channel)(nil)
	_ channels.Receiver = (*Channel)(nil)
)

// New checks the configuration and gives a channel; it touches no network. The
// error names every wrong field and shows no credential.
func New(c Config) (*Channel, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("configuring twilio: %w", err)
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.MaxConns == 0 {
		c.MaxConns = defaultMaxConns
	}
	base := strings.TrimRight(c.APIBase, "/")
	if base == "" {
		base = defaultBase
	}
	// No Proxy and no HTTP/2: the environment decides nothing, and a request
	// has its connection to itself, so that GotConn tells whether it began.
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConns:        c.MaxConns,
		MaxIdleConnsPerHost: c.MaxConns,
		MaxConnsPerHost:     c.MaxConns,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true,
	}
	return &Channel{
		config:    c,
		base:      base,
		transport: t,
		http: &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}},
		validator: client.NewRequestValidator(c.AuthToken),
	}, nil
}

func (c Config) check() error {
	var errs []error
	if c.AccountSID == "" || url.PathEscape(c.AccountSID) != c.AccountSID {
		errs = append(errs, errors.New("account sid is empty or no path segment"))
	}
	if c.AuthToken == "" {
		errs = append(errs, errors.New("auth token is empty"))
	}
	if c.Timeout < 0 || c.MaxConns < 0 {
		errs = append(errs, errors.New("timeout and connections must not be negative"))
	}
	for name, s := range map[string]string{"api base": c.APIBase, "public url": c.PublicURL} {
		if s == "" {
			continue
		}
		u, err := url.Parse(s)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.User != nil {
			errs = append(errs, fmt.Errorf("%s is no http or https URL with a host alone", name))
		}
	}
	if strings.HasSuffix(c.PublicURL, "/") {
		errs = append(errs, errors.New("public url ends in a slash"))
	}
	return errors.Join(errs...)
}

// Kind is channels.SMS.
func (c *Channel) Kind() channels.Kind { return channels.SMS }

// String names the account, so that a channel that is printed shows no token.
func (c *Channel) String() string { return "sms via twilio account " + c.config.AccountSID }

// Close gives up idle connections; requests under way are not touched.
func (c *Channel) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

// Send makes one CreateMessage request. Twilio's API has no idempotency key, so
// whatever happened after the request began is Uncertain unless Twilio said
// otherwise; Ask can settle it.
func (c *Channel) Send(ctx context.Context, m channels.Message) (channels.Receipt, error) {
	p, err := c.params(m)
	if err != nil {
		return channels.Receipt{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	call := &call{ch: c, ctx: ctx, check: m.Check}
	taken, err := call.api().CreateMessage(p)
	if err != nil {
		return channels.Receipt{}, call.failure("sending", err)
	}
	if deref(taken.Sid) == "" {
		return channels.Receipt{}, &channels.Error{Class: channels.Uncertain, Err: errors.New("sending: twilio's answer names no message")}
	}
	// With a messaging service the count is "0" until a sender is chosen.
	segments, err := strconv.Atoi(deref(taken.NumSegments))
	if err != nil || segments < 0 {
		segments = 0
	}
	return channels.Receipt{ProviderID: *taken.Sid, Segments: segments}, nil
}

func (c *Channel) params(m channels.Message) (*api.CreateMessageParams, error) {
	from, service := c.sender(m.From)
	if from == "" && service == "" {
		return nil, &channels.Error{
			Class: channels.Suspended, Scope: channels.ScopeSender, Reason: channels.ReasonConfig,
			Err: errors.New("neither the message nor the configuration names a sender"),
		}
	}
	p := (&api.CreateMessageParams{}).SetTo(m.To).SetBody(m.Text)
	if from != "" {
		p.SetFrom(from)
	}
	if service != "" {
		p.SetMessagingServiceSid(service)
	}
	if c.config.PublicURL != "" {
		p.SetStatusCallback(c.config.PublicURL + StatusPath + "?id=" + url.QueryEscape(m.ID))
	}
	if !m.ValidUntil.IsZero() {
		// Rounded up and at least one second: refusing what is overdue is
		// policy's work, and it knows the clock.
		left := (time.Until(m.ValidUntil) + time.Second - 1) / time.Second
		p.SetValidityPeriod(int(min(max(left, 1), maxValidity)))
	}
	return p, nil
}

// sender gives number and messaging service for a message that names wanted.
func (c *Channel) sender(wanted string) (from, service string) {
	switch {
	case strings.HasPrefix(wanted, "MG") && len(wanted) == 34:
		return "", wanted
	case wanted != "":
		return wanted, c.config.MessagingServiceSID
	}
	return c.config.From, c.config.MessagingServiceSID
}

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}
