package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
)

// Walk is one round over the people whom a dated program may concern on a date.
type Walk struct {
	Program string
	// Date is YYYY-MM-DD.
	Date string
	// Round tells a later walk for the same date from an earlier one: who came
	// meanwhile is found by walking once more.
	Round int
	By    By
	// Days are the months and days, MM-DD, whose people a walk by birthday visits.
	Days []string
	// Models: the cars' models matter.
	Models bool
}

// By says along what a walk goes.
type By int

// Ways.
const (
	ByContact  By = iota // everybody
	ByBirthday           // whose birthday it is
	ByCar                // who was handed a car on such a day of an earlier year
)

// Person is what the plan of a date must know of somebody.
type Person struct {
	ID, Zone, Locale, Gender, Birthday string
	// DealerID is the rooftop that knows the person best: of the newest visit, else of
	// the newest record that brought the person in; "" where nobody knows.
	DealerID                    string
	Prospect, Company, Deceased bool
	Tags, Models                []string
	// Vehicle is the car whose day it is, in a walk by car.
	Vehicle Vehicle
}

// Walker makes a walk, page by page. While one page is written it reads the people of the
// next: on SQLite, where one writes at a time, reading took a quarter of a holiday's plan.
// It is for one goroutine, and Close ends it.
type Walker struct {
	s     *Store
	w     Walk
	ahead chan stretch // nil when nothing is being read
	stop  context.CancelFunc
}

// stretch are the people who follow a place of a walk.
type stretch struct {
	after, last string
	people      []Person
	err         error
}

// Walker begins a walk or goes on with it.
func (s *Store) Walker(w Walk) *Walker { return &Walker{s: s, w: w} }

// Close waits for what is being read.
func (k *Walker) Close() {
	if k.ahead != nil {
		k.stop()
		<-k.ahead
		k.ahead = nil
	}
}

func (k *Walker) page() int { return k.s.TakeChunk() * k.s.TakeParts() }

// readAhead begins to read the people after a place. They are as they are now, not as
// they will be when they are planned for, a moment later: like somebody who changes just
// after he was planned for, who is new is found by the next round, and what may not leave
// any more is held back when it is due.
func (k *Walker) readAhead(ctx context.Context, after string) {
	k.Close()
	ctx, k.stop = context.WithCancel(ctx)
	ahead := make(chan stretch, 1)
	k.ahead = ahead
	go func() {
		people, last, err := along(ctx, k.s.read, k.w, after, k.page())
		ahead <- stretch{after, last, people, err}
	}()
}

// next are the people after a place: those read ahead, unless another node has walked on
// meanwhile.
func (k *Walker) next(ctx context.Context, tx *Tx, after string) (people []Person, last string, err error) {
	if k.ahead != nil {
		x := <-k.ahead
		k.stop()
		k.ahead = nil
		if x.err == nil && x.after == after {
			return x.people, x.last, nil
		}
	}
	return along(ctx, tx, k.w, after, k.page())
}

// Advance takes the next people of the walk, asks plan what becomes of them and writes it.
// done: the walk has come to its end, now or before. Any number of nodes may walk; they
// take turns. On PostgreSQL the people are written in parts at the same time, each a
// transaction of its own; where one fails, the page is walked again, and what stands of
// it is left alone. plan may be called by several goroutines, and again when a
// transaction has to be repeated.
func (k *Walker) Advance(ctx context.Context, now time.Time, plan func(people []Person, standing []Outreach) Planned) (done bool, written int64, err error) {
	w := k.w
	err = k.s.Tx(ctx, RankBulk, func(tx *Tx) error {
		after, over, err := tx.walked(ctx, w)
		if err != nil || over {
			done = over
			return err
		}
		people, last, err := k.next(ctx, tx, after)
		if err != nil {
			return err
		}
		ended := moment{}
		if done = len(people) < k.page(); done {
			ended = at(now)
		} else {
			k.readAhead(ctx, last)
		}
		if written, err = tx.planPeople(ctx, w, people, now, plan); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "update date_walk set last_id = $4, done_at = $5 where program = $1 and date = $2 and round = $3", w.Program, w.Date, w.Round, last, ended)
		return err
	})
	if err != nil {
		return false, 0, fmt.Errorf("planning %s for %s: %w", w.Program, w.Date, err)
	}
	return done, written, nil
}

// planPeople plans for a page of a walk: on SQLite within the walk's transaction, on
// PostgreSQL in parts of their own.
func (t *Tx) planPeople(ctx context.Context, w Walk, people []Person, now time.Time, plan func([]Person, []Outreach) Planned) (int64, error) {
	if t.s.pool == nil {
		return t.planPart(ctx, people, nil, false, now, plan)
	}
	if w.By == ByCar { // a person with two cars comes twice
		slices.SortStableFunc(people, func(a, b Person) int { return strings.Compare(a.ID, b.ID) })
	}
	var written atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for _, part := range shares(people, t.s.TakeParts()) {
		g.Go(func() error {
			n, err := t.s.loadPart(ctx, w, part, now, plan)
			written.Add(n)
			return err
		})
	}
	err := g.Wait()
	return written.Load(), err
}

