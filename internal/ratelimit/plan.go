package ratelimit

import (
	"fmt"
	"time"
)

// plan is the demands of one call with every cell named once. It is used again
// for the next call, which spares its allocations.
type plan struct {
	cells   []cell
	charges []charge
	// items are the charges of all demands; ends and grants are per demand: where its
	// items end, and what it was given.
	items  []int32
	ends   []int32
	grants []grant
	index  map[name]int32
}

// name is a bucket's cell.
type name struct{ scope, key string }

func (n name) String() string { return n.scope + n.key }

// cell is a bucket's state-keeper: its period, and what a full bucket spans, both
// in microseconds. charge is the last of its charges.
type cell struct {
	name         name
	limit        Limit
	period, full int64
	charge       int32
}

// reach is how far ahead of now a cell's arrival time can be moved.
func (c cell) reach() int64 {
	return MaxHorizon.Microseconds() + max(c.full, times(c.period, MaxCost))
}

// charge is a cost in a cell: how far it moves the arrival time, and how far that
// may lie ahead before; other is another charge of the cell, -1 for none.
type charge struct {
	cell        int32
	cost        int32
	take, slack int64
	other       int32
}

// longest bounds every span, so that a sum of two and a Unix time in
// microseconds stays below 2^53, the last integer that a Lua number holds.
const longest = int64(1) << 51

func times(period, units int64) int64 {
	if period > longest/units {
		return longest
	}
	return period * units
}

// read takes in the demands of a call. Buckets without a limit are left out.
func (p *plan) read(demands []Demand) error {
	if len(demands) > MaxDemands {
		return fmt.Errorf("reserving: %d demands in one call; at most %d", len(demands), MaxDemands)
	}
	if p.index == nil {
		p.index = make(map[name]int32)
	}
	clear(p.index)
	p.cells, p.charges, p.items, p.ends, p.grants = p.cells[:0], p.charges[:0], p.items[:0], p.ends[:0], p.grants[:0]
	before := 0 // items of the demand before, which mostly names the same cells
	for _, d := range demands {
		if len(d) > MaxBuckets {
			return fmt.Errorf("reserving: %d buckets in one demand; at most %d", len(d), MaxBuckets)
		}
		first := len(p.items)
		for i := range d {
			if d[i].Limit.Period <= 0 {
				continue
			}
			like := before + len(p.items) - first
			if like >= first {
				like = -1
			}
			if err := p.add(&d[i], like, first); err != nil {
				return err
			}
		}
		before = first
		p.ends = append(p.ends, int32(len(p.items)))
		p.grants = append(p.grants, grant{})
	}
	return nil
}

// add takes in a bucket of the demand whose items begin at first; like is an item
// that probably has the same cell, -1 for none.
func (p *plan) add(b *Bucket, like, first int) error {
	n := name{b.Scope, b.Key}
	c := int32(-1)
	if like >= 0 {
		c = p.charges[p.items[like]].cell
	}
	if c < 0 || p.cells[c].name != n {
		c = p.cell(n, b.Limit)
	}
	if p.cells[c].limit != b.Limit {
		return fmt.Errorf("reserving: bucket %q has two limits", n)
	}
	for _, x := range p.items[first:] {
		if p.charges[x].cell == c {
			return fmt.Errorf("reserving: bucket %q is named twice in one demand", n)
		}
	}
	p.items = append(p.items, p.charge(c, int32(min(max(b.Cost, 1), MaxCost))))
	return nil
}

// cell finds or adds a cell.
func (p *plan) cell(n name, l Limit) int32 {
	if c, ok := p.index[n]; ok {
		return c
	}
	c := int32(len(p.cells))
	p.index[n] = c
	period := int64((l.Period-1)/time.Microsecond) + 1
	p.cells = append(p.cells, cell{name: n, limit: l, period: period, full: times(period, int64(max(l.Burst, 1))), charge: -1})
	return c
}

// charge finds or adds a charge; a cell has few.
func (p *plan) charge(in, cost int32) int32 {
	c := &p.cells[in]
	for x := c.charge; x >= 0; x = p.charges[x].other {
		if p.charges[x].cost == cost {
			return x
		}
	}
	take := times(c.period, int64(cost))
	p.charges = append(p.charges, charge{cell: in, cost: cost, take: take, slack: max(c.full-take, 0), other: c.charge})
	c.charge = int32(len(p.charges)) - 1
	return c.charge
}

// free tells whether a demand has no limited bucket.
func (p *plan) free(demand int) bool {
	from := int32(0)
	if demand > 0 {
		from = p.ends[demand-1]
	}
	return p.ends[demand] == from
}
