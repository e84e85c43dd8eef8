package store

import (
	"cmp"
	"context"
	"database/sql"
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
	if err := g.loadNames(ctx, asks); err != nil {
		return fmt.Errorf("looking up what events name: %w", err)
	}
	if err := g.loadAddresses(ctx, asks); err != nil {
		return fmt.Errorf("looking up senders: %w", err)
	}
	if err := g.loadSeen(ctx, asks); err != nil {
		return fmt.Errorf("looking up earlier events: %w", err)
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
	if err := g.loadContacts(ctx, people); err != nil {
		return fmt.Errorf("reading and locking contacts: %w", err)
	}
	if err := g.loadConversations(ctx, people, distinct(named), since); err != nil {
		return fmt.Errorf("reading conversations: %w", err)
	}
	if err := g.loadTasks(ctx, people); err != nil {
		return fmt.Errorf("reading tasks: %w", err)
	}
	if err := g.loadVisits(ctx); err != nil {
		return fmt.Errorf("reading visits: %w", err)
	}
	return nil
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

// loadNames finds the conversations that events name by token, by the message they
// answer, or by a hint. They are not locked yet: their contacts come first.
func (g *Group) loadNames(ctx context.Context, asks []Ask) error {
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
		in, args := list(1, distinct(rs))
		ms, err := collect(ctx, g.tx, scanMessage, "select "+messageCols+" from message where channel = $1 and direction = 'out' and provider_id in "+in, append([]any{ch}, args...)...)
		if err != nil {
			return err
		}
		for _, m := range ms {
			g.sent[sentKey{string(ch), m.ProviderID}] = m
			if m.ConversationID != "" {
				ids = append(ids, m.ConversationID)
			}
		}
	}
	const from = "select " + conversationCols + " from conversation c where "
	if len(tokens) > 0 {
		in, args := list(0, distinct(tokens))
		if err := g.addConversations(ctx, from+"c.token in "+in, args...); err != nil {
			return err
		}
	}
	if len(ids) > 0 {
		in, args := keys(0, distinct(ids))
		if err := g.addConversations(ctx, from+"c.id in "+in, args...); err != nil {
			return err
		}
	}
	return nil
}

func (g *Group) addConversations(ctx context.Context, query string, args ...any) error {
	cs, err := collect(ctx, g.tx, scanConversation, query, args...)
	for _, c := range cs {
		g.convs[c.ID] = c
		if _, asked := g.tokens[c.Token]; asked {
			g.tokens[c.Token] = c.ID
		}
	}
	return err
}

// loadAddresses finds who has the addresses of events that name nobody.
func (g *Group) loadAddresses(ctx context.Context, asks []Ask) error {
	var values []string
	for _, a := range asks {
		if g.named(a) == "" && a.ContactID == "" {
			values = append(values, a.Address)
			g.at[addressKey{string(a.Channel), a.Address}] = nil
		}
	}
	if len(values) == 0 {
		return nil
	}
	type row struct {
		addressKey
		contact string
	}
	in, args := list(0, distinct(values))
	rows, err := collect(ctx, g.tx, func(r *sql.Rows) (x row, err error) { return x, r.Scan(&x.channel, &x.value, &x.contact) },
		"select channel, value, contact_id from address where value in "+in+" order by created_at desc, id desc", args...)
	for _, x := range rows {
		if ids, asked := g.at[x.addressKey]; asked {
			g.at[x.addressKey] = append(ids, x.contact)
		}
	}
	return err
}

// loadSeen asks for each event by the unique key. A list of ids let PostgreSQL choose
// another index while its statistics were from a smaller table, and read a channel's
// whole mail for each group.
func (g *Group) loadSeen(ctx context.Context, asks []Ask) error {
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
	with, args, err := g.tx.s.dialect.values(0, []column{{"channel", "text"}, {"provider_id", "text"}}, rows)
	if err != nil {
		return err
	}
	found, err := collect(ctx, g.tx, func(r *sql.Rows) (x sentKey, err error) { return x, r.Scan(&x.channel, &x.id) }, with+seenSQL, args...)
	for _, x := range found {
		g.seen[x] = true
	}
	return err
}

const seenSQL = `select v.channel, v.provider_id from v where (select m.id from message m
	where m.channel = v.channel and m.direction = 'in' and m.provider_id = v.provider_id and m.provider_id is not null) is not null`

// loadContacts locks people in the order of their ids, so that two groups never
// wait for each other.
func (g *Group) loadContacts(ctx context.Context, ids []string) error {
	type row struct {
		Contact
		channel, value text
		rank           sql.NullInt64
	}
	in, args := keys(0, ids)
	rows, err := collect(ctx, g.tx, func(r *sql.Rows) (x row, err error) {
		x.Contact, err = scanContact(r, &x.channel, &x.value, &x.rank)
		return x, err
	}, "select "+contactCols+", a.channel, a.value, a.rank from contact c left join address a on a.contact_id = c.id where c.id in "+in+
		" order by c.id, a.channel, a.rank, a.value"+g.tx.s.lockOf("c"), args...)
	for _, x := range rows {
		c, known := g.contacts[x.ID]
		if !known {
			c = x.Contact
		}
		if x.value != "" {
			c.Addresses = append(c.Addresses, Address{channels.Kind(x.channel), string(x.value), int(x.rank.Int64)})
		}
		g.contacts[x.ID] = c
	}
	return err
}

// lockOf is forUpdate for one table of a join.
func (s *Store) lockOf(table string) string {
	if s.dialect.forUpdate == "" {
		return ""
	}
	return s.dialect.forUpdate + " of " + table
}

func (g *Group) loadConversations(ctx context.Context, people, named []string, since time.Time) error {
	const from = "select " + conversationCols + " from conversation c where "
	clear(g.convs) // read before their contacts were locked
	in, args := keys(1, people)
	if err := g.addConversations(ctx, from+"c.contact_id in "+in+" and c.updated_at >= $1 order by c.id"+g.tx.s.dialect.forUpdate, append([]any{at(since)}, args...)...); err != nil {
		return err
	}
	named = slices.DeleteFunc(named, func(id string) bool { _, known := g.convs[id]; return known })
	if len(named) > 0 {
		in, args := keys(0, named)
		if err := g.addConversations(ctx, from+"c.id in "+in+" order by c.id"+g.tx.s.dialect.forUpdate, args...); err != nil {
			return err
		}
	}
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
	return nil
}

// loadTasks looks for each person and conversation, which have none for the most part,
// and locks what it finds.
func (g *Group) loadTasks(ctx context.Context, people []string) error {
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
	with, args, err := g.tx.s.dialect.values(0, []column{{"id", "uuid"}}, of)
	if err != nil {
		return err
	}
	found, err := collect(ctx, g.tx, func(r *sql.Rows) (x [3]text, err error) { return x, r.Scan(&x[0], &x[1], &x[2]) }, with+tasksOfSQL, args...)
	if err != nil {
		return err
	}
	var ids []string
	for _, x := range found {
		for _, some := range x {
			ids = append(ids, strings.Fields(string(some))...)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	in, args := keys(0, distinct(ids))
	ts, err := collect(ctx, g.tx, scanTask, "select "+taskCols+taskFrom+" where t.id in "+in+" order by t.id"+g.tx.s.lockOf("t"), args...)
	if err != nil {
		return err
	}
	for _, t := range ts {
		g.tasks[t.ID] = t
	}
	type row struct {
		task string
		Clock
	}
	clocks, err := collect(ctx, g.tx, func(r *sql.Rows) (x row, err error) {
		var due, met moment
		err = r.Scan(&x.task, &x.Kind, &due, &met)
		x.DueAt, x.MetAt = due.Time, met.Time
		return x, err
	}, "select task_id, kind, due_at, met_at from task_clock where task_id in "+in+" order by due_at, kind", args...)
	for _, x := range clocks {
		t := g.tasks[x.task]
		t.Clocks = append(t.Clocks, x.Clock)
		g.tasks[x.task] = t
	}
	return err
}

// tasksOfSQL asks three indexes for each id; as one condition they were three scans of
// all tasks to a planner whose statistics were old.
const tasksOfSQL = `select (select string_agg(cast(t.id as text), ' ') from task t where t.contact_id = v.id and t.state in ('open', 'claimed', 'asked')),
	(select string_agg(cast(t.id as text), ' ') from task t where t.conversation_id = v.id),
	(select cast(t.id as text) from task t where t.id = v.id) from v`

// loadVisits reads the visits that open conversations are about.
func (g *Group) loadVisits(ctx context.Context) error {
	var ids []string
	for _, c := range g.convs {
		if c.VisitID != "" && c.State != ConversationDone {
			ids = append(ids, c.VisitID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	in, args := keys(0, distinct(ids))
	vs, err := collect(ctx, g.tx, scanVisit, "select "+visitCols+visitFrom+" where v.id in "+in, args...)
	for _, v := range vs {
		g.visits[v.ID] = v
	}
	return err
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
