package store

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"otklik/channels"
)

// Ask is what an event tells of whom it comes from. Token, ConversationID,
// References (provider ids of messages that it answers) and ContactID name the
// person each in its way; an event with none of them is known by its address.
type Ask struct {
	Channel                          channels.Kind
	Address                          string
	Token, ConversationID, ContactID string
	References                       []string
	// ProviderID tells an event that came before.
	ProviderID string
}

// Group is a transaction in which events of several people are carried out: what
// they need is read for all of them in few statements, each event has a Turn of its
// own, and what the turns changed is written for all of them before the commit.
// Like Tx it is used by one goroutine.
type Group struct {
	tx    *Tx
	kept  []*Turn
	staff map[string][]Employee
	// What was looked up, with what was found; a key that is missing was not asked
	// for.
	tokens   map[string]string         // conversation by token, "" for none
	sent     map[sentKey]Message       // by provider id; a zero Message for none
	at       map[addressKey][]string   // contacts, newest first
	seen     map[sentKey]bool          // inbound messages
	contacts map[string]Contact        // locked
	convs    map[string]Conversation   // locked, of these contacts
	of       map[string][]Conversation // the same by contact, the one that moved last first
	tasks    map[string]Task           // locked: their open ones and those of their conversations
	visits   map[string]Visit
}

type (
	sentKey    struct{ channel, id string }
	addressKey struct{ channel, value string }
)

// Parallel is how many write transactions are worth having at once.
func (s *Store) Parallel() int {
	if s.gate != nil {
		return 1
	}
	return max(2, runtime.NumCPU())
}

// Together runs fn in one transaction like Tx, and writes what the turns that fn
// kept have changed before it commits. ErrConflict: something that was read has
// changed, or an event has been stored meanwhile; nothing was written.
func (s *Store) Together(ctx context.Context, rank Rank, fn func(*Group) error) error {
	return s.Tx(ctx, rank, func(tx *Tx) error {
		g := &Group{tx: tx, staff: map[string][]Employee{}, tokens: map[string]string{}, sent: map[sentKey]Message{}, at: map[addressKey][]string{}, seen: map[sentKey]bool{},
			contacts: map[string]Contact{}, convs: map[string]Conversation{}, of: map[string][]Conversation{}, tasks: map[string]Task{}, visits: map[string]Visit{}}
		if err := fn(g); err != nil {
			return err
		}
		return g.write(ctx)
	})
}

// Load reads what events of these people need to know: the people, locked until the
// end of the transaction, with their addresses, conversations that moved since then
// or are named, tasks and visits.
func (g *Group) Load(ctx context.Context, asks []Ask, since time.Time) error {
	b := &batch{t: g.tx}
	g.tx.s.planOnce(b)
	if err := g.askSeen(b, asks); err != nil {
		return err
	}
	g.askNames(b, asks)
	g.askAddresses(b, asks, false)
	if err := b.run(ctx); err != nil {
		return err
	}
	// What an answered message belongs to, and who has the address of an event whose
	// conversation has moved on.
	g.askAnswered(b)
	g.askAddresses(b, asks, true)
	if err := b.run(ctx); err != nil {
		return err
	}
	var people, named []string
	for _, a := range asks {
		people = append(people, g.People(a)...)
		if id := g.named(a); id != "" {
			named = append(named, id)
		}
	}
	if people = distinct(people); len(people) == 0 {
		return nil
	}
	g.askContacts(b, people)
	g.askConversations(b, people, distinct(named), since)
	clear(g.convs) // read before their contacts were locked
	if err := b.run(ctx); err != nil {
		return err
	}
	g.sortConversations(since)
	var tasks []string
	if err := g.askTasks(b, people, &tasks); err != nil {
		return err
	}
	g.askVisits(b)
	g.askEmployees(b)
	if err := b.run(ctx); err != nil {
		return err
	}
	return g.loadTasks(ctx, b, distinct(tasks))
}

