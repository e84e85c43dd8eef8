package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestModel lets three nodes claim, begin, record, settle and lose their leases in
// random order, with reports coming between, and compares each answer of the store
// with a model of a few lines: nothing is in two hands, nothing is finished by
// whoever lost it, states only go forward, nothing gets lost.
func TestModel(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		d := storetest.Dealer(t, st)
		saved := storetest.Save(t, st, d, records(0, 6)...)
		rapid.Check(t, func(r *rapid.T) {
			for _, table := range []string{"begun", "attempt", "decision", "message", "conversation", "outreach"} {
				if _, err := db.ExecContext(t.Context(), "delete from "+table); err != nil {
					r.Fatal(err)
				}
			}
			m := newModel(t.Context(), r, st, db, d, saved)
			r.Repeat(map[string]func(*rapid.T){
				"":            m.check,
				"tick":        m.tick,
				"claim":       m.claim,
				"begin":       m.begin,
				"settle":      m.settle,
				"unclaim":     m.unclaim,
				"record":      m.record,
				"claimQueued": func(r *rapid.T) { m.claimMessages(r, outreach.Queued) },
				"claimLate":   func(r *rapid.T) { m.claimMessages(r, outreach.Sending) },
				"beginQueued": m.beginQueued,
				"report":      m.report,
				"overtake":    m.overtake,
				"handOver":    m.handOver,
			})
		})
	})
}

const modelLease = time.Minute

type modelRow struct {
	state string
	token string
	until time.Time
	retry time.Time
}

// hand is what a node believes to hold; it is never told that it lost it.
type hand struct {
	outreach []store.Outreach
	queued   []store.Message
	sending  []store.Message
}

type model struct {
	ctx      context.Context //nolint:containedctx // of one test
	st       *store.Store
	db       *sql.DB
	clock    time.Time // machine time
	outreach map[string]*modelRow
	message  map[string]*modelRow
	hands    [3]hand
	furthest map[string]outreach.MessageState
	// began is when the holder of a token began a message; a node knows this.
	began map[string]time.Time
	// people have addresses, outreach and messages.
	people []string
	of     map[string]string
}

func newModel(ctx context.Context, r *rapid.T, st *store.Store, db *sql.DB, d store.Dealer, saved []store.SavedRecord) *model {
	m := &model{ctx: ctx, st: st, db: db, clock: now, outreach: map[string]*modelRow{}, message: map[string]*modelRow{}, furthest: map[string]outreach.MessageState{}, began: map[string]time.Time{}, of: map[string]string{}}
	var rows []store.Outreach
	for i, s := range saved {
		o := store.Outreach{ID: st.NewID(), DealerID: d.ID, ContactID: s.ContactID, VisitID: s.VisitID, Program: "p", ProgramVersion: 1, Occasion: fmt.Sprint(i), Step: "survey",
			Purpose: outreach.Survey, State: outreach.Planned, DueAt: now, TargetAt: now, DeadlineAt: now.Add(time.Hour)}
		rows = append(rows, o)
		m.outreach[o.ID] = &modelRow{state: string(outreach.Planned)}
		m.people, m.of[o.ID] = append(m.people, s.ContactID), s.ContactID
	}
	m.ok(r, st.Tx(ctx, store.RankBulk, func(tx *store.Tx) error { _, err := tx.Plan(ctx, rows, now); return err }))
	return m
}

func (m *model) ok(r *rapid.T, err error) {
	if err != nil {
		r.Fatal(err)
	}
}

func (m *model) node(r *rapid.T) *hand { return &m.hands[rapid.IntRange(0, 2).Draw(r, "node")] }

func (m *model) tick(r *rapid.T) {
	m.clock = m.clock.Add(time.Duration(rapid.IntRange(1, 90).Draw(r, "seconds")) * time.Second)
}

func (m *model) claim(r *rapid.T) {
	h, token, limit := m.node(r), m.st.NewID(), rapid.IntRange(1, 4).Draw(r, "limit")
	free := 0
	for _, o := range m.outreach {
		if m.free(o) {
			free++
		}
	}
	os, err := storetest.ClaimOutreach(m.ctx, m.st, token, limit, now, m.clock, modelLease)
	m.ok(r, err)
	if len(os) != min(limit, free) {
		r.Fatalf("claimed %d, %d were free", len(os), free)
	}
	for _, o := range os {
		if !m.free(m.outreach[o.ID]) || o.ClaimToken != token {
			r.Fatalf("%s was not free: %+v", o.ID, m.outreach[o.ID])
		}
		*m.outreach[o.ID] = modelRow{state: string(outreach.Claimed), token: token, until: m.clock.Add(modelLease)}
	}
	h.outreach = append(h.outreach, os...)
}

func (m *model) free(o *modelRow) bool {
	return o.state == string(outreach.Planned) || o.state == string(outreach.Claimed) && o.until.Before(m.clock)
}

// holds tells whether a node's belief is true.
func (m *model) holds(o store.Outreach) bool {
	x := m.outreach[o.ID]
	return x.state == string(outreach.Claimed) && x.token == o.ClaimToken
}

