package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
)

// How much Progress reads of one queue. Up to progressSample rows are looked at one
// by one and counted exactly by program; of a longer queue the first ones stand for
// the rest, whose number the index gives; beyond progressMost nobody counts. With
// 1,000,000 rows due that takes 0.4 s where a plain count by program takes 2.5 s
// (SQLite).
const (
	progressSample = 5_000
	progressMost   = 1_000_000
)

// Waits are numbers of one dealer, program and lane.
type Waits struct {
	DealerID string
	// Program is "" for messages that no program planned: answers to people.
	Program string
	// Channel and Sender are empty until the sender is chosen.
	Channel channels.Kind
	Sender  string
	// Waiting are due and have not begun, Held wait by a verdict, Later are planned
	// for a moment that has not come.
	Waiting, Held, Later int
	// InFlight are being handed to the provider, Asking are those of which the
	// provider is asked whether it took them.
	InFlight, Asking int
	// About tells that Waiting is estimated from a part of the queue, More that there
	// are more than counted; AboutLater and MoreLater tell it of Held and Later.
	About, More, AboutLater, MoreLater bool
	// NextHeld is when the first of those held is looked at again, by HeldRule.
	NextHeld time.Time
	HeldRule string
}

// Progress is how far sending is.
type Progress struct {
	Waits []Waits
	// Oldest is when the oldest outreach that is due became due, OldestMessage the
	// same of messages; zero when none is due.
	Oldest, OldestMessage time.Time
}

// queueHead is one queue of the index outreach_queue, with its first row.
type queueHead struct {
	lane, dealer string
	priority     int
	first        time.Time
}

// openOutreach is the condition of the index outreach_queue.
const openOutreach = "state in ('planned', 'held', 'claimed')"

// The end of time is named because SQLite seeks to the beginning of equal rows and
// would walk through the whole queue that was left.
const queueHeadSQL = "select lane, dealer_id, priority, due_at from outreach where " + openOutreach + ` and (lane, dealer_id, priority, due_at) > ($1, $2, $3, 9223372036854775807)
	order by lane, dealer_id, priority, due_at, id limit 1`

// queueHeads hops from queue to queue, so that its cost is that of their number.
func (s *Store) queueHeads(ctx context.Context, each func(queueHead)) error {
	last := queueHead{dealer: "00000000-0000-0000-0000-000000000000", priority: math.MinInt32}
	for {
		hs, err := collect(ctx, s.read, func(r *sql.Rows) (h queueHead, err error) {
			var due moment
			err = r.Scan(&h.lane, &h.dealer, &h.priority, &due)
			h.first = due.Time
			return h, err
		}, queueHeadSQL, last.lane, last.dealer, last.priority)
		if err != nil {
			return fmt.Errorf("reading queues: %w", err)
		}
		if len(hs) == 0 {
			return nil
		}
		last = hs[0]
		each(last)
	}
}

// OldestDue tells when the oldest outreach and the oldest message that are due
// became due; zero when none is.
func (s *Store) OldestDue(ctx context.Context, business time.Time) (outreachDue, messageDue time.Time, err error) {
	err = s.queueHeads(ctx, func(h queueHead) {
		if !h.first.After(business) {
			outreachDue = earlier(outreachDue, h.first)
		}
	})
	if err != nil {
		return outreachDue, messageDue, err
	}
	m, err := one(ctx, s.read, func(r *sql.Rows) (m moment, err error) { return m, r.Scan(&m) },
		"select min(due_at) from (select due_at from message where direction = 'out' and state = 'queued' limit $1) as queued", progressSample)
	if err != nil {
		return outreachDue, messageDue, fmt.Errorf("reading the oldest message: %w", err)
	}
	if !m.After(business) {
		messageDue = m.Time
	}
	return outreachDue, messageDue, nil
}

// earlier is the earlier of two moments; zero means none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Progress counts what waits, is held and is in flight, by dealer, program and
// lane; nil dealerIDs means all. Plans are due in business time, retries in machine
// time.
func (s *Store) Progress(ctx context.Context, dealerIDs []string, business, machine time.Time) (Progress, error) {
	t := tally{dealers: dealerIDs, lines: map[waitsKey]*Waits{}}
	var heads []queueHead
	if err := s.queueHeads(ctx, func(h queueHead) {
		if t.wanted(h.dealer) {
			heads = append(heads, h)
		}
	}); err != nil {
		return Progress{}, err
	}
	var p Progress
	for _, h := range heads {
		if !h.first.After(business) {
			p.Oldest = earlier(p.Oldest, h.first)
		}
		if err := s.countQueue(ctx, &t, h, business); err != nil {
			return Progress{}, fmt.Errorf("counting outreach: %w", err)
		}
	}
	var err error
	if p.OldestMessage, err = s.countMessages(ctx, &t, business, machine); err != nil {
		return Progress{}, fmt.Errorf("counting messages: %w", err)
	}
	for _, w := range t.lines {
		p.Waits = append(p.Waits, *w)
	}
	slices.SortFunc(p.Waits, func(a, b Waits) int {
		return cmp.Or(cmp.Compare(a.Channel, b.Channel), cmp.Compare(a.Sender, b.Sender), cmp.Compare(a.DealerID, b.DealerID), cmp.Compare(a.Program, b.Program))
	})
	return p, nil
}

