package sandbox

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"otklik/channels"
	"otklik/internal/jolt"
)

// Item is one message on a demo customer's phone, in either direction. The
// slices in it are shared and must not be changed.
type Item struct {
	// Seq numbers the items of all threads in the order they came to be, from 1.
	Seq     int64         `json:"seq"`
	Channel channels.Kind `json:"channel"`
	// Address is the customer's: E.164, a mail address in lower case, a chat id.
	Address string `json:"address"`
	// Peer is ours: the sending number, the From header of the mail, the bot.
	Peer string `json:"peer"`
	// FromDealer is true for what the dealer (or the provider in his name) sent.
	FromDealer bool `json:"from_dealer"`
	// Subject and HTML are of mails only.
	Subject string              `json:"subject,omitempty"`
	Text    string              `json:"text"`
	HTML    string              `json:"html,omitempty"`
	Buttons [][]channels.Button `json:"buttons,omitempty"`
	// File is the kind of sample that a person sent, "" for none; Text is its caption.
	File string `json:"file,omitempty"`
	// At is business time.
	At time.Time `json:"at"`
	// ID is the provider's: Twilio's sid, Telegram's message_id, the Message-ID.
	ID string `json:"id"`
	// ReplyTo is the address an answer to this mail goes to, where it names one.
	ReplyTo string `json:"reply_to,omitempty"`
	// MessageID is the mail's Message-ID with its angle brackets.
	MessageID string `json:"message_id,omitempty"`
	// Edited is true once the bot has replaced the text or the buttons.
	Edited bool `json:"edited,omitempty"`
}

// Address is one thread of a demo customer.
type Address struct {
	Channel channels.Kind
	Address string
	// Name is what the person is called in Telegram, empty elsewhere.
	Name string
	// Items counts what the thread shows, Last is business time of the newest.
	Items int
	Last  time.Time
	// Blocked is true while the person blocks the bot, or has sent STOP to any
	// of our numbers.
	Blocked bool
}

// Phones holds every thread of the demo. It is safe for concurrent use, and
// outlives the Servers that write into it.
type Phones struct {
	mu      sync.Mutex
	journal journal
	// born dates the journal; it is the mailbox's UIDVALIDITY.
	born       uint32
	seq        int64
	items      []*entry
	threads    map[place][]*entry
	byID       map[place]*entry
	marks      map[markKey]string
	mails      [][]byte
	updates    []update
	lastUpdate int64
	bell       bell
}

// entry is an item and what the provider knows about it beside.
type entry struct {
	Item
	// machine is the provider's own time of taking it.
	machine time.Time
	// lost is the provider's code when it never reached the phone.
	lost int
	// service is the messaging service it was sent through, if any.
	service string
	// status is the provider's word on it while it is under way; empty when it
	// has come to rest.
	status string
	// references is the header of that name of a mail.
	references string
}

// place is a channel and an address in it, or a channel and a provider id.
type place struct {
	channel channels.Kind
	name    string
}

// normal gives an address the form under which its thread is kept.
func normal(ch channels.Kind, address string) string {
	if ch == channels.Email {
		return strings.ToLower(address)
	}
	return address
}

// Thread gives what the phone shows, oldest first; an edited message stands
// once, in its place, with its newest text.
func (p *Phones) Thread(ch channels.Kind, address string) []Item {
	p.mu.Lock()
	defer p.mu.Unlock()
	entries := p.threads[place{ch, normal(ch, address)}]
	items := make([]Item, 0, len(entries))
	for _, e := range entries {
		if e.lost == 0 {
			items = append(items, e.Item)
		}
	}
	return items
}

// Addresses gives every thread that shows something, the newest first.
func (p *Phones) Addresses() []Address {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Address, 0, len(p.threads))
	for at, entries := range p.threads {
		a := Address{Channel: at.channel, Address: at.name, Blocked: p.refusesUs(at)}
		a.Name = p.marks[markKey{markChat, at.channel, at.name, ""}]
		for _, e := range entries {
			if e.lost != 0 {
				continue
			}
			a.Items++
			a.Last = e.At
		}
		if a.Items > 0 {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b Address) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Address, b.Address))
	})
	return list
}

// Changed wakes a subscriber after changes: many may be folded into one wake,
// none is missed. The channel is never closed; cancel ends the subscription.
func (p *Phones) Changed() (changed <-chan struct{}, cancel func()) {
	return p.bell.listen()
}

// Refuse makes an address one that cannot be reached, until code 0 lifts it.
// For SMS the code is Twilio's: from 30000 on the message is taken and reported
// undelivered, below it the request itself fails. For email it is the SMTP code
// at RCPT (550 reads 5.1.1). For Telegram any code means a deactivated user.
func (p *Phones) Refuse(ch channels.Kind, address string, code int) error {
	value := ""
	if code != 0 {
		value = strconv.Itoa(code)
	}
	_, err := p.write(func(numbers) (record, error) {
		return record{Mark: &mark{Kind: markRefused, Channel: ch, Address: normal(ch, address), Value: value}}, nil
	})
	return err
}

// Close closes the journal; the threads stay readable.
func (p *Phones) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.journal.close()
}

var errClosed = errors.New("phones are closed")

// numbers are the next free ones, for a record that is being built.
type numbers struct {
	seq    int64
	update int64
}

// write builds a record under the lock, puts it into the journal, applies it and
// wakes the subscribers. build may read p but must not change it.
func (p *Phones) write(build func(numbers) (record, error)) (record, error) {
	jolt.Here()
	defer jolt.Here()
	p.mu.Lock()
	defer p.mu.Unlock()
	r, err := build(numbers{seq: p.seq + 1, update: p.lastUpdate + 1})
	if err != nil {
		return record{}, err
	}
	if err := p.journal.append(r); err != nil {
		return record{}, err
	}
	p.apply(r)
	p.bell.ring()
	return r, nil
}

// refusesUs says whether the person wants nothing from us on a thread.
func (p *Phones) refusesUs(at place) bool {
	for k := range p.marks {
		if (k.kind == markStopped || k.kind == markBlocked) && k.channel == at.channel && k.address == at.name {
			return true
		}
	}
	return false
}

// refusal gives the code set by Refuse, 0 for none. p.mu is held.
func (p *Phones) refusal(ch channels.Kind, address string) int {
	code, err := strconv.Atoi(p.marks[markKey{markRefused, ch, normal(ch, address), ""}])
	if err != nil {
		return 0
	}
	return code
}

// refused is refusal for callers without the lock.
func (p *Phones) refused(ch channels.Kind, address string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refusal(ch, address)
}

// newest gives the newest item of a thread that the dealer sent. p.mu is held.
func (p *Phones) newest(ch channels.Kind, address string) (*entry, bool) {
	for _, e := range slices.Backward(p.threads[place{ch, normal(ch, address)}]) {
		if e.FromDealer && e.lost == 0 {
			return e, true
		}
	}
	return nil, false
}
