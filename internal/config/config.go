// Package config owns the typed configuration: environment first, an optional
// YAML file (OTKLIK_CONFIG) under it, and a check that reports all problems
// together, each with the variable's name. Only internal/app and cmd read it.
package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/mail"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"otklik/internal/calendar"
	"otklik/internal/ratelimit"
)

// Config is everything serve needs to know.
type Config struct {
	Listen, AdminListen, PublicURL, Log string
	DatabaseURL, RedisURL               string
	Twilio                              Twilio
	Telegram                            Telegram
	SMTPURL, EmailFrom, IMAPURL         string
	// SMSPrice is what a segment of an SMS costs; zero where nobody has said it.
	SMSPrice  Price
	Dealers   []Dealer
	Retention Retention
	// Attachments bound what is kept of what customers send beside their words.
	Attachments Attachments
	// Definitions is the folder of editable surveys and programs; "" for none.
	Definitions string
}

// Price is an amount of money.
type Price struct {
	Minor    int64
	Currency string
}

// Twilio is the SMS provider's account.
type Twilio struct {
	AccountSID, AuthToken, From, MessagingServiceSID, APIBase string
}

// On tells whether SMS is configured.
func (t Twilio) On() bool { return t.AccountSID != "" }

// Telegram is the bot.
type Telegram struct {
	Token, APIBase, Mode string
}

// On tells whether the bot is configured.
func (t Telegram) On() bool { return t.Token != "" }

// Dealer is a rooftop as configuration states it.
type Dealer struct {
	Code    string `yaml:"code"`
	Name    string `yaml:"name"`
	Phone   string `yaml:"phone"`
	Address string `yaml:"address"`
	Zone    string `yaml:"zone"`
	Country string `yaml:"country"`
	Locale  string `yaml:"locale"`
	// SMSFrom, EmailFrom and TelegramBot are this dealer's own senders; empty for
	// the common ones.
	SMSFrom   string `yaml:"sms_from"`
	EmailFrom string `yaml:"email_from"`
	// Closures are days on which this dealer is closed beside his country's days off:
	// working days are counted without them.
	Closures calendar.Closures `yaml:"closures"`
	// Implied: nothing of it is configured, it is what stands for a first rooftop.
	Implied bool `yaml:"-"`
}

// file is the YAML form: the environment's names in lower case without the
// prefix, and the dealers, which have no place in an environment. What stands under
// retention is the same as settings retention_….
type file struct {
	Settings  map[string]string `yaml:"settings"`
	Retention map[string]string `yaml:"retention"`
	Dealers   []Dealer          `yaml:"dealers"`
}

// Problems are all that is wrong, each with the variable's name.
type Problems []string

// Error lists them a line each.
func (p Problems) Error() string {
	return fmt.Sprintf("%d problem(s) in the configuration:\n  %s", len(p), strings.Join(p, "\n  "))
}

// Known lists every variable that is read.
func Known() []string {
	known := []string{
		"OTKLIK_CONFIG", "OTKLIK_LISTEN", "OTKLIK_ADMIN_LISTEN", "OTKLIK_PUBLIC_URL", "OTKLIK_LOG", "OTKLIK_DATABASE_URL", "OTKLIK_REDIS_URL", "OTKLIK_DEFINITIONS",
		"OTKLIK_TWILIO_ACCOUNT_SID", "OTKLIK_TWILIO_AUTH_TOKEN", "OTKLIK_TWILIO_FROM", "OTKLIK_TWILIO_MESSAGING_SERVICE_SID", "OTKLIK_TWILIO_API_BASE", "OTKLIK_SMS_PRICE",
		"OTKLIK_TELEGRAM_TOKEN", "OTKLIK_TELEGRAM_API_BASE", "OTKLIK_TELEGRAM_MODE", "OTKLIK_SMTP_URL", "OTKLIK_EMAIL_FROM", "OTKLIK_IMAP_URL", "OTKLIK_ATTACHMENT_LIMIT", "OTKLIK_ATTACHMENT_LIMIT_MESSAGE",
		"OTKLIK_DEALER_NAME", "OTKLIK_DEALER_ZONE", "OTKLIK_DEALER_LOCALE", "OTKLIK_DEALER_COUNTRY", "OTKLIK_DEALER_CODE", "OTKLIK_DEALER_PHONE", "OTKLIK_DEALER_ADDRESS",
	}
	for _, k := range kept {
		known = append(known, k.name)
	}
	return known
}