func (m *model) begin(r *rapid.T) {
	h := m.node(r)
	var group []store.Begun
	name := rapid.SampledFrom([]string{"", m.st.NewID()}).Draw(r, "group")
	for _, o := range h.outreach {
		b := begun(m.st, o)
		b.Message.Group = name
		b.Message.Address += o.Occasion // one message in flight an address: see TestOneInFlight
		group = append(group, b)
	}
	h.outreach = nil
	ok, err := m.st.Begin(m.ctx, group, now, m.clock, modelLease)
	m.ok(r, err)
	for _, g := range group {
		if ok[g.Message.ID] != m.holds(*g.Outreach) {
			r.Fatalf("begun %v, holder %v", ok[g.Message.ID], m.holds(*g.Outreach))
		}
		if ok[g.Message.ID] {
			*m.outreach[g.Outreach.ID] = modelRow{state: string(outreach.Done)}
			m.of[g.Message.ID] = m.of[g.Outreach.ID]
			m.message[g.Message.ID] = &modelRow{state: string(outreach.Sending), token: g.Message.ClaimToken, until: m.clock.Add(modelLease)}
			m.began[g.Message.ID+g.Message.ClaimToken] = m.clock
		}
		h.sending = append(h.sending, g.Message) // a node that lost may still try to record
	}
}

func (m *model) settle(r *rapid.T) {
	h := m.node(r)
	var vs []store.Verdict
	for _, o := range h.outreach {
		vs = append(vs, store.Verdict{Outreach: o, State: outreach.Dropped, Verdict: "drop", Rule: "r"})
	}
	h.outreach = nil
	m.ok(r, m.st.Settle(m.ctx, vs, now))
	for _, v := range vs {
		if m.holds(v.Outreach) {
			*m.outreach[v.Outreach.ID] = modelRow{state: string(outreach.Dropped)}
		}
	}
}

func (m *model) unclaim(r *rapid.T) {
	h := m.node(r)
	lane := rapid.SampledFrom([]string{"", "sms:+7"}).Draw(r, "lane")
	if lane == "" {
		m.ok(r, m.st.Unclaim(m.ctx, h.outreach))
	} else {
		m.ok(r, m.st.Route(m.ctx, h.outreach, lane))
	}
	for _, o := range h.outreach {
		if m.holds(o) {
			*m.outreach[o.ID] = modelRow{state: string(outreach.Planned)}
		}
	}
	h.outreach = nil
}

func (m *model) record(r *rapid.T) {
	h := m.node(r)
	var rs []store.Result
	wantLost := 0
	var kept []store.Message
	for _, msg := range h.sending {
		if rapid.IntRange(0, 3).Draw(r, "not yet") == 0 {
			kept = append(kept, msg)
			continue
		}
		next := rapid.SampledFrom([]outreach.Transition{{State: outreach.Sent, Spent: true}, {State: outreach.Queued, Spent: true, DueAt: m.clock.Add(30 * time.Second)},
			{State: outreach.Sending, DueAt: m.clock.Add(time.Minute)}, {State: outreach.Failed, Spent: true}, {State: outreach.Unknown}}).Draw(r, "next")
		rs = append(rs, store.Result{Message: msg, Transition: next, At: now})
		x := m.message[msg.ID]
		if x == nil || x.token != msg.ClaimToken {
			wantLost++
			continue
		}
		if x.state == string(outreach.Sending) || x.state == string(outreach.Queued) {
			x.state = string(next.State)
		}
		x.token, x.until, x.retry = "", time.Time{}, next.DueAt
	}
	h.sending = kept
	lost, err := m.st.Record(m.ctx, rs, now)
	m.ok(r, err)
	if lost != wantLost {
		r.Fatalf("lost %d, want %d", lost, wantLost)
	}
}

func (m *model) claimMessages(r *rapid.T, state outreach.MessageState) {
	h, token, limit := m.node(r), m.st.NewID(), rapid.IntRange(1, 4).Draw(r, "limit")
	free := func(x *modelRow) bool {
		return x.state == string(state) && (x.retry.IsZero() || !x.retry.After(m.clock)) && (x.until.IsZero() || x.until.Before(m.clock))
	}
	n := 0
	for _, x := range m.message {
		if free(x) {
			n++
		}
	}
	var ms []store.Message
	var err error
	into := &h.queued
	if state == outreach.Sending {
		into = &h.sending
		ms, err = m.st.ClaimUncertain(m.ctx, token, limit, now, m.clock, modelLease)
	} else {
		ms, err = storetest.ClaimMessages(m.ctx, m.st, token, limit, now, m.clock, modelLease)
	}
	m.ok(r, err)
	if len(ms) != min(limit, n) {
		r.Fatalf("claimed %d %s, %d were free", len(ms), state, n)
	}
	for _, msg := range ms {
		x := m.message[msg.ID]
		if !free(x) {
			r.Fatalf("%s was not free: %+v", msg.ID, x)
		}
		x.token, x.until = token, m.clock.Add(modelLease)
	}
	*into = append(*into, ms...)
}