// shares divides people, who stand in the order of their ids, into at most n runs. All
// of a person is in one: two runs at once would not see each other's rows.
func shares(people []Person, n int) [][]Person {
	var out [][]Person
	size := (len(people) + n - 1) / n
	for len(people) > 0 {
		end := min(size, len(people))
		for end < len(people) && people[end].ID == people[end-1].ID {
			end++
		}
		out = append(out, people[:end])
		people = people[end:]
	}
	return out
}

// loadPart plans for a part of a page with a bulk load.
func (s *Store) loadPart(ctx context.Context, w Walk, people []Person, now time.Time, plan func([]Person, []Outreach) Planned) (written int64, err error) {
	for try := 1; ; try++ {
		err = s.loading(ctx, func(tx *Tx, load loader) error {
			if try > 1 {
				load = nil // something stands, over which a bulk load cannot pass
			}
			written, err = tx.planPart(ctx, people, load, w.Round == 0, now, plan)
			return err
		})
		if err == nil || try == txTries || !s.dialect.retryable(err) && !s.dialect.unique(err) {
			return written, err
		}
	}
}

// planPart plans for people of a walk. In its first round nobody has planned the date
// yet, so that a bulk load takes all.
func (t *Tx) planPart(ctx context.Context, people []Person, load loader, first bool, now time.Time, plan func([]Person, []Outreach) Planned) (int64, error) {
	if len(people) == 0 {
		return 0, nil
	}
	ids := make([]string, len(people))
	for i := range people {
		ids[i] = people[i].ID
	}
	standing, err := t.plannedFor(ctx, ids)
	if err != nil {
		return 0, err
	}
	p := plan(people, standing)
	known := ids
	if load != nil && first {
		known = nil
	}
	written, err := t.write(ctx, p.Rows, known, load, now)
	if err != nil {
		return written, err
	}
	return written, t.settlePlanned(ctx, p, now)
}

// plannedFor is pendingOf for a page of a walk. Asked for a list, PostgreSQL reads all that
// is planned, which is everybody's on the eve of a holiday: it is led to each person's
// own by his index.
func (t *Tx) plannedFor(ctx context.Context, ids []string) ([]Outreach, error) {
	if t.s.pool == nil {
		return pendingOf(ctx, t, "", ids)
	}
	os, err := collect(ctx, t, scanOutreach, "select "+outreachCols+` from unnest(cast(cast($1 as text[]) as uuid[])) as wanted (id) cross join lateral
		(select * from outreach o where o.contact_id = wanted.id and o.state in ('planned', 'held') order by o.due_at limit 1000) as outreach order by outreach.id`, ids)
	if err != nil {
		return nil, fmt.Errorf("reading pending outreach: %w", err)
	}
	return os, nil
}

// walked locks the walk and tells how far it has come.
func (t *Tx) walked(ctx context.Context, w Walk) (after string, done bool, err error) {
	if _, err := t.ExecContext(ctx, "insert into date_walk (program, date, round, last_id) values ($1, $2, $3, $4) on conflict do nothing", w.Program, w.Date, w.Round, uuid.Nil.String()); err != nil {
		return "", false, err
	}
	type row struct {
		last string
		done bool
	}
	x, err := one(ctx, t, func(r *sql.Rows) (x row, err error) { return x, r.Scan(&x.last, &x.done) },
		"select last_id, done_at is not null from date_walk where program = $1 and date = $2 and round = $3"+t.s.dialect.forUpdate, w.Program, w.Date, w.Round)
	return x.last, x.done, err
}

// Walks names the walks that have come to their end and concern dates from one on:
// program, date and round.
func (s *Store) Walks(ctx context.Context, from string) (map[Round]bool, error) {
	ws, err := collect(ctx, s.read, func(r *sql.Rows) (w Round, err error) { return w, r.Scan(&w.Program, &w.Date, &w.Round) },
		"select program, date, round from date_walk where done_at is not null and date >= $1", from)
	if err != nil {
		return nil, fmt.Errorf("reading walks: %w", err)
	}
	out := make(map[Round]bool, len(ws))
	for _, w := range ws {
		out[w] = true
	}
	return out, nil
}

// Round names a walk.
type Round struct {
	Program, Date string
	Round         int
}

