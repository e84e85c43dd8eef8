package inbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/conversation"
	"otklik/internal/store"
)

// openFor is how long after its last move a conversation can still be answered.
const openFor = 30 * 24 * time.Hour

// identify finds the conversation, the person and the dealer that the event
// belongs to.
func (e *entry) identify() error {
	conv, err := e.named()
	if err != nil {
		return err
	}
	if conv != nil {
		if err := e.tx.LockContact(e.ctx, conv.ContactID); err != nil {
			return fmt.Errorf("locking the contact: %w", err)
		}
		e.contact.ID = conv.ContactID
		return e.open(conv)
	}
	ids, err := e.people()
	if err != nil {
		return err
	}
	var latest *store.Conversation
	var open []*store.Conversation
	for _, id := range ids {
		if err := e.tx.LockContact(e.ctx, id); err != nil {
			return fmt.Errorf("locking the contact: %w", err)
		}
		cs, err := e.tx.ConversationsOf(e.ctx, id, e.now.Add(-openFor))
		if err != nil {
			return fmt.Errorf("looking up conversations: %w", err)
		}
		for i := range cs {
			if better(&cs[i], latest) {
				latest = &cs[i]
			}
			if cs[i].State != store.ConversationDone && cs[i].Channel == e.in.Channel && cs[i].Address == e.in.From {
				open = append(open, &cs[i])
			}
		}
	}
	for _, c := range open {
		if c.OpenedAt.After(e.newest) {
			e.newest = c.OpenedAt
		}
	}
	if len(open) > 1 {
		slices.SortStableFunc(open, func(a, b *store.Conversation) int { return b.UpdatedAt.Compare(a.UpdatedAt) })
		if latest, err = e.choose(open); err != nil {
			return err
		}
	}
	switch {
	case latest != nil:
		e.contact.ID = latest.ContactID
		return e.open(latest)
	case len(ids) > 0:
		e.contact.ID = ids[0]
	}
	return e.place()
}

// asked is the conversation on this address that the fast copy knows to have moved
// last: it tells who on a shared number was asked. It is only where to look first.
func (e *entry) asked() string {
	if e.Copies == nil || e.in.From == "" {
		return ""
	}
	for _, id := range e.receivers() {
		p, ok, err := e.Copies.Get(e.ctx, conversation.Key{DealerID: id, Channel: string(e.in.Channel), Address: e.in.From})
		if err == nil && ok {
			return p.ConversationID
		} // Redis away, or nothing known: the database knows
	}
	return ""
}

// people are the contacts that the event may come from.
func (e *entry) people() ([]string, error) {
	if e.hint != "" {
		c, err := e.tx.Conversation(e.ctx, e.hint)
		if err == nil && c.State != store.ConversationDone && c.Channel == e.in.Channel && c.Address == e.in.From {
			return []string{c.ContactID}, nil
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("reading the conversation: %w", err)
		}
	}
	ids, err := e.tx.ContactsAt(e.ctx, e.in.Channel, e.in.From)
	if err != nil {
		return nil, fmt.Errorf("looking up the sender: %w", err)
	}
	return ids, nil
}

// better prefers an open conversation to a finished one, then the one that moved
// last.
func better(a, b *store.Conversation) bool {
	if b == nil {
		return true
	}
	if open, other := a.State != store.ConversationDone, b.State != store.ConversationDone; open != other {
		return open
	}
	return a.UpdatedAt.After(b.UpdatedAt)
}

// token is what a button, a deep link or a reply address names a conversation by.
func (e *entry) token() string {
	switch {
	case e.in.Start != "":
		return e.in.Start
	case e.in.Data != "":
		token, _, _ := strings.Cut(e.in.Data, ":")
		return token
	}
	return e.in.Token
}

// named finds the conversation that the event itself names: by button, by deep
// link, by reply address, or by the message it answers.
func (e *entry) named() (*store.Conversation, error) {
	if token := e.token(); token != "" {
		c, err := e.tx.ConversationByToken(e.ctx, token)
		if err == nil {
			return &c, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("looking up a token: %w", err)
		}
	}
	if m, err := e.edited(); err != nil || m.ConversationID != "" {
		if err != nil {
			return nil, fmt.Errorf("looking up what was edited: %w", err)
		}
		c, err := e.tx.Conversation(e.ctx, m.ConversationID)
		if err != nil {
			return nil, fmt.Errorf("reading the conversation: %w", err)
		}
		return &c, nil
	}
	for _, ref := range e.in.References {
		m, err := e.tx.MessageByProvider(e.ctx, e.in.Channel, store.Out, ref)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("looking up a reference: %w", err)
		}
		if m.ConversationID == "" || m.Address != e.in.From && e.in.Channel != channels.Email {
			continue
		}
		c, err := e.tx.Conversation(e.ctx, m.ConversationID)
		if err != nil {
			return nil, fmt.Errorf("reading the conversation: %w", err)
		}
		return &c, nil
	}
	return nil, nil
}

// open takes a conversation as the event's own.
func (e *entry) open(c *store.Conversation) error {
	def, err := e.Definition(e.ctx, c.Survey, c.SurveyVersion)
	if err != nil {
		return err
	}
	e.conv, e.def = c, def
	var p position
	if err := json.Unmarshal([]byte(c.Position), &p); err != nil {
		return fmt.Errorf("reading the position: %w", err)
	}
	e.state, e.last, e.which = p.State, p.Last, p.Which
	return e.place()
}

// place finds the dealer and reads the person and the visit.
func (e *entry) place() (err error) {
	var dealerID string
	if e.conv != nil {
		dealerID = e.conv.DealerID
	} else if dealerID, err = e.receiver(); err != nil {
		return err
	}
	e.dealer, _ = e.Roster.Dealer(dealerID)
	if e.contact.ID != "" {
		if e.contact, err = e.tx.Contact(e.ctx, e.contact.ID); err != nil {
			return fmt.Errorf("reading the contact: %w", err)
		}
	}
	if e.conv != nil && e.conv.VisitID != "" {
		if e.visit, err = e.tx.Visit(e.ctx, e.conv.VisitID); err != nil {
			return fmt.Errorf("reading the visit: %w", err)
		}
	}
	return nil
}

// receiver is the dealer of the address that was written to; a shared one speaks
// for whoever wrote to this person last.
func (e *entry) receiver() (string, error) {
	at := e.receivers()
	if len(at) == 1 {
		return at[0], nil
	}
	m, err := e.tx.LastTo(e.ctx, e.in.Channel, e.in.From)
	switch {
	case err == nil:
		return m.DealerID, nil
	case !errors.Is(err, store.ErrNotFound):
		return "", fmt.Errorf("looking up the receiver: %w", err)
	case len(at) > 0:
		return at[0], nil
	}
	if ds := e.Roster.Dealers(); len(ds) > 0 {
		return ds[0].ID, nil
	}
	return "", errors.New("no dealer is set up")
}

// receivers are the dealers of the address that was written to; of the channel,
// when nobody has that address.
func (e *entry) receivers() []string {
	var at []string
	for _, id := range e.Roster.On(e.in.Channel) {
		if s, _ := e.Roster.Sender(id, e.in.Channel); bare(s) == bare(e.in.To) {
			at = append(at, id)
		}
	}
	if len(at) == 0 {
		return e.Roster.On(e.in.Channel)
	}
	return at
}

// bare is an address without display name and reply token.
func bare(s string) string {
	if a, err := mail.ParseAddress(s); err == nil {
		local, domain, _ := strings.Cut(a.Address, "@")
		local, _, _ = strings.Cut(local, "+")
		return strings.ToLower(local + "@" + domain)
	}
	return s
}