// People are the contacts that an event may come from.
func (g *Group) People(a Ask) []string {
	if c, ok := g.convs[g.named(a)]; ok {
		return []string{c.ContactID}
	}
	if a.ContactID != "" {
		return []string{a.ContactID}
	}
	return g.at[addressKey{string(a.Channel), a.Address}]
}

// named is the conversation that an event means. A hint that the conversation has
// moved on from counts for nothing.
func (g *Group) named(a Ask) string {
	if id := g.tokens[a.Token]; a.Token != "" && id != "" {
		return id
	}
	for _, ref := range a.References {
		m := g.sent[sentKey{string(a.Channel), ref}]
		if m.ConversationID != "" && (a.Channel == channels.Email || m.Address == a.Address) {
			return m.ConversationID
		}
	}
	c, ok := g.convs[a.ConversationID]
	if !ok || c.State == ConversationDone || c.Channel != a.Channel || c.Address != a.Address {
		return ""
	}
	return c.ID
}

const fromConversation = "select " + conversationCols + " from conversation c where "

// askNames finds the conversations that events name by token or by a hint, and the
// messages that they answer. They are not locked yet: their contacts come first.
func (g *Group) askNames(b *batch, asks []Ask) {
	d := g.tx.s.dialect
	var tokens, ids []string
	refs := map[channels.Kind][]string{}
	for _, a := range asks {
		if a.Token != "" {
			tokens = append(tokens, a.Token)
			g.tokens[a.Token] = ""
		}
		if a.ConversationID != "" {
			ids = append(ids, a.ConversationID)
		}
		for _, r := range a.References {
			refs[a.Channel] = append(refs[a.Channel], r)
			g.sent[sentKey{string(a.Channel), r}] = Message{}
		}
	}
	for ch, rs := range refs {
		ask(b, "looking up what events answer", scanMessage, func(m Message) { g.sent[sentKey{string(ch), m.ProviderID}] = m },
			"select "+messageCols+" from message where channel = $1 and direction = 'out' and "+d.among("provider_id", "text", 2), ch, d.set(rs))
	}
	if len(tokens) > 0 {
		ask(b, "looking up tokens", scanConversation, g.addConversation, fromConversation+d.among("c.token", "text", 1), d.set(tokens))
	}
	g.askConversationsNamed(b, ids)
}

// askAnswered finds the conversations of the messages that events answer.
func (g *Group) askAnswered(b *batch) {
	var ids []string
	for _, m := range g.sent {
		if m.ConversationID != "" {
			ids = append(ids, m.ConversationID)
		}
	}
	g.askConversationsNamed(b, ids)
}

func (g *Group) askConversationsNamed(b *batch, ids []string) {
	if len(ids) > 0 {
		d := g.tx.s.dialect
		ask(b, "looking up conversations", scanConversation, g.addConversation, fromConversation+d.among("c.id", "uuid", 1), d.idSet(ids))
	}
}

func (g *Group) addConversation(c Conversation) {
	g.convs[c.ID] = c
	if _, asked := g.tokens[c.Token]; asked {
		g.tokens[c.Token] = c.ID
	}
}

// askAddresses finds who has the addresses of events that name nobody; at last, of
// those too whose conversation was not found. A number that is somebody else's is nobody's.
func (g *Group) askAddresses(b *batch, asks []Ask, last bool) {
	var values []string
	for _, a := range asks {
		k := addressKey{string(a.Channel), a.Address}
		_, asked := g.at[k]
		names := a.Token != "" || a.ConversationID != "" || len(a.References) > 0
		if a.ContactID != "" || asked || names && (!last || g.named(a) != "") {
			continue
		}
		values = append(values, a.Address)
		g.at[k] = nil
	}
	if len(values) == 0 {
		return
	}
	type row struct {
		addressKey
		contact string
	}
	d := g.tx.s.dialect
	ask(b, "looking up senders", func(r scanner) (x row, err error) { return x, r.Scan(&x.channel, &x.value, &x.contact) }, func(x row) {
		if ids, asked := g.at[x.addressKey]; asked {
			g.at[x.addressKey] = append(ids, x.contact)
		}
	}, "select channel, value, contact_id from address where "+d.among("value", "text", 1)+` and not exists (select 1 from suppression s where s.address = address.value and s.channel = address.channel and s.reason = 'wrong_number')
		order by created_at desc, id desc`, d.set(values))
}

