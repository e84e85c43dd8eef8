package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"otklik/channels"
)

// Turn is one event's part of a group. It reads what the group has read, and the
// database where that is not enough; what it changes is kept here, is seen by
// its own later reads of tasks, and is written with the group when the turn is kept.
// A turn that is not kept has changed nothing. Its methods mean what those of Tx mean.
type Turn struct {
	g *Group
	// first are changes that go before all others, in order.
	first         []func(context.Context, *Tx) error
	messages      []message
	attachments   []attached
	opened        []Conversation
	conversations []conversationChange
	answers       []answer
	suppressions  []Suppression
	consents      []Consent
	remarks       [][]any
	tasks         map[string]*taskChange
	steps         [][]any
}

type (
	message struct {
		Message
		now time.Time
	}
	attached struct {
		Attachment
		now time.Time
	}
	conversationChange struct {
		Conversation
		now time.Time
	}
	answer struct {
		Answer
		now time.Time
	}
	// taskChange is a task as it stands in a turn. read is the version under which it
	// stands in the database, 0 for a new one.
	taskChange struct {
		Task
		read    int64
		changed bool
		clocks  []Clock
		now     time.Time
	}
)

// Turn begins an event's part.
func (g *Group) Turn() *Turn { return &Turn{g: g, tasks: map[string]*taskChange{}} }

// Keep has what a turn changed written.
func (g *Group) Keep(t *Turn) { g.kept = append(g.kept, t) }

// NewID makes an id for a row that is about to be written.
func (t *Turn) NewID() string { return t.g.tx.NewID() }

// Employees lists the people of a dealer, group-wide ones included.
func (t *Turn) Employees(ctx context.Context, dealerID string) ([]Employee, error) {
	return t.g.Employees(ctx, dealerID)
}

// Contact reads one with its addresses.
func (t *Turn) Contact(ctx context.Context, id string) (Contact, error) {
	if c, ok := t.g.contacts[id]; ok {
		return c, nil
	}
	return t.g.tx.Contact(ctx, id)
}

// LockContact takes the contact, so that what comes in from one person is worked on
// one after the other.
func (t *Turn) LockContact(ctx context.Context, id string) error {
	if _, ok := t.g.contacts[id]; ok {
		return nil
	}
	return t.g.tx.LockContact(ctx, id)
}

// ContactsAt finds the contacts that an address belongs to, newest first.
func (t *Turn) ContactsAt(ctx context.Context, ch channels.Kind, value string) ([]string, error) {
	if ids, ok := t.g.at[addressKey{string(ch), value}]; ok {
		return ids, nil
	}
	return t.g.tx.ContactsAt(ctx, ch, value)
}

// Conversation reads and locks one.
func (t *Turn) Conversation(ctx context.Context, id string) (Conversation, error) {
	if c, ok := t.g.convs[id]; ok {
		return c, nil
	}
	return t.g.tx.Conversation(ctx, id)
}

// ConversationByToken reads and locks the one a token names.
func (t *Turn) ConversationByToken(ctx context.Context, token string) (Conversation, error) {
	id, asked := t.g.tokens[token]
	if asked && id == "" {
		return Conversation{}, ErrNotFound
	}
	if c, ok := t.g.convs[id]; ok {
		return c, nil
	}
	return t.g.tx.ConversationByToken(ctx, token)
}

// ConversationsOf lists a contact's conversations that were touched after a
// moment, the one that moved last first.
func (t *Turn) ConversationsOf(ctx context.Context, contactID string, since time.Time) ([]Conversation, error) {
	if _, ok := t.g.contacts[contactID]; ok {
		return t.g.of[contactID], nil
	}
	return t.g.tx.ConversationsOf(ctx, contactID, since)
}

// ConversationOfVisit reads and locks the newest conversation of a survey about a
// visit.
func (t *Turn) ConversationOfVisit(ctx context.Context, visitID, survey string) (Conversation, error) {
	return t.g.tx.ConversationOfVisit(ctx, visitID, survey)
}