// price reads an amount like "4.20 RUB"; what stands behind the point are hundredths.
func (r *reader) price(name string) (p Price) {
	v := r.get(name, "")
	if v == "" {
		return p
	}
	parts := amount.FindStringSubmatch(v)
	if parts == nil {
		r.bad(name, "%q is not a price of a segment like 4.20 RUB", v)
		return p
	}
	whole, err := strconv.ParseInt(parts[1]+(parts[2] + "00")[:2], 10, 64)
	if err != nil {
		r.bad(name, "%q is not a price of a segment like 4.20 RUB", v)
	}
	return Price{whole, parts[3]}
}

var amount = regexp.MustCompile(`^(\d{1,6})(?:[.,](\d{1,2}))? ([A-Z]{3})$`)

// Attachments are limits in bytes: of each, and of all that come with one message.
type Attachments struct{ Each, Message int64 }

// size reads a number of bytes like 20MB; 0 for nothing at all.
func (r *reader) size(name, fallback string) int64 {
	v := r.get(name, fallback)
	parts := sizeForm.FindStringSubmatch(v)
	if parts == nil {
		r.bad(name, "%q is not a size like 20MB, 500KB, or 0", v)
		return 0
	}
	n, err := strconv.ParseInt(cmp.Or(parts[1], "0"), 10, 64)
	if err != nil {
		r.bad(name, "%q is not a size like 20MB, 500KB, or 0", v)
	}
	return n << map[string]int{"KB": 10, "MB": 20, "GB": 30}[parts[2]]
}

var sizeForm = regexp.MustCompile(`^(?:([1-9]\d{0,4}) ?(KB|MB|GB)|0)$`)

// reader collects values and problems.
type reader struct {
	env      map[string]string
	file     map[string]string
	problems Problems
}

// Load reads the environment (os.Environ form) and the file it names. The error is
// a Problems.
func Load(environ []string) (*Config, error) {
	r := &reader{env: map[string]string{}}
	for _, kv := range environ {
		k, v, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(k, "OTKLIK_") {
			r.env[k] = v
		}
	}
	var f file
	if name := r.env["OTKLIK_CONFIG"]; name != "" {
		f = r.readFile(name)
	}
	r.strangers()
	c := &Config{
		Listen: r.get("OTKLIK_LISTEN", "127.0.0.1:8080"), AdminListen: r.get("OTKLIK_ADMIN_LISTEN", ""),
		PublicURL: strings.TrimSuffix(r.get("OTKLIK_PUBLIC_URL", ""), "/"), Log: r.get("OTKLIK_LOG", "text"),
		DatabaseURL: r.get("OTKLIK_DATABASE_URL", "sqlite:data/otklik.db"), RedisURL: r.get("OTKLIK_REDIS_URL", ""),
		Twilio: Twilio{AccountSID: r.get("OTKLIK_TWILIO_ACCOUNT_SID", ""), AuthToken: r.get("OTKLIK_TWILIO_AUTH_TOKEN", ""), From: r.get("OTKLIK_TWILIO_FROM", ""),
			MessagingServiceSID: r.get("OTKLIK_TWILIO_MESSAGING_SERVICE_SID", ""), APIBase: strings.TrimSuffix(r.get("OTKLIK_TWILIO_API_BASE", ""), "/")},
		Telegram: Telegram{Token: r.get("OTKLIK_TELEGRAM_TOKEN", ""), APIBase: strings.TrimSuffix(r.get("OTKLIK_TELEGRAM_API_BASE", ""), "/"), Mode: r.get("OTKLIK_TELEGRAM_MODE", "poll")},
		SMTPURL:  r.get("OTKLIK_SMTP_URL", ""), EmailFrom: r.get("OTKLIK_EMAIL_FROM", ""), IMAPURL: r.get("OTKLIK_IMAP_URL", ""),
		Dealers: f.Dealers,
	}
	c.SMSPrice = r.price("OTKLIK_SMS_PRICE")
	r.retention(&c.Retention)
	c.Attachments = Attachments{Each: r.size("OTKLIK_ATTACHMENT_LIMIT", "20MB"), Message: r.size("OTKLIK_ATTACHMENT_LIMIT_MESSAGE", "50MB")}
	r.definitions(c)
	r.dealers(c)
	r.check(c)
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return c, nil
}

