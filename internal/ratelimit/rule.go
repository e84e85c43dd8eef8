// Package ratelimit decides when a unit of sending may go, and knows the limits.
//
// It owns one pure rule, GCRA over several buckets taken together for several
// messages at a time, two kinds of cells that keep its numbers, in the process
// (Memory) and in Redis (Redis, where one script applies the same rule), and the
// book of limits that ship with the program and can be replaced while it runs
// (Book). It never sleeps or queues and does not know what a message is: the
// dispatcher asks the book which buckets a message falls into, reserves moments
// of at most a second ahead and comes back when it is told to.
//
// All arithmetic is in whole microseconds, because that is what the script can
// do exactly; periods are rounded up, so that rounding never exceeds a limit.
//
// The rule: a bucket keeps its theoretical arrival time, which each unit moves
// on by one period; a message may leave when that time, moved on by its cost,
// lies no further ahead than the burst spans (ITU-T I.371, virtual scheduling).
// Reserved moments need not come in order, for another bucket may hold a message
// back that was asked for earlier. The limit holds all the same: the unit that
// moves the arrival time to u leaves between u minus the burst's span and u minus
// one period, and the u are at least a period apart, so that a window as long as n
// periods meets at most n + burst - 1 of them.
package ratelimit

import (
	"context"
	"errors"
	"time"
)

// ErrUnavailable says that the cells could not be asked. Nothing is known to be
// taken; at worst, units were taken that nobody will use.
var ErrUnavailable = errors.New("rate cells are unavailable")

// Bounds of one call of Reserve.
const (
	// MaxHorizon bounds how far ahead moments are reserved; a longer horizon is cut.
	// It is also the most that a node which dies can lose, and what cells that forgot
	// wait for.
	MaxHorizon = time.Second
	// MaxDemands and MaxBuckets bound one call and one demand of it; more is an error.
	MaxDemands = 256
	MaxBuckets = 16
	// MaxCost bounds Bucket.Cost; more counts as this.
	MaxCost = 255
)

// Bucket is a demand for Cost units of the limit whose state is kept under Scope
// and Key. They are two only to spare joining them for every message: their
// concatenation names the cell, and one cell is always split alike. A Cost below
// one counts as one. A Cost above the burst is granted when the bucket is full
// and paid for afterwards, so that a long message is late, never stuck.
type Bucket struct {
	Scope, Key string
	Limit      Limit
	Cost       int
}

// Demand is what one message takes: all of its buckets. An empty one is granted
// at once.
type Demand []Bucket

// Slot answers one demand. OK: the message may leave at At, its units are taken,
// and are lost if it does not. Not OK: nothing was taken; Key names the bucket
// that is free last and At is when, so the time to ask again.
type Slot struct {
	OK  bool
	At  time.Time
	Key string
}

// Cells keep the state of buckets and apply the rule to it, atomically over a
// call. Memory goes by the now that is passed in; Redis goes by its server's
// clock and returns times moved onto the caller's. Times are machine time. Safe
// for concurrent use.
type Cells interface {
	// Reserve answers each demand in order: the earliest moment from now on at which
	// all its buckets admit it, if that lies within the horizon; otherwise it takes
	// nothing, and those behind it may still be granted. A bucket counts a message
	// at the moment it is granted for, so whoever asks with a shorter horizon than
	// others of the same bucket stands behind all that they have reserved.
	//
	// A bucket named twice in one demand, or with two limits in one call, is an
	// error, as is what goes beyond MaxDemands and MaxBuckets.
	Reserve(ctx context.Context, now time.Time, demands []Demand, horizon time.Duration) ([]Slot, error)
}

// grant is a slot on the time line of the cells, in Unix microseconds; by is the
// cell in the way, -1 when the units were taken.
type grant struct {
	at int64
	by int32
}

// grace bounds what is waited for a bucket whose state was forgotten, beyond what may
// have been reserved.
const grace = time.Minute

// schedule is the rule. tats holds each cell's arrival time in Unix microseconds,
// zero for one that was never used, in the order of p.cells, and is changed to
// what must be kept instead. They know nothing of what was granted before since,
// zero for cells that never forgot. reserve.lua does the same.
func (p *plan) schedule(tats []int64, since, now, horizon int64) {
	for i, c := range p.cells {
		// No message of this limit can have moved it further: it is from another
		// limit, or from a clock that was put back, and would hold messages up for as
		// long as that one was slower or ahead.
		tats[i] = min(tats[i], now+c.reach())
	}
	for i := range p.charges {
		// Whatever was granted before since leaves within the horizon, and moved the
		// cell no further than this, unless it cost more than both the burst and this.
		c := &p.charges[i]
		if floor := since + MaxHorizon.Microseconds() + min(c.take+c.slack, grace.Microseconds()); floor > now {
			tats[c.cell] = max(tats[c.cell], floor)
		}
	}
	last, from := now+horizon, int32(0)
	for d, to := range p.ends {
		items := p.items[from:to]
		from = to
		at, by := now, int32(-1)
		for _, x := range items {
			c := &p.charges[x]
			if free := tats[c.cell] - c.slack; free > at {
				at, by = free, c.cell
			}
		}
		if at > last {
			p.grants[d] = grant{at, by}
			continue
		}
		for _, x := range items {
			c := &p.charges[x]
			tats[c.cell] = max(tats[c.cell], at) + c.take
		}
		p.grants[d] = grant{at, -1}
	}
}

// cut bounds a horizon, in microseconds.
func cut(horizon time.Duration) int64 {
	return max(min(horizon, MaxHorizon), 0).Microseconds()
}

// slots moves the grants onto the line on which origin is the cells' now. A
// demand without buckets leaves at now.
func (p *plan) slots(origin time.Time, cells int64, now time.Time) []Slot {
	out := make([]Slot, len(p.grants))
	for i, g := range p.grants {
		switch {
		case p.free(i):
			out[i] = Slot{OK: true, At: now}
			continue
		case g.by >= 0:
			out[i].Key = p.cells[g.by].name.String()
		default:
			out[i].OK = true
		}
		out[i].At = origin.Add(time.Duration(g.at-cells) * time.Microsecond)
	}
	return out
}