// Visit reads one.
func (t *Turn) Visit(ctx context.Context, id string) (Visit, error) {
	if v, ok := t.g.visits[id]; ok {
		return v, nil
	}
	return one(ctx, t.g.tx, scanVisit, "select "+visitCols+visitFrom+" where v.id = $1", key(id))
}

// VehiclesOf lists a contact's vehicles, those he has first.
func (t *Turn) VehiclesOf(ctx context.Context, contactID string) ([]Vehicle, error) {
	return vehiclesOf(ctx, t.g.tx, contactID)
}

// MessageByProvider finds a message by the provider's id.
func (t *Turn) MessageByProvider(ctx context.Context, ch channels.Kind, direction, providerID string) (Message, error) {
	m, asked := t.g.sent[sentKey{string(ch), providerID}]
	if !asked || direction != Out {
		return t.g.tx.MessageByProvider(ctx, ch, direction, providerID)
	}
	if m.ID == "" {
		return m, ErrNotFound
	}
	return m, nil
}

// LastTo finds the newest message sent to an address.
func (t *Turn) LastTo(ctx context.Context, ch channels.Kind, address string) (Message, error) {
	return t.g.tx.LastTo(ctx, ch, address)
}

// Suppressed tells whether an address is suppressed for everything and for good.
func (t *Turn) Suppressed(ctx context.Context, ch channels.Kind, address string) (bool, error) {
	return t.g.tx.Suppressed(ctx, ch, address)
}

// Receive keeps an inbound message, one per provider id. It returns false when the
// message is there already: a replay.
func (t *Turn) Receive(ctx context.Context, m Message, now time.Time) (bool, error) {
	if m.ProviderID != "" {
		seen, asked := t.g.seen[sentKey{string(m.Channel), m.ProviderID}]
		if !asked {
			_, err := t.g.tx.MessageByProvider(ctx, m.Channel, In, m.ProviderID)
			if err != nil && !errors.Is(err, ErrNotFound) {
				return false, err
			}
			seen = err == nil
		}
		if seen {
			return false, nil
		}
	}
	t.messages = append(t.messages, message{received(m, now), now})
	return true, nil
}

// SetReading notes how an inbound message was read and whose it is, also of one that
// came before.
func (t *Turn) SetReading(_ context.Context, m Message) error {
	i := slices.IndexFunc(t.messages, func(x message) bool { return x.ID == m.ID })
	if i < 0 {
		t.first = append(t.first, func(ctx context.Context, tx *Tx) error { return tx.SetReading(ctx, m) })
		return nil
	}
	x := &t.messages[i]
	x.Reading, x.ContactID, x.ConversationID, x.DealerID, x.OutreachID = m.Reading, m.ContactID, m.ConversationID, m.DealerID, m.OutreachID
	return nil
}

// Queue keeps messages that the dispatcher will pick up.
func (t *Turn) Queue(_ context.Context, ms []Message, now time.Time) error {
	for _, m := range ms {
		t.messages = append(t.messages, message{queued(m, now, t.NewID), now})
	}
	return nil
}

// OpenConversation keeps a new conversation.
func (t *Turn) OpenConversation(_ context.Context, c Conversation, now time.Time) error {
	c.OpenedAt = now
	t.opened = append(t.opened, c)
	return nil
}

// SaveConversation keeps a changed position; whether it has moved since it was read
// shows when the group is written.
func (t *Turn) SaveConversation(_ context.Context, c Conversation, now time.Time) (int64, error) {
	if c.State == ConversationDone && c.ClosedAt.IsZero() {
		c.ClosedAt = now
	}
	t.conversations = append(t.conversations, conversationChange{c, now})
	return c.Version + 1, nil
}

// SaveAnswer keeps an answer; an earlier one to the same question is marked replaced
// and kept. One that is replaced itself changes no other.
func (t *Turn) SaveAnswer(_ context.Context, a Answer, now time.Time) error {
	for i := range t.answers {
		if old := &t.answers[i]; old.ConversationID == a.ConversationID && old.Question == a.Question && a.ReplacedAt.IsZero() {
			old.ReplacedAt = now
		}
	}
	a.ID = t.NewID()
	t.answers = append(t.answers, answer{a, now})
	return nil
}