// askSeen asks for each event by the unique key. A list of ids let PostgreSQL choose
// another index while its statistics were from a smaller table, and read a channel's
// whole mail for each group.
func (g *Group) askSeen(b *batch, asks []Ask) error {
	var rows [][]any
	for _, a := range asks {
		if a.ProviderID != "" {
			rows = append(rows, []any{a.Channel, a.ProviderID})
			g.seen[sentKey{string(a.Channel), a.ProviderID}] = false
		}
	}
	if len(rows) == 0 {
		return nil
	}
	const what = "looking up earlier events"
	with, args, err := g.tx.s.dialect.values(0, []column{{"channel", "text"}, {"provider_id", "text"}}, rows)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	ask(b, what, func(r scanner) (x sentKey, err error) { return x, r.Scan(&x.channel, &x.id) }, func(x sentKey) { g.seen[x] = true }, with+seenSQL, args...)
	return nil
}

const seenSQL = `select v.channel, v.provider_id from v where (select m.id from message m
	where m.channel = v.channel and m.direction = 'in' and m.provider_id = v.provider_id and m.provider_id is not null) is not null`

// askContacts locks people in the order of their ids, so that two groups never wait
// for each other.
func (g *Group) askContacts(b *batch, ids []string) {
	type row struct {
		contact string
		Address
	}
	d, set := g.tx.s.dialect, g.tx.s.dialect.idSet(ids)
	ask(b, "reading and locking contacts", func(r scanner) (Contact, error) { return scanContact(r) }, func(c Contact) { g.contacts[c.ID] = c },
		"select "+contactCols+" from contact c where "+d.among("c.id", "uuid", 1)+" order by c.id"+d.forUpdate, set)
	ask(b, "reading addresses", func(r scanner) (x row, err error) { return x, r.Scan(&x.contact, &x.Channel, &x.Value, &x.Rank) }, func(x row) {
		if c, known := g.contacts[x.contact]; known {
			c.Addresses = append(c.Addresses, x.Address)
			g.contacts[x.contact] = c
		}
	}, "select contact_id, channel, value, rank from address where "+d.among("contact_id", "uuid", 1)+" order by contact_id, channel, rank, value", set)
}

// lockOf is forUpdate for one table of a join.
func (s *Store) lockOf(table string) string {
	if s.dialect.forUpdate == "" {
		return ""
	}
	return s.dialect.forUpdate + " of " + table
}

func (g *Group) askConversations(b *batch, people, named []string, since time.Time) {
	d := g.tx.s.dialect
	lock := " order by c.id" + d.forUpdate
	ask(b, "reading conversations", scanConversation, g.addConversation, fromConversation+d.among("c.contact_id", "uuid", 1)+" and c.updated_at >= $2"+lock, d.idSet(people), at(since))
	if len(named) > 0 {
		ask(b, "reading conversations", scanConversation, g.addConversation, fromConversation+d.among("c.id", "uuid", 1)+lock, d.idSet(named))
	}
}

func (g *Group) sortConversations(since time.Time) {
	for _, c := range g.convs {
		if !c.UpdatedAt.Before(since) {
			g.of[c.ContactID] = append(g.of[c.ContactID], c)
		}
	}
	for _, cs := range g.of {
		slices.SortFunc(cs, func(a, b Conversation) int {
			return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), cmp.Compare(b.ID, a.ID))
		})
	}
}

