// Package telegram sends to and hears from people through a Telegram bot.
//
// It owns the bot's credentials, Telegram's limits, the table from Telegram's
// errors to the classes of package channels, and the reading of updates. It makes
// one attempt per call and keeps no state but the bot's name. It never retries,
// counts against a rate, or stores a cursor: the dispatcher and the inbox do.
// Messages are plain text without parse mode, so that nothing a person typed can
// break them. Groups and channels are not listened to.
//
// Beyond the interfaces of package channels a Channel can acknowledge a tap:
// callers find that by asserting interface{ Acknowledge(context.Context, string)
// error }.
//
// telegram-bot-api is used in bot.go only, since it knows neither contexts nor
// fields newer than 2021 and puts the token into its errors.
package telegram

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"otklik/channels"
)

// What Telegram allows. The rates are the FAQ's advice
// (https://core.telegram.org/bots/faq#broadcasting-to-users); what it enforces is
// told with 429 and retry_after.
const (
	// MaxText is the length of a message in UTF-16 code units.
	MaxText = 4096
	// MaxData is the length of a button's payload in bytes.
	MaxData = 64
	// MaxPayload is the length of a deep link's payload in characters.
	MaxPayload = 64
	// PerSecond is the rate of bulk messages of one bot.
	PerSecond = 30
	// ChatPeriod is the distance of messages in one chat.
	ChatPeriod = time.Second
)

// The ways in which updates come.
const (
	ModePoll    = "poll"
	ModeWebhook = "webhook"
)

// HookPath is where Telegram calls us, below Config.PublicURL.
const HookPath = "/hooks/telegram"

const (
	officialAPI    = "https://api.telegram.org"
	defaultTimeout = 15 * time.Second
)

// ErrNoName is returned by DeepLink while the bot's name is not known.
var ErrNoName = errors.New("the telegram bot's name is not known yet")

// Config is one bot.
type Config struct {
	// Token is BotFather's, "<id>:<secret>".
	Token string
	// APIBase is scheme and host of the Bot API, empty for Telegram's own.
	APIBase string
	// Mode is ModePoll or ModeWebhook.
	Mode string
	// PublicURL is our address as Telegram sees it (webhook only).
	PublicURL string
	// Secret is what Telegram shows with each webhook call: 1 to 256 of A-Z a-z
	// 0-9 _ -. Empty derives it from the token, alike on every node.
	Secret string
	// BotName is the bot's user name; empty lets Start ask.
	BotName string
	// Timeout bounds one call to Telegram; 15 s when zero.
	Timeout time.Duration
}

var (
	tokenForm   = regexp.MustCompile(`^([0-9]{1,20}):[A-Za-z0-9_-]+$`)
	secretForm  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)
	nameForm    = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)
	payloadForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// Channel is a bot. Safe for concurrent use.
type Channel struct {
	bot    *bot
	id     string
	mode   string
	hook   string
	secret string
	name   atomic.Pointer[string]
}

var (
	_ channels.Channel  = (*Channel)(nil)
	_ channels.Editor   = (*Channel)(nil)
	_ channels.Receiver = (*Channel)(nil)
	_ channels.Poller   = (*Channel)(nil)
)

// New checks the configuration without using the network. All problems are
// reported together; none shows the token.
func New(c Config) (*Channel, error) {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	parts := tokenForm.FindStringSubmatch(c.Token)
	if parts == nil {
		wrong("token must have the form 123456:ABC")
	}
	base := strings.TrimRight(c.APIBase, "/")
	if base == "" {
		base = officialAPI
	}
	if !isBase(base) {
		wrong("api base must be http(s)://host")
	}
	if c.Mode != ModePoll && c.Mode != ModeWebhook {
		wrong("mode must be %s or %s, is %q", ModePoll, ModeWebhook, c.Mode)
	}
	public := strings.TrimRight(c.PublicURL, "/")
	if c.Mode == ModeWebhook && !isBase(public) {
		wrong("webhook mode needs a public URL")
	}
	if c.Secret == "" {
		c.Secret = deriveSecret(c.Token)
	}
	if !secretForm.MatchString(c.Secret) {
		wrong("secret must be 1 to 256 of A-Z a-z 0-9 _ -")
	}
	name := strings.TrimPrefix(c.BotName, "@")
	if name != "" && !nameForm.MatchString(name) {
		wrong("bot name %q is not one", c.BotName)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("configuring telegram: %w", errors.Join(problems...))
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	ch := &Channel{bot: newBot(c.Token, base, c.Timeout), id: parts[1], mode: c.Mode, hook: public + HookPath, secret: c.Secret}
	if name != "" {
		ch.name.Store(&name)
	}
	return ch, nil
}

// isBase tells whether s can have a path put behind it. A percent sign would be
// read as a verb by the library, which builds its addresses with Sprintf.
func isBase(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" &&
		u.User == nil && u.RawQuery == "" && u.Fragment == "" && !strings.Contains(s, "%")
}

func deriveSecret(token string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("otklik telegram webhook"))
	return hex.EncodeToString(mac.Sum(nil))
}