func (r *reader) readFile(name string) (f file) {
	b, err := os.ReadFile(name) //nolint:gosec // the operator names his own file
	if err != nil {
		r.bad("OTKLIK_CONFIG", "the file cannot be read: %v", err)
		return f
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true) // a key that nothing reads is a typing error: its value would be the default
	var wrong *yaml.TypeError
	switch err := dec.Decode(&f); {
	case errors.As(err, &wrong):
		for _, s := range wrong.Errors {
			r.bad("OTKLIK_CONFIG", "%s: %s", name, typeName.ReplaceAllString(s, ""))
		}
	case err != nil && !errors.Is(err, io.EOF):
		r.bad("OTKLIK_CONFIG", "%s: %v", name, err)
	}
	r.file = f.Settings
	if r.file == nil {
		r.file = map[string]string{}
	}
	for k, v := range f.Retention {
		r.file["retention_"+k] = v
	}
	for _, k := range slices.Sorted(maps.Keys(r.file)) {
		if !slices.Contains(Known(), "OTKLIK_"+strings.ToUpper(k)) {
			r.bad("OTKLIK_CONFIG", "%s: setting %q is not known", name, k)
		}
	}
	return f
}

// typeName is what the YAML library says of our own types behind an unknown key.
var typeName = regexp.MustCompile(` in type config\.\w+$`)

