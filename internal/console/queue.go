package console

import (
	"fmt"
	"slices"
	"time"

	"otklik/internal/store"
)

// queueLength is how many tasks a queue shows: more than anybody does in a day.
const queueLength = 100

// Kinds of task in the order of the queue's filter.
func taskKinds() []string {
	return []string{store.TaskCallback, store.TaskSurveyCall, store.TaskReview, store.TaskNext, store.TaskUndelivered,
		store.TaskNoShow, store.TaskWarrantySlot, store.TaskProspect, store.TaskPaper, store.TaskLate}
}

type queuePage struct {
	Tasks []store.Task
	// Kind narrows the list, "" for all; Mine to the reader's own.
	Kind string
	Mine bool
	// Counts of open tasks by kind, for the filter.
	Counts  map[string]int
	Kinds   []string
	work    store.Work
	All     int
	Overdue int
	// Today are due by the end of the day, past ones not counted.
	Today  int
	Unread int
	// Next is the task behind the big button; the zero Task when there is none.
	Next store.Task
	More bool
}

func (c *Console) queue(q *request) error {
	p := queuePage{Kind: q.r.URL.Query().Get("kind"), Mine: q.r.URL.Query().Get("mine") == "1", work: workOf(q.employee)}
	p.Kinds = slices.Concat(p.work.Kinds, p.work.Own)
	if p.Kind != "" && !slices.Contains(p.Kinds, p.Kind) {
		return store.ErrNotFound
	}
	all, err := c.openTasks(q)
	if err != nil {
		return err
	}
	p.Next = nextTask(all, q.employee, q.now)
	filter := store.TaskFilter{DealerID: q.dealer.ID, Kind: p.Kind, Work: p.work, Open: true, Limit: queueLength}
	if p.Mine {
		filter.OwnerID = q.employee.ID
	}
	p.Tasks = all
	if p.Kind != "" || p.Mine {
		if p.Tasks, err = c.Store.Tasks(q.ctx(), filter); err != nil {
			return fmt.Errorf("reading the queue: %w", err)
		}
	}
	p.More = len(p.Tasks) == queueLength
	if err := c.countQueue(q, &p); err != nil {
		return err
	}
	return q.page("queue", "queue.title", p)
}

func (c *Console) openTasks(q *request) ([]store.Task, error) {
	ts, err := c.Store.Tasks(q.ctx(), store.TaskFilter{DealerID: q.dealer.ID, Work: workOf(q.employee), Open: true, Limit: queueLength})
	if err != nil {
		return nil, fmt.Errorf("reading the queue: %w", err)
	}
	return ts, nil
}

// countQueue fills the counters at the top.
func (c *Console) countQueue(q *request, p *queuePage) error {
	var err error
	if p.Counts, p.Overdue, err = c.Store.TaskCounts(q.ctx(), q.dealer.ID, q.now, p.work); err != nil {
		return fmt.Errorf("counting tasks: %w", err)
	}
	for _, n := range p.Counts {
		p.All += n
	}
	local := q.now.In(q.dealer.Location())
	tonight := time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, local.Location())
	_, byTonight, err := c.Store.TaskCounts(q.ctx(), q.dealer.ID, tonight, p.work)
	if err != nil {
		return fmt.Errorf("counting tasks: %w", err)
	}
	p.Today = byTonight - p.Overdue
	strangers, err := c.Store.Unassigned(q.ctx(), q.dealer.ID, inboxLength)
	if err != nil {
		return fmt.Errorf("reading unassigned messages: %w", err)
	}
	p.Unread = p.Counts[store.TaskReview] + len(strangers)
	return nil
}

// next opens the card of the task that is to be done now.
func (c *Console) next(q *request) error {
	ts, err := c.openTasks(q)
	if err != nil {
		return err
	}
	if t := nextTask(ts, q.employee, q.now); t.ID != "" {
		return q.redirect("/tasks/" + t.ID)
	}
	q.flash("queue.nothing")
	return q.redirect("/queue")
}

// nextTask takes the first of the queue that an employee can do something about:
// his own or nobody's, not waiting for the customer's answer nor for the time at which
// he wants to be called, and due within a day before anything due later.
func nextTask(ts []store.Task, e store.Employee, now time.Time) store.Task {
	var later store.Task
	for _, t := range ts {
		if t.State == store.TaskAsked || early(t, now) || t.OwnerID != "" && t.OwnerID != e.ID {
			continue
		}
		if t.Due().Sub(now) <= 24*time.Hour {
			return t
		}
		if later.ID == "" {
			later = t
		}
	}
	return later
}

// early tells whether the customer wants to be called later than now, and before the
// deadline.
func early(t store.Task, now time.Time) bool { return t.CallFrom.After(now) && !beyond(t) }

// beyond tells whether the customer wants to be called after the deadline.
func beyond(t store.Task) bool { return t.CallFrom.After(t.Due()) }

// Beyond tells whether the deadline is red before the customer wants to be called.
func (v *view) Beyond(t store.Task) bool { return t.CallFrom.After(v.Now) && beyond(t) }
