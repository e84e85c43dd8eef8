// Package sandbox owns the stand-in providers of `otklik demo`: HTTP APIs shaped
// like Twilio's and Telegram's, an SMTP server and an IMAP mailbox, all on
// loopback, and the phones of the demo customers, which one can read and answer
// from. The real channels run against them as against the real providers.
//
// It speaks only the providers' protocols: it imports no channel, computes its
// signatures by itself, and knows nothing of surveys or stores. What a person
// sees carries business time; what a provider would stamp with its own clock,
// the dates of Twilio's resources, carries the system's. Callers: internal/app
// starts it for the demo, internal/console shows the phones, tests use it as a
// bench with faults.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"otklik/channels"
)

// Config is what the stand-ins share with the real channels. All but Now, Logger
// and HTTPClient must be set.
type Config struct {
	// PublicURL is where our hooks are: PublicURL + "/hooks/twilio/inbound".
	PublicURL string
	// TwilioSID and TwilioToken are the credentials that the API accepts and
	// that webhooks are signed with.
	TwilioSID, TwilioToken string
	// TwilioFrom lists our numbers, separated by commas; the first is the one
	// that a messaging service picks.
	TwilioFrom string
	// TelegramToken has Telegram's form, digits:letters.
	TelegramToken string
	// TelegramSecret goes with the updates of a webhook that was set without a
	// secret_token of its own.
	TelegramSecret string
	// BotName is the bot's user name and first name.
	BotName string
	// Mailbox is our address; all mail to the dealer lands in its INBOX.
	Mailbox string
	// Now is business time; the system's when nil.
	Now func() time.Time
	// Logger hears what a provider's own log would say; nobody when nil.
	Logger *slog.Logger
	// HTTPClient delivers webhooks; one with a timeout of 15 s when nil.
	HTTPClient *http.Client
}

// Servers are the running stand-ins.
type Servers struct {
	Phones *Phones
	// TwilioBase and TelegramBase replace https://api.twilio.com and
	// https://api.telegram.org.
	TwilioBase, TelegramBase string
	// SMTPURL and IMAPURL carry the user and password of our mailbox and have
	// the schemes smtp+insecure and imap+insecure: neither speaks TLS.
	SMTPURL, IMAPURL string

	config   Config
	numbers  []string
	wording  wording
	hooks    hooks
	faults   *faults
	twilio   *twilio
	telegram *telegram
	mailbox  *mailbox

	ctx     context.Context
	cancel  context.CancelFunc
	closers []func() error

	mu     sync.Mutex
	closed bool
	active sync.WaitGroup
}

// Errors that a person's action can meet.
var (
	// ErrUnknownChat: nobody has opened the bot from this chat yet.
	ErrUnknownChat = errors.New("the chat has not opened the bot")
	// ErrBlocked: the person blocks the bot; StartBot unblocks it.
	ErrBlocked = errors.New("the chat blocks the bot")
	// ErrNoButton: the message does not show such a button now.
	ErrNoButton = errors.New("the message shows no such button")
	// ErrClosed: the servers are closed.
	ErrClosed = errors.New("sandbox is closed")
)

// Start brings up all four stand-ins on free ports of 127.0.0.1. The end of ctx
// stops what they do by themselves (callbacks, webhooks, long polls); Close stops
// the rest and must be called. All faults of the configuration are reported at
// once.
func Start(ctx context.Context, p *Phones, c Config) (*Servers, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("checking the sandbox's configuration: %w", err)
	}
	words, err := readWording()
	if err != nil {
		return nil, err
	}
	s := &Servers{Phones: p, config: c.withDefaults(), wording: words, faults: newFaults()}
	for number := range strings.SplitSeq(c.TwilioFrom, ",") {
		s.numbers = append(s.numbers, strings.TrimSpace(number))
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.hooks = hooks{client: s.config.HTTPClient}
	for _, start := range []func() error{s.startTwilio, s.startTelegram, s.startSMTP, s.startIMAP} {
		if err := start(); err != nil {
			return nil, errors.Join(fmt.Errorf("starting a stand-in: %w", err), s.Close())
		}
	}
	return s, nil
}