// strangers names variables that nothing reads: mostly typing errors.
func (r *reader) strangers() {
	var names []string
	for k := range r.env {
		if !slices.Contains(Known(), k) && !strings.HasPrefix(k, "OTKLIK_TEST_") && k != "OTKLIK_SHARED" {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	for _, k := range names {
		r.bad(k, "is not a variable that otklik knows")
	}
}

func (r *reader) get(name, fallback string) string {
	if v := strings.TrimSpace(r.env[name]); v != "" {
		return v
	}
	if v := strings.TrimSpace(r.file[strings.ToLower(strings.TrimPrefix(name, "OTKLIK_"))]); v != "" {
		return v
	}
	return fallback
}

func (r *reader) bad(name, format string, args ...any) {
	r.problems = append(r.problems, name+": "+fmt.Sprintf(format, args...))
}

// ownDefinitions is where definitions are looked for that nobody named.
const ownDefinitions = "definitions"

// definitions finds the folder: one that is named must be there, the usual one may.
func (r *reader) definitions(c *Config) {
	c.Definitions = r.get("OTKLIK_DEFINITIONS", "")
	name := orElse(c.Definitions, ownDefinitions)
	st, err := os.Stat(name)
	switch {
	case err == nil && st.IsDir():
		c.Definitions = name
	case c.Definitions != "":
		r.bad("OTKLIK_DEFINITIONS", "%q is no folder", name)
	}
}

// dealers completes the list: without one in the file the environment names it.
func (r *reader) dealers(c *Config) {
	first := Dealer{Code: r.get("OTKLIK_DEALER_CODE", "main"), Name: r.get("OTKLIK_DEALER_NAME", "Otklik"), Phone: r.get("OTKLIK_DEALER_PHONE", ""), Address: r.get("OTKLIK_DEALER_ADDRESS", ""),
		Zone: r.get("OTKLIK_DEALER_ZONE", "Europe/Moscow"), Country: r.get("OTKLIK_DEALER_COUNTRY", "RU"), Locale: r.get("OTKLIK_DEALER_LOCALE", "ru")}
	if len(c.Dealers) == 0 {
		first.Implied = !slices.ContainsFunc(Known(), func(name string) bool { return strings.HasPrefix(name, "OTKLIK_DEALER_") && r.get(name, "") != "" })
		c.Dealers = []Dealer{first}
		r.checkDealer(first, "OTKLIK_DEALER_ZONE", "OTKLIK_DEALER_COUNTRY", "OTKLIK_DEALER_LOCALE")
		return
	}
	seen := map[string]bool{}
	for i := range c.Dealers {
		d := &c.Dealers[i]
		d.Zone, d.Country, d.Locale = orElse(d.Zone, first.Zone), orElse(d.Country, first.Country), orElse(d.Locale, first.Locale)
		where := fmt.Sprintf("OTKLIK_CONFIG: dealers[%d]", i)
		if d.Code == "" || seen[d.Code] {
			r.problems = append(r.problems, where+": code is missing or used twice")
		}
		seen[d.Code] = true
		r.checkDealer(*d, where+".zone", where+".country", where+".locale")
		if d.Name == "" {
			r.bad(where+".name", "is missing: customers read it in every message")
		}
		r.smsSender(where+".sms_from", d.SMSFrom)
		r.mailSender(where+".email_from", d.EmailFrom)
		for _, s := range d.Closures {
			if s.Days() > longestClosure {
				r.bad(where+".closures", "%s is longer than %d days: look at the years", s, longestClosure)
			}
		}
	}
}

// longestClosure in days: what is longer is a typing error.
const longestClosure = 120

func orElse(v, fallback string) string {
	if v == "" {
		return fallback
	}
	return v
}

func (r *reader) checkDealer(d Dealer, zone, country, locale string) {
	if _, err := time.LoadLocation(d.Zone); err != nil || d.Zone == "" || d.Zone == "Local" {
		r.bad(zone, "%q is not a time zone like Europe/Moscow", d.Zone)
	}
	if !regexp.MustCompile(`^[A-Z]{2}$`).MatchString(d.Country) {
		r.bad(country, "%q is not a country code like RU", d.Country)
	}
	if !slices.Contains([]string{"ru", "en", "zh"}, d.Locale) {
		r.bad(locale, "%q is not one of ru, en, zh", d.Locale)
	}
}

func (r *reader) check(c *Config) {
	r.listen("OTKLIK_LISTEN", c.Listen)
	if c.AdminListen != "" {
		r.listen("OTKLIK_ADMIN_LISTEN", c.AdminListen)
	}
	if c.Log != "text" && c.Log != "json" {
		r.bad("OTKLIK_LOG", "%q is neither text nor json", c.Log)
	}
	r.url("OTKLIK_PUBLIC_URL", c.PublicURL, "http", "https")
	r.redis(c.RedisURL)
	r.url("OTKLIK_TWILIO_API_BASE", c.Twilio.APIBase, "http", "https")
	r.url("OTKLIK_TELEGRAM_API_BASE", c.Telegram.APIBase, "http", "https")
	r.url("OTKLIK_SMTP_URL", c.SMTPURL, "smtp", "smtps", "smtp+insecure")
	r.url("OTKLIK_IMAP_URL", c.IMAPURL, "imap", "imaps", "imap+insecure")
	r.database(c.DatabaseURL)
	r.checkTwilio(c)
	r.checkTelegram(c)
	r.checkEmail(c)
}

func (r *reader) listen(name, v string) {
	_, port, err := net.SplitHostPort(v)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		r.bad(name, "%q is not an address like 127.0.0.1:8080", v)
	}
}

func (r *reader) url(name, v string, schemes ...string) {
	if v == "" {
		return
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" && u.Scheme != "unix" || !slices.Contains(schemes, u.Scheme) {
		// The value may hold a password and is not repeated.
		r.bad(name, "is not a URL that begins with %s://", strings.Join(schemes, ":// or "))
	}
}

// redis checks the whole of the address; only the parts that hold no secret are repeated.
func (r *reader) redis(v string) {
	const name = "OTKLIK_REDIS_URL"
	before := len(r.problems)
	r.url(name, v, "redis", "rediss", "unix")
	if v == "" || len(r.problems) > before {
		return
	}
	client, err := ratelimit.Dial(v)
	if err != nil {
		r.bad(name, "%v", err)
		return
	}
	_ = client.Close() // it has not connected
}

// database checks the form; the values may hold a password and are not repeated.
func (r *reader) database(v string) {
	const name = "OTKLIK_DATABASE_URL"
	switch scheme, rest, _ := strings.Cut(v, ":"); {
	case scheme == "sqlite" && rest == "":
		r.bad(name, "names no file, like sqlite:data/otklik.db")
	case scheme == "sqlite":
	case !strings.HasPrefix(v, "postgres://") && !strings.HasPrefix(v, "postgresql://"):
		r.bad(name, "must begin with sqlite: or postgres://")
	default:
		// A host may be missing: a socket's folder is given as ?host=.
		if _, err := url.Parse(v); err != nil {
			r.bad(name, "cannot be read as a URL; a password's special characters are written in percent form, %% as %%25")
		}
	}
}

func (r *reader) checkTwilio(c *Config) {
	t := c.Twilio
	if !t.On() {
		if t.AuthToken != "" || t.From != "" || t.MessagingServiceSID != "" {
			r.bad("OTKLIK_TWILIO_ACCOUNT_SID", "is missing although other Twilio variables are set")
		}
		return
	}
	r.smsSender("OTKLIK_TWILIO_FROM", t.From)
	if t.AuthToken == "" {
		r.bad("OTKLIK_TWILIO_AUTH_TOKEN", "is missing: without it webhooks cannot be authenticated")
	}
	switch {
	case t.From == "" && t.MessagingServiceSID == "":
		r.bad("OTKLIK_TWILIO_FROM", "is missing; give it or OTKLIK_TWILIO_MESSAGING_SERVICE_SID")
	case t.From != "" && t.MessagingServiceSID != "":
		r.bad("OTKLIK_TWILIO_MESSAGING_SERVICE_SID", "and OTKLIK_TWILIO_FROM exclude each other")
	}
	if c.PublicURL == "" {
		r.bad("OTKLIK_PUBLIC_URL", "is missing: Twilio must know where to report and to bring replies")
	}
}

// smsNumber is a number as providers give it, a short code, or a name of up to eleven
// letters and digits.
var smsNumber = regexp.MustCompile(`^(?:\+[1-9][0-9]{6,14}|[0-9]{3,6}|[0-9 ]{0,10}[A-Za-z][A-Za-z0-9 ]{0,10})$`)

// smsSender looks at a sender: replies are known by the number that they come to.
func (r *reader) smsSender(name, v string) {
	if v != "" && !smsNumber.MatchString(v) {
		r.bad(name, "%q is not a number like +74950000000", v)
	}
}

func (r *reader) mailSender(name, v string) {
	if v == "" {
		return
	}
	if _, err := mail.ParseAddress(v); err != nil {
		r.bad(name, "%q is not a mail address like Service <service@example.org>", v)
	}
}

func (r *reader) checkTelegram(c *Config) {
	if m := c.Telegram.Mode; m != "poll" && m != "webhook" {
		r.bad("OTKLIK_TELEGRAM_MODE", "%q is neither poll nor webhook", m)
	}
	if c.Telegram.On() && !regexp.MustCompile(`^[0-9]{1,20}:[A-Za-z0-9_-]+$`).MatchString(c.Telegram.Token) {
		r.bad("OTKLIK_TELEGRAM_TOKEN", "is not a token like 123456:ABC-def that BotFather gives")
	}
	if c.Telegram.On() && c.Telegram.Mode == "webhook" && c.PublicURL == "" {
		r.bad("OTKLIK_PUBLIC_URL", "is missing: Telegram's webhook needs it (or OTKLIK_TELEGRAM_MODE=poll)")
	}
}

func (r *reader) checkEmail(c *Config) {
	if c.SMTPURL == "" {
		if c.IMAPURL != "" {
			r.bad("OTKLIK_SMTP_URL", "is missing although OTKLIK_IMAP_URL is set")
		}
		return
	}
	if c.EmailFrom == "" {
		r.bad("OTKLIK_EMAIL_FROM", "is missing: a mail address like Service <service@example.org>")
	}
	r.mailSender("OTKLIK_EMAIL_FROM", c.EmailFrom)
	if c.PublicURL == "" {
		r.bad("OTKLIK_PUBLIC_URL", "is missing: mails carry links to the survey form and to unsubscribe")
	}
}