// askTasks looks for the tasks of each person and conversation, which have none for
// the most part.
func (g *Group) askTasks(b *batch, people []string, found *[]string) error {
	var of [][]any
	for _, id := range people {
		of = append(of, []any{key(id)})
	}
	for _, c := range g.convs {
		of = append(of, []any{c.ID})
		if c.TaskID != "" {
			of = append(of, []any{c.TaskID})
		}
	}
	const what = "looking for tasks"
	with, args, err := g.tx.s.dialect.values(0, []column{{"id", "uuid"}}, of)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	ask(b, what, func(r scanner) (x [3]text, err error) { return x, r.Scan(&x[0], &x[1], &x[2]) }, func(x [3]text) {
		for _, ids := range x {
			*found = append(*found, strings.Fields(string(ids))...)
		}
	}, with+tasksOfSQL, args...)
	return nil
}

// loadTasks reads and locks tasks, with their clocks.
func (g *Group) loadTasks(ctx context.Context, b *batch, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	type row struct {
		task string
		Clock
	}
	d, set := g.tx.s.dialect, g.tx.s.dialect.idSet(ids)
	ask(b, "reading tasks", scanTask, func(t Task) { g.tasks[t.ID] = t }, "select "+taskCols+taskFrom+" where "+d.among("t.id", "uuid", 1)+" order by t.id"+g.tx.s.lockOf("t"), set)
	ask(b, "reading clocks", func(r scanner) (x row, err error) {
		var due, met moment
		err = r.Scan(&x.task, &x.Kind, &due, &met)
		x.DueAt, x.MetAt = due.Time, met.Time
		return x, err
	}, func(x row) {
		t := g.tasks[x.task]
		t.Clocks = append(t.Clocks, x.Clock)
		g.tasks[x.task] = t
	}, "select task_id, kind, due_at, met_at from task_clock where "+d.among("task_id", "uuid", 1)+" order by due_at, kind", set)
	return b.run(ctx)
}

// tasksOfSQL asks three indexes for each id; as one condition they were three scans of
// all tasks to a planner whose statistics were old.
const tasksOfSQL = `select (select string_agg(cast(t.id as text), ' ') from task t where t.contact_id = v.id and t.state in ('open', 'claimed', 'asked')),
	(select string_agg(cast(t.id as text), ' ') from task t where t.conversation_id = v.id),
	(select cast(t.id as text) from task t where t.id = v.id) from v`

// askVisits reads the visits that open conversations are about.
func (g *Group) askVisits(b *batch) {
	var ids []string
	for _, c := range g.convs {
		if c.VisitID != "" && c.State != ConversationDone {
			ids = append(ids, c.VisitID)
		}
	}
	if len(ids) > 0 {
		d := g.tx.s.dialect
		ask(b, "reading visits", scanVisit, func(v Visit) { g.visits[v.ID] = v }, "select "+visitCols+visitFrom+" where "+d.among("v.id", "uuid", 1), d.idSet(ids))
	}
}

// askEmployees reads the people of the dealers whose conversations these are.
func (g *Group) askEmployees(b *batch) {
	for _, c := range g.convs {
		if _, known := g.staff[c.DealerID]; known {
			continue
		}
		g.staff[c.DealerID] = []Employee{}
		ask(b, "reading employees", scanEmployee, func(e Employee) { g.staff[c.DealerID] = append(g.staff[c.DealerID], e) }, employeesSQL, key(c.DealerID))
	}
}

// Employees lists the people of a dealer, group-wide ones included.
func (g *Group) Employees(ctx context.Context, dealerID string) ([]Employee, error) {
	es, known := g.staff[dealerID]
	if known {
		return es, nil
	}
	es, err := employees(ctx, g.tx, dealerID)
	if err == nil {
		g.staff[dealerID] = es
	}
	return es, err
}

// distinct sorts a list and drops what is repeated.
func distinct(ids []string) []string {
	slices.Sort(ids)
	return slices.Compact(ids)
}
