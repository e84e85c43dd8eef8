package ratelimit

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"otklik/internal/jolt"
)

//go:embed reserve.lua
var reserveSource string

// Redis keeps buckets on a Redis server (6.2 or later) that all nodes share. One
// script answers a whole call in one round trip; the clock is the server's, so
// that nodes whose clocks differ still share one limit. Cells expire by
// themselves when they are full.
//
// A server may lose data: all of it, by FLUSHALL or a restart, or the last of it, when
// it starts from an older copy or a replica takes over that was behind. One key, the
// mark, says since when the cells are whole; it is lost with them, and names the
// history of the data (master_replid of INFO replication), which every start and every
// promotion ends. After a loss the first unit of a bucket leaves a second, for what may
// have been reserved, and one period later, and the burst comes back from then on. So
// limits hold whatever is lost, but for this: a bucket that takes longer than a minute
// to fill may be granted once more; what a message costs above the burst is waited for
// only by those that cost as much; a master that was cut off, and does not know that
// another has taken over, goes on granting; and for a user who may not run INFO only
// the loss of all data is noticed. The first use of an empty server counts as a loss,
// and so does its first replica, with which a history begins.
type Redis struct {
	client redis.UniversalClient
	prefix string
	mark   string
	script *redis.Script
	plans  sync.Pool
}

// NewRedis returns cells on the server of c, which Dial has set up not to stall.
// prefix keeps several installations on one server apart and contains no braces:
// all keys carry the hash tag {otklik}, so that in a cluster one script may touch
// them together.
func NewRedis(c redis.UniversalClient, prefix string) *Redis {
	prefix += "{otklik}:"
	return &Redis{client: c, prefix: prefix + "rate:", mark: prefix + "since", script: redis.NewScript(reserveSource),
		plans: sync.Pool{New: func() any { return new(plan) }}}
}

// Reserve implements Cells. Any failure to ask is ErrUnavailable with its cause.
// The call is made once: a reply that is lost loses the units that it granted.
//
// The server's now is taken for the moment its reply arrives, so that a slot is
// never earlier than the server meant, and later by what the reply took.
func (r *Redis) Reserve(ctx context.Context, now time.Time, demands []Demand, horizon time.Duration) ([]Slot, error) {
	jolt.Here()
	p := r.plans.Get().(*plan)
	defer r.plans.Put(p)
	began := time.Now()
	server, err := r.ask(ctx, p, demands, horizon)
	if err != nil {
		return nil, err
	}
	return p.slots(now.Add(time.Since(began)), server, now), nil
}

// ask fills the plan with the demands and with the script's grants, and returns
// the server's now.
func (r *Redis) ask(ctx context.Context, p *plan, demands []Demand, horizon time.Duration) (int64, error) {
	if err := p.read(demands); err != nil || len(p.cells) == 0 {
		return 0, err
	}
	keys := make([]string, 0, len(p.cells)+1)
	for _, c := range p.cells {
		keys = append(keys, r.prefix+c.name.scope+c.name.key)
	}
	keys = append(keys, r.mark)
	program, limits := p.program()
	args := append(make([]any, 0, 3+len(limits)), cut(horizon), len(p.charges), program)
	args = append(args, limits...)
	reply, err := r.script.Run(ctx, r.client, keys, args...).Int64Slice()
	if err != nil {
		return 0, fmt.Errorf("reserving: %w: %w", ErrUnavailable, err)
	}
	if len(reply) != 1+2*len(demands) {
		return 0, fmt.Errorf("reserving: %w: %d numbers in the reply to %d demands", ErrUnavailable, len(reply), len(demands))
	}
	for i := range demands {
		at, by := reply[1+2*i], reply[2+2*i]
		if by < 0 || by > int64(len(p.cells)) {
			return 0, fmt.Errorf("reserving: %w: cell %d of %d in the reply", ErrUnavailable, by, len(p.cells))
		}
		p.grants[i] = grant{at: at, by: int32(by) - 1}
	}
	return reply[0], nil
}

// program writes the plan for the script, numbers in two bytes where not said
// otherwise, counted from one: of each cell its limit; of each charge its cell and
// its cost, in one byte; of each demand how many charges it has, in one byte, and
// these. Cells share few limits, which come as numbers: of each its period and what
// a full bucket spans.
func (p *plan) program() (code []byte, limits []any) {
	code = make([]byte, 0, 2*len(p.cells)+3*len(p.charges)+len(p.ends)+2*len(p.items))
	number := func(n int32) { code = append(code, byte((n+1)>>8), byte(n+1)) }
	type spans struct{ period, full int64 }
	var known []spans
	for _, c := range p.cells {
		l := spans{c.period, c.full}
		i := slices.Index(known, l)
		if i < 0 {
			i = len(known)
			known, limits = append(known, l), append(limits, l.period, l.full)
		}
		number(int32(i))
	}
	for _, c := range p.charges {
		number(c.cell)
		code = append(code, byte(c.cost))
	}
	from := int32(0)
	for _, to := range p.ends {
		code = append(code, byte(to-from))
		for _, x := range p.items[from:to] {
			number(x)
		}
		from = to
	}
	return code, limits
}