type waitsKey struct {
	dealer, program string
	channel         channels.Kind
	sender          string
}

// tally gathers counts into lines.
type tally struct {
	dealers []string
	lines   map[waitsKey]*Waits
}

func (t *tally) wanted(dealer string) bool {
	return t.dealers == nil || slices.Contains(t.dealers, dealer)
}

func (t *tally) line(k waitsKey) *Waits {
	w, ok := t.lines[k]
	if !ok {
		w = &Waits{DealerID: k.dealer, Program: k.program, Channel: k.channel, Sender: k.sender}
		t.lines[k] = w
	}
	return w
}

// part is how many rows of a queue have a program, state and rule.
type part struct {
	program string
	state   outreach.State
	rule    string
	n       int
	next    time.Time
}

// countQueue counts what one queue has due, and what it has for later.
func (s *Store) countQueue(ctx context.Context, t *tally, h queueHead, business time.Time) error {
	ch, sender := senderOf(h.lane)
	for _, later := range []bool{false, true} {
		parts, scale, err := s.countRange(ctx, h, later, business)
		if err != nil {
			return err
		}
		for _, p := range parts {
			w := t.line(waitsKey{h.dealer, p.program, ch, sender})
			n := int(math.Round(float64(p.n) * scale.by))
			if !later {
				w.Waiting, w.About, w.More = w.Waiting+n, w.About || scale.by > 1, w.More || scale.more
				continue
			}
			w.AboutLater, w.MoreLater = w.AboutLater || scale.by > 1, w.MoreLater || scale.more
			if p.state == outreach.Held {
				w.hold(n, p.rule, p.next)
			} else {
				w.Later += n
			}
		}
	}
	return nil
}

// senderOf reads the name of a lane: CHANNEL:SENDER, with the mail domain behind the
// sender where that has a queue of its own. What has no sender yet, or belongs to a
// program that is paused (pause:PROGRAM), is nobody's.
func senderOf(lane string) (channels.Kind, string) {
	ch, sender, _ := strings.Cut(lane, ":")
	if ch == "pause" {
		return "", ""
	}
	sender, _, _ = strings.Cut(sender, "@@")
	return channels.Kind(ch), sender
}

// hold adds rows that a verdict holds back; the rule of the next one is shown.
func (w *Waits) hold(n int, rule string, next time.Time) {
	w.Held += n
	if first := earlier(w.NextHeld, next); first.Equal(next) {
		w.NextHeld, w.HeldRule = next, rule
	}
}

// scale tells how the rows that were looked at stand for all.
type scale struct {
	by   float64
	more bool
}

// rangeSQL is what a queue has due, or has for later.
func rangeSQL(later bool) string {
	compare := "<="
	if later {
		compare = ">"
	}
	return " from outreach where " + openOutreach + " and lane = $1 and dealer_id = $2 and priority = $3 and due_at " + compare + " $4"
}

func partSQL(from string) string {
	return "select program, state, rule, count(*), min(due_at) from (select program, state, rule, due_at" + from + " order by due_at, id limit $5) as looked_at group by program, state, rule"
}

// countRange looks at the first rows of a queue that are due, or that are not, and
// counts the others.
func (s *Store) countRange(ctx context.Context, h queueHead, later bool, business time.Time) ([]part, scale, error) {
	from := rangeSQL(later)
	seen := 0
	parts, err := collect(ctx, s.read, func(r *sql.Rows) (p part, err error) {
		var next moment
		err = r.Scan(&p.program, &p.state, &p.rule, &p.n, &next)
		p.next = next.Time
		seen += p.n
		return p, err
	}, partSQL(from), h.lane, h.dealer, h.priority, at(business), progressSample)
	if err != nil || seen < progressSample {
		return parts, scale{by: 1}, err
	}
	n, err := one(ctx, s.read, func(r *sql.Rows) (n int, err error) { return n, r.Scan(&n) },
		"select count(*) from (select 1"+from+" limit $5) as counted", h.lane, h.dealer, h.priority, at(business), progressMost)
	return parts, scale{float64(n) / float64(seen), n == progressMost}, err
}