// People reads those of a walk after one, at most limit, in the walk's order, and what
// stands for them; it writes nothing.
func (s *Store) People(ctx context.Context, w Walk, after string, limit int) (people []Person, last string, err error) {
	if after == "" {
		after = uuid.Nil.String()
	}
	people, last, err = along(ctx, s.read, w, after, limit)
	return people, last, err
}

const (
	personCols = "c.id, c.zone, c.locale, c.gender, c.birthday, c.prospect, c.company, c.deceased, c.tags"
	// homeDealer is Person.DealerID.
	homeDealer = `coalesce((select v.dealer_id from visit v where v.contact_id = c.id order by v.completed_at desc limit 1),
		(select p.dealer_id from prospect p where p.contact_id = c.id order by p.contacted_at desc limit 1),
		(select a.dealer_id from appointment a where a.contact_id = c.id order by a.starts_at desc limit 1),
		(select k.dealer_id from external_key k where k.object_id = c.id limit 1))`
)

// along reads the next people of a walk.
func along(ctx context.Context, q querier, w Walk, after string, limit int) (people []Person, last string, err error) {
	source, args := w.source(2)
	id := "c.id"
	if w.By == ByCar {
		id = "k.id"
	}
	query := "select " + personCols + ", " + homeDealer + ", " + w.car() + " from " + source + " and " + id + " > $1 order by " + id + " limit $2"
	people, err = collect(ctx, q, scanPerson, query, append([]any{after, limit}, args...)...)
	if err != nil {
		return nil, after, fmt.Errorf("reading people: %w", err)
	}
	if len(people) == 0 {
		return nil, after, nil
	}
	end := &people[len(people)-1]
	if last = end.ID; w.By == ByCar {
		last = end.Vehicle.ID
	}
	if w.Models {
		err = models(ctx, q, people)
	}
	return people, last, err
}

func scanPerson(r *sql.Rows) (p Person, err error) {
	var home, car text
	var tags string
	err = r.Scan(&p.ID, &p.Zone, &p.Locale, &p.Gender, &p.Birthday, &p.Prospect, &p.Company, &p.Deceased, &tags, &home, &car, &p.Vehicle.Model, &p.Vehicle.DeliveredOn)
	p.DealerID, p.Vehicle.ID, p.Tags = string(home), string(car), strings.Fields(tags)
	return p, err
}

// models reads the models of the cars that people still have.
func models(ctx context.Context, q querier, people []Person) error {
	ids, at := make([]string, 0, len(people)), make(map[string][]int, len(people))
	for i := range people {
		ids, at[people[i].ID] = append(ids, people[i].ID), append(at[people[i].ID], i)
	}
	type row struct{ contact, model string }
	for _, part := range chunks(ids, listRows) {
		in, args := keys(0, part)
		rows, err := collect(ctx, q, func(r *sql.Rows) (x row, err error) { return x, r.Scan(&x.contact, &x.model) },
			"select contact_id, model from vehicle where sold_at is null and model <> '' and contact_id in "+in+" order by id", args...)
		if err != nil {
			return fmt.Errorf("reading cars: %w", err)
		}
		for _, x := range rows {
			for _, i := range at[x.contact] {
				people[i].Models = append(people[i].Models, x.model)
			}
		}
	}
	return nil
}

// peopleOf reads what audiences and places are decided by, of contacts of events.
func peopleOf(ctx context.Context, q querier, ids []string, withModels bool) (map[string]*Person, error) {
	out := make(map[string]*Person, len(ids))
	for _, part := range chunks(ids, listRows) {
		in, args := keys(0, part)
		people, err := collect(ctx, q, scanPerson, "select "+personCols+", null, null, '', '' from contact c where c.id in "+in, args...)
		if err == nil && withModels {
			err = models(ctx, q, people)
		}
		if err != nil {
			return nil, fmt.Errorf("reading people: %w", err)
		}
		for i := range people {
			out[people[i].ID] = &people[i]
		}
	}
	return out, nil
}

// settlePlanned applies what a plan says of rows that stand.
func (t *Tx) settlePlanned(ctx context.Context, p Planned, now time.Time) error {
	for id, into := range p.Into {
		if err := t.mergeInto(ctx, id, into, p.Rule, now); err != nil {
			return fmt.Errorf("merging: %w", err)
		}
	}
	for id, rule := range p.Ended {
		if err := t.endPlanned(ctx, id, rule, now); err != nil {
			return fmt.Errorf("ending what an event has overtaken: %w", err)
		}
	}
	return nil
}

// PruneWalks forgets walks for dates before one.
func (s *Store) PruneWalks(ctx context.Context, before string) error {
	_, err := s.exec(ctx, RankBulk, "delete from date_walk where date < $1", before)
	if err != nil {
		return fmt.Errorf("pruning walks: %w", err)
	}
	return nil
}