var (
	twilioSID     = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	twilioToken   = regexp.MustCompile(`^[0-9A-Za-z]+$`)
	telegramToken = regexp.MustCompile(`^[0-9]{1,18}:[A-Za-z0-9_-]+$`)
	e164          = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`)
)

func (c Config) check() error {
	var errs []error
	need := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New(what))
		}
	}
	u, err := url.Parse(c.PublicURL)
	need(err == nil && u.Host != "", "PublicURL is no absolute URL")
	need(twilioSID.MatchString(c.TwilioSID), "TwilioSID is not AC and 32 hexadecimal digits")
	need(twilioToken.MatchString(c.TwilioToken), "TwilioToken is not letters and digits, which Twilio's own client insists on")
	for number := range strings.SplitSeq(c.TwilioFrom, ",") {
		need(e164.MatchString(strings.TrimSpace(number)), "TwilioFrom is not E.164")
	}
	need(telegramToken.MatchString(c.TelegramToken), "TelegramToken is not digits:letters")
	need(c.BotName != "", "BotName is empty")
	_, err = mail.ParseAddress(c.Mailbox)
	need(err == nil, "Mailbox is no mail address")
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{IdleConnTimeout: time.Minute}}
	}
	c.PublicURL = strings.TrimSuffix(c.PublicURL, "/")
	return c
}

// Close stops everything and returns when no goroutine of the stand-ins is left.
// Requests under way are cut off. The phones stay open. A second call does
// nothing.
func (s *Servers) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	var errs []error
	for _, stop := range s.closers {
		errs = append(errs, stop())
	}
	s.active.Wait()
	s.config.HTTPClient.CloseIdleConnections()
	return errors.Join(errs...)
}

// enter counts a piece of work that Close waits for; false once closed.
func (s *Servers) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.active.Add(1)
	return true
}

// spawn runs work in the background until it is done or the servers close.
func (s *Servers) spawn(work func(ctx context.Context)) {
	if !s.enter() {
		return
	}
	go func() {
		defer s.active.Done()
		work(s.ctx)
	}()
}

// serveHTTP starts one HTTP stand-in and gives its base URL.
func (s *Servers) serveHTTP(h http.Handler) (string, error) {
	ln, err := listen()
	if err != nil {
		return "", err
	}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !s.enter() {
				panic(http.ErrAbortHandler)
			}
			defer s.active.Done()
			r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
			h.ServeHTTP(w, r)
		}),
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ErrorLog:          slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: 10 * time.Second,
	}
	s.serve(ln, server.Serve, server.Close)
	return "http://" + ln.Addr().String(), nil
}

// serve runs an accept loop and arranges for its end: no connection and no loop
// is left when the server itself is told.
func (s *Servers) serve(ln *listener, run func(net.Listener) error, stop func() error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := run(ln); err != nil && s.ctx.Err() == nil {
			s.config.Logger.Error("a stand-in has stopped serving", "error", err)
		}
	}()
	s.closers = append(s.closers, func() error {
		ln.closeAll()
		<-done
		return stop()
	})
}

// Write lets the person type a text. An SMS goes through the signed webhook and
// Write returns when our side has taken it; a Telegram message waits for the bot
// as an update; a mail, which answers the newest one, lies in our mailbox.
func (s *Servers) Write(ctx context.Context, ch channels.Kind, address, text string) error {
	if err := s.alive(ctx); err != nil {
		return err
	}
	switch ch {
	case channels.SMS:
		return s.writeSMS(ctx, address, text)
	case channels.Telegram:
		return s.writeTelegram(address, text)
	case channels.Email:
		return s.writeMail(address, text)
	default:
		return fmt.Errorf("writing on channel %q: the sandbox has no such phone", ch)
	}
}