// Suppress keeps an address from being used.
func (t *Turn) Suppress(_ context.Context, x Suppression) error {
	t.suppressions = append(t.suppressions, x)
	return nil
}

// Unsuppress lifts what the person had asked for on an address, but never for ads
// (invariant 3). It returns how many suppressions end.
func (t *Turn) Unsuppress(ctx context.Context, ch channels.Kind, address string) (int64, error) {
	n, err := t.g.tx.lifted(ctx, ch, address)
	if n > 0 {
		t.first = append(t.first, func(ctx context.Context, tx *Tx) error {
			_, err := tx.Unsuppress(ctx, ch, address)
			return err
		})
	}
	return n, err
}

// Lift removes what stands against an address for one reason.
func (t *Turn) Lift(_ context.Context, ch channels.Kind, address, reason string) error {
	t.first = append(t.first, func(ctx context.Context, tx *Tx) error { return tx.Lift(ctx, ch, address, reason) })
	return nil
}

// CancelWaiting withdraws the messages to an address that are queued by now; what
// the turn itself queues goes out.
func (t *Turn) CancelWaiting(_ context.Context, ch channels.Kind, address, reason string, now time.Time) error {
	t.first = append(t.first, func(ctx context.Context, tx *Tx) error { return tx.CancelWaiting(ctx, ch, address, reason, now) })
	return nil
}

// Dial gives a contact an address that he himself brought, first in rank.
func (t *Turn) Dial(_ context.Context, contactID string, ch channels.Kind, value string, now time.Time) error {
	t.first = append(t.first, func(ctx context.Context, tx *Tx) error { return tx.Dial(ctx, contactID, ch, value, now) })
	return nil
}

// SellVehicle notes that the person does not have the car any more (R048).
func (t *Turn) SellVehicle(_ context.Context, id string, now time.Time) error {
	t.first = append(t.first, func(ctx context.Context, tx *Tx) error { return tx.SellVehicle(ctx, id, now) })
	return nil
}

// SetCursor remembers how far a poller has come.
func (t *Turn) SetCursor(name, value string, now time.Time) {
	t.first = append(t.first, func(ctx context.Context, tx *Tx) error { return tx.SetCursor(ctx, name, value, now) })
}

// AddConsent records a word; the newest of a purpose and channel counts.
func (t *Turn) AddConsent(_ context.Context, c Consent) error {
	t.consents = append(t.consents, c)
	return nil
}

// AddRemark keeps a remark. The department is the visit's when none is given.
func (t *Turn) AddRemark(ctx context.Context, x Remark, now time.Time) error {
	if x.Department == "" && x.VisitID != "" {
		v, err := t.Visit(ctx, x.VisitID)
		if err != nil {
			return fmt.Errorf("adding a remark: %w", err)
		}
		x.Department = v.Department
	}
	t.remarks = append(t.remarks, remarkRow(x, t.NewID(), now))
	return nil
}

// AddStep keeps a piece of evidence.
func (t *Turn) AddStep(_ context.Context, x Step, now time.Time) error {
	t.steps = append(t.steps, stepRow(x, t.NewID(), now))
	return nil
}

// task finds the oldest task of a kind as it stands in this turn; nil when none was
// read.
func (t *Turn) task(is func(*Task) bool) *taskChange {
	var found *Task
	older := func(x *Task) {
		if is(x) && (found == nil || x.OpenedAt.Before(found.OpenedAt)) {
			found = x
		}
	}
	for _, x := range t.tasks {
		older(&x.Task)
	}
	for _, x := range t.g.tasks {
		if _, mine := t.tasks[x.ID]; !mine {
			older(&x)
		}
	}
	if found == nil {
		return nil
	}
	if mine, ok := t.tasks[found.ID]; ok {
		return mine
	}
	return t.take(*found)
}