func (m *model) beginQueued(r *rapid.T) {
	h := m.node(r)
	var group []store.Begun
	for i, msg := range h.queued {
		// A node that holds a message under an old claim and a new one never begins both
		// at once: a lane has one message of an address under way.
		again := slices.ContainsFunc(h.queued[i+1:], func(x store.Message) bool { return x.ID == msg.ID })
		if !again {
			group = append(group, store.Begun{Message: msg})
		}
	}
	h.queued = nil
	ok, err := m.st.Begin(m.ctx, group, now, m.clock, modelLease)
	m.ok(r, err)
	for _, g := range group {
		x := m.message[g.Message.ID]
		holder := x.state == string(outreach.Queued) && x.token == g.Message.ClaimToken
		if ok[g.Message.ID] != holder {
			r.Fatalf("begun %v, holder %v", ok[g.Message.ID], holder)
		}
		if holder {
			x.state, x.until = string(outreach.Sending), m.clock.Add(modelLease)
			m.began[g.Message.ID+g.Message.ClaimToken] = m.clock
		}
		h.sending = append(h.sending, g.Message)
	}
}

func (m *model) report(r *rapid.T) {
	ids := slices.Sorted(maps.Keys(m.message))
	if len(ids) == 0 {
		r.Skip("nothing was sent")
	}
	id := rapid.SampledFrom(ids).Draw(r, "message")
	state := rapid.SampledFrom([]channels.State{channels.StateSent, channels.StateDelivered, channels.StateUndelivered}).Draw(r, "state")
	m.ok(r, m.st.Tx(m.ctx, store.RankPerson, func(tx *store.Tx) error {
		_, err := tx.Report(m.ctx, channels.Report{Channel: channels.SMS, MessageID: id, State: state}, now)
		return err
	}))
	if x := m.message[id]; outreach.MessageState(x.state).Forward(outreach.ReportState(state)) {
		x.state = string(outreach.ReportState(state))
	}
}

// overtake is an opt-out: what is claimed of the person and has not begun loses its claim.
func (m *model) overtake(r *rapid.T) {
	person := rapid.SampledFrom(m.people).Draw(r, "person")
	c, err := m.st.Contact(m.ctx, person)
	m.ok(r, err)
	m.ok(r, m.st.Tx(m.ctx, store.RankPerson, func(tx *store.Tx) error {
		return tx.Suppress(m.ctx, store.Suppression{Channel: channels.SMS, Address: c.Addresses[0].Value, Purpose: store.AllPurposes, Reason: store.OptedOut, At: now})
	}))
	for id, x := range m.outreach {
		if m.of[id] == person && x.state == string(outreach.Claimed) {
			*x = modelRow{state: string(outreach.Planned)}
		}
	}
	for id, x := range m.message {
		if m.of[id] == person && x.state == string(outreach.Queued) {
			x.token, x.until = "", time.Time{}
		}
	}
}

// handOver hands over what a node has begun and its lease covers still, as far as the node
// can know: then nobody else has the message.
func (m *model) handOver(r *rapid.T) {
	for _, msg := range m.node(r).sending {
		at, begun := m.began[msg.ID+msg.ClaimToken]
		if !begun || m.clock.Sub(at) > modelLease*3/4 {
			continue
		}
		got, err := m.st.Message(m.ctx, msg.ID)
		if errors.Is(err, store.ErrNotFound) && m.grouped(r, msg.ID) {
			continue
		}
		if err != nil || got.ClaimToken != msg.ClaimToken {
			r.Fatalf("a node hands over message %s %q under token %q, %v", got.State, got.ClaimToken, msg.ClaimToken, err)
		}
	}
}

// finished orders the states from which nothing goes back.
var finished = map[outreach.MessageState]int{outreach.Sent: 1, outreach.Failed: 2, outreach.Undelivered: 2, outreach.Delivered: 3}

// grouped tells whether a message stands in the row of its group.
func (m *model) grouped(r *rapid.T, id string) bool {
	var n int
	m.ok(r, m.db.QueryRowContext(m.ctx, "select count(*) from begun where messages like '% "+id+" %'").Scan(&n))
	return n == 1
}

// check compares every row with the model.
func (m *model) check(r *rapid.T) {
	for id, want := range m.outreach {
		state := want.state
		if state == string(outreach.Claimed) {
			state = string(outreach.Planned) // a claim is its token
		}
		if o, err := m.st.OutreachByID(m.ctx, id); err != nil || string(o.State) != state || o.ClaimToken != want.token {
			r.Fatalf("outreach %s %q, want %+v, %v", o.State, o.ClaimToken, want, err)
		}
	}
	for id, want := range m.message {
		got, err := m.st.Message(m.ctx, id)
		if errors.Is(err, store.ErrNotFound) && want.state == string(outreach.Sending) && m.grouped(r, id) {
			continue
		}
		if err != nil || string(got.State) != want.state || got.ClaimToken != want.token {
			r.Fatalf("message %s %q, want %+v, %v", got.State, got.ClaimToken, want, err)
		}
		if finished[got.State] < finished[m.furthest[id]] {
			r.Fatalf("message went back from %s to %s", m.furthest[id], got.State)
		}
		m.furthest[id] = got.State
	}
}