// Kind is channels.Telegram.
func (c *Channel) Kind() channels.Kind { return channels.Telegram }

// Address is the bot's numeric id, public and never changing: Inbound.To.
func (c *Channel) Address() string { return c.id }

// String names the bot without its token.
func (c *Channel) String() string { return "telegram bot " + c.id }

// Start learns the bot's name where it is not configured and tells Telegram how
// updates should come: webhook or polling. It may be repeated; errors are
// *channels.Error.
func (c *Channel) Start(ctx context.Context) error {
	if c.name.Load() == nil {
		name, err := c.bot.me(ctx)
		if err != nil {
			return fmt.Errorf("asking for the bot's name: %w", err)
		}
		c.name.Store(&name)
	}
	if c.mode == ModeWebhook {
		if err := c.bot.setWebhook(ctx, c.hook, c.secret); err != nil {
			return fmt.Errorf("setting the webhook: %w", err)
		}
		return nil
	}
	if err := c.bot.deleteWebhook(ctx); err != nil {
		return fmt.Errorf("removing the webhook: %w", err)
	}
	return nil
}

// Check asks Telegram who the bot is, which changes nothing there.
func (c *Channel) Check(ctx context.Context) error {
	if _, err := c.bot.me(ctx); err != nil {
		return fmt.Errorf("asking for the bot's name: %w", err)
	}
	return nil
}

// DeepLink is the address that opens a chat with the bot and sends it the
// payload: 1 to 64 of A-Z a-z 0-9 _ -. Use one-time tokens, since links are
// passed on (https://core.telegram.org/bots/features#deep-linking).
func (c *Channel) DeepLink(payload string) (string, error) {
	if !payloadForm.MatchString(payload) {
		return "", errors.New("making a deep link: the payload must be 1 to 64 of A-Z a-z 0-9 _ -")
	}
	name := c.name.Load()
	if name == nil {
		return "", fmt.Errorf("making a deep link: %w", ErrNoName)
	}
	return "https://t.me/" + *name + "?start=" + payload, nil
}

// Send implements channels.Channel. Receipt.ProviderID is "<chat>:<message>".
func (c *Channel) Send(ctx context.Context, m channels.Message) (channels.Receipt, error) {
	if err := check(m); err != nil {
		return channels.Receipt{}, err
	}
	id, err := c.bot.send(ctx, m)
	if err != nil {
		return channels.Receipt{}, err
	}
	return channels.Receipt{ProviderID: id}, nil
}

// Edit implements channels.Editor: text and buttons of Message.Edit become those
// of m; without buttons the old ones go. A message that already looks like that
// is a success.
func (c *Channel) Edit(ctx context.Context, m channels.Message) (channels.Receipt, error) {
	if err := check(m); err != nil {
		return channels.Receipt{}, err
	}
	chat, message, ok := splitRef(m.Edit)
	if !ok || chat != m.To {
		return channels.Receipt{}, rejected("the message to edit is not one of this chat")
	}
	if err := c.bot.edit(ctx, m, message); err != nil && !isNotModified(err) {
		return channels.Receipt{}, err
	}
	return channels.Receipt{ProviderID: m.Edit}, nil
}

// Acknowledge stops the waiting sign on the button whose tap had that
// Inbound.Callback. A tap too old to be answered is no error: its sign is gone.
func (c *Channel) Acknowledge(ctx context.Context, callback string) error {
	if callback == "" {
		return rejected("no tap to acknowledge")
	}
	if err := c.bot.acknowledge(ctx, callback); err != nil && !isOldTap(err) {
		return err
	}
	return nil
}