// countMessages counts messages that stand ready and those under way.
func (s *Store) countMessages(ctx context.Context, t *tally, business, machine time.Time) (oldest time.Time, err error) {
	type row struct {
		k           waitsKey
		state       string
		n           int
		first, next moment
	}
	scan := func(r *sql.Rows) (x row, err error) {
		var program text
		err = r.Scan(&x.k.dealer, &program, &x.k.channel, &x.k.sender, &x.state, &x.n, &x.first, &x.next)
		x.k.program = string(program)
		return x, err
	}
	const columns = "select m.dealer_id, o.program, m.channel, m.sender, %s, count(*), min(m.due_at), min(m.retry_at) from (select dealer_id, outreach_id, channel, sender, due_at, retry_at from message where direction = 'out' and state = '%s' limit $1) as m left join outreach o on o.id = m.outreach_id group by 1, 2, 3, 4, 5"
	ready, err := collect(ctx, s.read, scan, fmt.Sprintf(columns, "case when m.due_at > $2 then 'later' when m.retry_at > $3 then 'retry' else 'due' end", "queued"), 4*progressSample, at(business), at(machine))
	if err != nil {
		return oldest, err
	}
	total := 0
	for _, x := range ready {
		total += x.n
		if !t.wanted(x.k.dealer) {
			continue
		}
		w := t.line(x.k)
		switch x.state {
		case "later":
			w.hold(x.n, "later", x.first.Time)
		case "retry":
			w.hold(x.n, "retry", business.Add(x.next.Sub(machine)))
		default:
			w.Waiting += x.n
			oldest = earlier(oldest, x.first.Time)
		}
	}
	under, err := collect(ctx, s.read, scan, fmt.Sprintf(columns, "case when m.retry_at is null then 'flight' else 'asking' end", "sending"), 4*progressSample)
	if err != nil {
		return oldest, err
	}
	for _, x := range under {
		if !t.wanted(x.k.dealer) {
			continue
		}
		w := t.line(x.k)
		if x.state == "asking" {
			w.Asking += x.n
		} else {
			w.InFlight += x.n
		}
	}
	if total == 4*progressSample {
		for _, x := range ready {
			if t.wanted(x.k.dealer) {
				t.line(x.k).More = true
			}
		}
	}
	return oldest, nil
}

// OutcomeCount is how many messages of one dealer, program and sender are in a state.
type OutcomeCount struct {
	DealerID, Program string
	Channel           channels.Kind
	Sender            string
	State             outreach.MessageState
	N                 int
}

// Outcomes is what became of the newest messages.
type Outcomes struct {
	Counts []OutcomeCount
	// Since is the moment from which on the counts are complete, in business time.
	Since time.Time
	// Cut tells that there were more messages since the moment asked for.
	Cut bool
}

// outcomesMost is how many messages Outcomes looks at: 0.1 s of work (SQLite).
const outcomesMost = 20_000

// Outcomes counts what became of messages that were made since a moment in business
// time, as far as they are among the newest 20,000; nil dealerIDs means all.
func (s *Store) Outcomes(ctx context.Context, dealerIDs []string, since time.Time) (Outcomes, error) {
	t := tally{dealers: dealerIDs}
	o := Outcomes{Since: since}
	var first time.Time
	seen, older := 0, 0
	cs, err := collect(ctx, s.read, func(r *sql.Rows) (c OutcomeCount, err error) {
		var program text
		var counted bool
		var oldest moment
		var old int
		err = r.Scan(&c.DealerID, &program, &c.Channel, &c.Sender, &c.State, &counted, &c.N, &oldest, &old)
		c.Program = string(program)
		seen, older, first = seen+c.N, older+old, earlier(first, oldest.Time)
		if !counted {
			c.N = 0
		}
		return c, err
	}, `select m.dealer_id, o.program, m.channel, m.sender, m.state, m.direction = 'out' and m.created_at >= $1, count(*), min(m.created_at), sum(case when m.created_at < $1 then 1 else 0 end)
		from (select dealer_id, outreach_id, channel, sender, state, direction, created_at from message order by id desc limit $2) as m left join outreach o on o.id = m.outreach_id
		group by 1, 2, 3, 4, 5, 6`, at(since), outcomesMost)
	if err != nil {
		return o, fmt.Errorf("counting outcomes: %w", err)
	}
	if o.Cut = seen == outcomesMost && older == 0; o.Cut {
		o.Since = first
	}
	for _, c := range cs {
		if c.N > 0 && t.wanted(c.DealerID) {
			o.Counts = append(o.Counts, c)
		}
	}
	return o, nil
}