func (t *Turn) take(x Task) *taskChange {
	x.Clocks = slices.Clone(x.Clocks)
	c := &taskChange{Task: x, read: x.Version}
	t.tasks[x.ID] = c
	return c
}

// Task reads one and locks it.
func (t *Turn) Task(ctx context.Context, id string) (Task, error) {
	if x := t.task(func(x *Task) bool { return x.ID == id }); x != nil {
		return x.Task, nil
	}
	x, err := t.g.tx.Task(ctx, id)
	if err != nil {
		return x, err
	}
	return t.take(x).Task, nil
}

// TaskOfConversation reads and locks the task of a kind that a conversation opened.
func (t *Turn) TaskOfConversation(ctx context.Context, conversationID, kind string) (Task, error) {
	if x := t.task(func(x *Task) bool { return x.ConversationID == conversationID && x.Kind == kind }); x != nil {
		return x.Task, nil
	}
	opened := func(c Conversation) bool { return c.ID == conversationID }
	if _, known := t.g.convs[conversationID]; known || slices.ContainsFunc(t.opened, opened) {
		return Task{}, ErrNotFound
	}
	x, err := t.g.tx.TaskOfConversation(ctx, conversationID, kind)
	if err != nil {
		return x, err
	}
	return t.take(x).Task, nil
}

// OpenTaskOf reads and locks the open task of a kind that a contact has.
func (t *Turn) OpenTaskOf(ctx context.Context, contactID, kind string) (Task, error) {
	open := func(x *Task) bool {
		return x.ContactID == contactID && x.Kind == kind && (x.State == TaskOpen || x.State == TaskClaimed || x.State == TaskAsked)
	}
	if x := t.task(open); x != nil {
		return x.Task, nil
	}
	if _, known := t.g.contacts[contactID]; known {
		return Task{}, ErrNotFound
	}
	x, err := t.g.tx.OpenTaskOf(ctx, contactID, kind)
	if err != nil {
		return x, err
	}
	return t.take(x).Task, nil
}

// OpenTask keeps a task with its clocks and returns it with its id; its number is
// given when the group is written. Where the same conversation has such a task
// already, that one comes back.
func (t *Turn) OpenTask(ctx context.Context, x Task, now time.Time) (Task, error) {
	if x.OutreachID != "" {
		return x, errors.New("a turn opens no task of an outreach")
	}
	if x.ConversationID != "" {
		if old, err := t.TaskOfConversation(ctx, x.ConversationID, x.Kind); !errors.Is(err, ErrNotFound) {
			return old, err
		}
	}
	if x.ID == "" {
		x.ID = t.NewID()
	}
	if x.State == "" {
		x.State = TaskOpen
	}
	if x.OpenedAt.IsZero() {
		x.OpenedAt = now
	}
	x.Version = 1
	t.tasks[x.ID] = &taskChange{Task: x, changed: true, clocks: slices.Clone(x.Clocks), now: now}
	return x, nil
}

// SaveTask keeps a changed task. ErrConflict when it moved since it was read.
func (t *Turn) SaveTask(_ context.Context, x Task, now time.Time) error {
	old, ok := t.tasks[x.ID]
	if !ok || old.Version != x.Version {
		return fmt.Errorf("task %d: %w", x.Number, ErrConflict)
	}
	clocks := old.Task.Clocks
	old.Task, old.changed, old.now = x, true, now
	old.Task.Clocks = clocks
	old.Version++
	return nil
}

// SetClock keeps a deadline of a task, or that it was met.
func (t *Turn) SetClock(ctx context.Context, taskID string, c Clock) error {
	if _, err := t.Task(ctx, taskID); err != nil {
		return err
	}
	x := t.tasks[taskID]
	same := func(o Clock) bool { return o.Kind == c.Kind }
	for _, cs := range []*[]Clock{&x.Task.Clocks, &x.clocks} {
		if i := slices.IndexFunc(*cs, same); i >= 0 {
			(*cs)[i] = c
		} else {
			*cs = append(*cs, c)
		}
	}
	return nil
}
