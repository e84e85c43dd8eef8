package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kinds of task.
const (
	TaskCallback    = "callback"
	TaskSurveyCall  = "survey_call"
	TaskPaper       = "paper_entry"  // a survey's sheet to be handed out and typed in (R007)
	TaskReview      = "review"       // a reply that could not be read
	TaskUndelivered = "undelivered"  // a message that will not arrive
	TaskNext        = "next_contact" // a contact that was promised (R047)
	// TaskNoShow: nobody came to an appointment (R140).
	TaskNoShow = "no_show_call"
	// TaskProspect: somebody who may buy is to be called (R063, R064).
	TaskProspect = "prospect_call"
	// TaskWarrantySlot: a warranty repair needs a slot in time (R073).
	TaskWarrantySlot = "warranty_slot"
	// TaskLate: a message is late, and a person decides whether it still goes.
	TaskLate = "late_message"
)

// States of a task. Asked: the customer was asked whether it is solved.
const (
	TaskOpen      = "open"
	TaskClaimed   = "claimed"
	TaskAsked     = "asked"
	TaskClosed    = "closed"
	TaskWithdrawn = "withdrawn"
)

// Task is something a person must do by a time, with one owner and an outcome. A
// callback is a task with clocks and evidence.
type Task struct {
	ID, DealerID, Kind                                        string
	Number                                                    int64
	ContactID, VisitID, OutreachID, ConversationID, MessageID string
	State, OwnerID                                            string
	Reason                                                    string
	// Severity orders a queue: 2 legal and safety, 1 repeat repair, 0 other.
	Severity int
	// Words are the customer's own, unedited (R123).
	Words                          string
	Department, SourceParty, WayIn string
	// Survey is what is asked by phone or on paper; "" for the survey of the house.
	Survey                               string
	OpenedAt, DueAt, ClaimedAt, ClosedAt time.Time
	// CallFrom is when the time begins at which the customer wants to be called; zero for
	// at once.
	CallFrom time.Time
	// DeadlineAt is the first of the clocks that is not met; zero where none is left.
	DeadlineAt            time.Time
	Outcome, Note, Agreed string
	NextContactAt         time.Time
	// ConfirmedAt is when the customer said that it is solved; ConfirmedBy names
	// the message, or "manager" with the reason in Note.
	ConfirmedAt time.Time
	ConfirmedBy string
	Version     int64
	Clocks      []Clock
	// Contact and owner names for lists.
	ContactName, OwnerName, Order string
}

// Clock is one deadline of a task.
type Clock struct {
	Kind         string
	DueAt, MetAt time.Time
}

// Step is one piece of evidence in a task's history.
type Step struct {
	ID, TaskID, Kind, EmployeeID, Employee, MessageID, Text string
	At, Until                                               time.Time
}

const taskCols = `t.id, t.dealer_id, t.kind, t.number, t.contact_id, t.visit_id, t.outreach_id, t.conversation_id, t.message_id, t.state, t.owner_id, t.reason, t.severity,
	t.words, t.department, t.source_party, t.way_in, t.survey, t.opened_at, t.due_at, t.claimed_at, t.closed_at, t.outcome, t.note, t.agreed, t.next_contact_at, t.confirmed_at, t.confirmed_by, t.version, t.call_from, (select min(k.due_at) from task_clock k where k.task_id = t.id and k.met_at is null),
	c.name, e.name, v.order_no`

const taskFrom = " from task t left join contact c on c.id = t.contact_id left join employee e on e.id = t.owner_id left join visit v on v.id = t.visit_id"

func scanTask(r scanner) (t Task, err error) {
	var contact, visit, out, conv, msg, owner, name, ownerName, order text
	var opened, due, claimed, closed, next, confirmed, from, deadline moment
	err = r.Scan(&t.ID, &t.DealerID, &t.Kind, &t.Number, &contact, &visit, &out, &conv, &msg, &t.State, &owner, &t.Reason, &t.Severity,
		&t.Words, &t.Department, &t.SourceParty, &t.WayIn, &t.Survey, &opened, &due, &claimed, &closed, &t.Outcome, &t.Note, &t.Agreed, &next, &confirmed, &t.ConfirmedBy, &t.Version, &from, &deadline,
		&name, &ownerName, &order)
	t.ContactID, t.VisitID, t.OutreachID, t.ConversationID, t.MessageID, t.OwnerID = string(contact), string(visit), string(out), string(conv), string(msg), string(owner)
	t.ContactName, t.OwnerName, t.Order = string(name), string(ownerName), string(order)
	t.OpenedAt, t.DueAt, t.ClaimedAt, t.ClosedAt, t.NextContactAt, t.ConfirmedAt, t.CallFrom, t.DeadlineAt = opened.Time, due.Time, claimed.Time, closed.Time, next.Time, confirmed.Time, from.Time, deadline.Time
	return t, err
}

// OpenTask writes a task with its clocks and returns it with id and number. Where
// the same outreach or conversation has such a task already, nothing is written
// and that task's id comes back.
func (t *Tx) OpenTask(ctx context.Context, x Task, now time.Time) (Task, error) {
	if old, err := t.taskLike(ctx, x); !errors.Is(err, ErrNotFound) {
		return old, err
	}
	// The dealer's row is the lock on his numbers, and on opening a task twice.
	if _, err := one(ctx, t, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }, "select id from dealer where id = $1"+t.s.dialect.forUpdate, key(x.DealerID)); err != nil {
		return x, fmt.Errorf("numbering a task: %w", err)
	}
	if old, err := t.taskLike(ctx, x); !errors.Is(err, ErrNotFound) {
		return old, err
	}
	n, err := one(ctx, t, func(r *sql.Rows) (n int64, err error) { return n, r.Scan(&n) }, "select coalesce(max(number), 0) + 1 from task where dealer_id = $1", x.DealerID)
	if err != nil {
		return x, fmt.Errorf("numbering a task: %w", err)
	}
	if x.ID == "" {
		x.ID = t.NewID()
	}
	x.Number, x.Version = n, 1
	if x.State == "" {
		x.State = TaskOpen
	}
	if x.OpenedAt.IsZero() {
		x.OpenedAt = now
	}
	if _, err := insert(ctx, t, "task", taskInsert, [][]any{taskRow(x, now)}, ""); err != nil {
		return x, fmt.Errorf("opening a task: %w", err)
	}
	for _, c := range x.Clocks {
		if err := t.SetClock(ctx, x.ID, c); err != nil {
			return x, err
		}
	}
	return x, nil
}

var taskInsert = []string{"id", "dealer_id", "kind", "number", "contact_id", "visit_id", "outreach_id", "conversation_id", "message_id", "state", "owner_id", "reason", "severity",
	"words", "department", "source_party", "way_in", "survey", "opened_at", "due_at", "closed_at", "outcome", "note", "version", "call_from", "updated_at"}

func taskRow(x Task, now time.Time) []any {
	return []any{x.ID, x.DealerID, x.Kind, x.Number, opt(x.ContactID), opt(x.VisitID), opt(x.OutreachID), opt(x.ConversationID), opt(x.MessageID), x.State, opt(x.OwnerID), x.Reason, x.Severity,
		x.Words, x.Department, x.SourceParty, x.WayIn, x.Survey, at(x.OpenedAt), at(x.DueAt), at(x.ClosedAt), x.Outcome, x.Note, x.Version, at(x.CallFrom), at(now)}
}

func (t *Tx) taskLike(ctx context.Context, x Task) (Task, error) {
	if x.OutreachID != "" {
		old, err := one(ctx, t, scanTask, "select "+taskCols+taskFrom+" where t.outreach_id = $1 and t.kind = $2", key(x.OutreachID), x.Kind)
		if !errors.Is(err, ErrNotFound) {
			return old, err
		}
	}
	if x.ConversationID == "" {
		return Task{}, ErrNotFound
	}
	return one(ctx, t, scanTask, "select "+taskCols+taskFrom+" where t.conversation_id = $1 and t.kind = $2", key(x.ConversationID), x.Kind)
}

// TaskOfConversation reads and locks the task of a kind that a conversation opened.
func (t *Tx) TaskOfConversation(ctx context.Context, conversationID, kind string) (Task, error) {
	x, err := t.taskLike(ctx, Task{ConversationID: conversationID, Kind: kind})
	if err != nil {
		return x, err
	}
	return t.Task(ctx, x.ID)
}

// Task reads one and locks it.
func (t *Tx) Task(ctx context.Context, id string) (Task, error) {
	if _, err := one(ctx, t, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }, "select id from task where id = $1"+t.s.dialect.forUpdate, key(id)); err != nil {
		return Task{}, err
	}
	return withClocks(ctx, t, id)
}

// Task reads one with its clocks.
func (s *Store) Task(ctx context.Context, id string) (Task, error) {
	return withClocks(ctx, s.read, id)
}

func withClocks(ctx context.Context, q querier, id string) (Task, error) {
	x, err := one(ctx, q, scanTask, "select "+taskCols+taskFrom+" where t.id = $1", key(id))
	if err != nil {
		return x, err
	}
	x.Clocks, err = collect(ctx, q, func(r *sql.Rows) (c Clock, err error) {
		var due, met moment
		err = r.Scan(&c.Kind, &due, &met)
		c.DueAt, c.MetAt = due.Time, met.Time
		return c, err
	}, "select kind, due_at, met_at from task_clock where task_id = $1 order by due_at, kind", key(id))
	return x, err
}

// SaveTask writes a changed task. ErrConflict when it moved since it was read.
func (t *Tx) SaveTask(ctx context.Context, x Task, now time.Time) error {
	r, err := t.ExecContext(ctx, `update task set state = $3, owner_id = $4, words = $5, severity = $6, due_at = $7, claimed_at = $8, closed_at = $9, outcome = $10, note = $11, agreed = $12,
		next_contact_at = $13, confirmed_at = $14, confirmed_by = $15, reason = $16, contact_id = $17, version = version + 1, updated_at = $18, conversation_id = $19, call_from = $20 where id = $1 and version = $2`,
		x.ID, x.Version, x.State, opt(x.OwnerID), x.Words, x.Severity, at(x.DueAt), at(x.ClaimedAt), at(x.ClosedAt), x.Outcome, x.Note, x.Agreed,
		at(x.NextContactAt), at(x.ConfirmedAt), x.ConfirmedBy, x.Reason, opt(x.ContactID), at(now), opt(x.ConversationID), at(x.CallFrom))
	if err != nil {
		return fmt.Errorf("saving a task: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("task %d: %w", x.Number, ErrConflict)
	}
	return nil
}

// SetClock writes or meets a deadline of a task.
func (t *Tx) SetClock(ctx context.Context, taskID string, c Clock) error {
	_, err := insert(ctx, t, "task_clock", clockInsert, [][]any{{taskID, c.Kind, at(c.DueAt), at(c.MetAt)}}, clockConflict)
	if err != nil {
		return fmt.Errorf("setting a clock: %w", err)
	}
	return nil
}

var clockInsert = []string{"task_id", "kind", "due_at", "met_at"}

const clockConflict = "on conflict (task_id, kind) do update set due_at = excluded.due_at, met_at = excluded.met_at"

// AddStep writes a piece of evidence.
func (t *Tx) AddStep(ctx context.Context, x Step, now time.Time) error {
	_, err := insert(ctx, t, "task_step", stepInsert, [][]any{stepRow(x, t.NewID(), now)}, "")
	if err != nil {
		return fmt.Errorf("adding a step: %w", err)
	}
	return nil
}

var stepInsert = []string{"id", "task_id", "kind", "at", "employee_id", "message_id", "text", "until"}

func stepRow(x Step, id string, now time.Time) []any {
	return []any{id, x.TaskID, x.Kind, at(now), opt(x.EmployeeID), opt(x.MessageID), x.Text, at(x.Until)}
}

// Steps reads a task's history, oldest first.
func (s *Store) Steps(ctx context.Context, taskID string) ([]Step, error) {
	return collect(ctx, s.read, func(r *sql.Rows) (x Step, err error) {
		var emp, name, msg text
		var when, until moment
		err = r.Scan(&x.ID, &x.TaskID, &x.Kind, &when, &emp, &name, &msg, &x.Text, &until)
		x.EmployeeID, x.Employee, x.MessageID, x.At, x.Until = string(emp), string(name), string(msg), when.Time, until.Time
		return x, err
	}, "select s.id, s.task_id, s.kind, s.at, s.employee_id, e.name, s.message_id, s.text, s.until from task_step s left join employee e on e.id = s.employee_id where s.task_id = $1 order by s.at, s.id", key(taskID))
}

// TaskFilter narrows a list of tasks; empty fields do not.
type TaskFilter struct {
	DealerID, Kind, OwnerID, ContactID, Order, Address string
	Work
	// Open lists only what is not closed or withdrawn.
	Open bool
	// After is the cursor: the id of the last task of the previous page.
	After string
	Limit int
}

// Work narrows to the tasks that somebody works on; the zero Work is all of them.
type Work struct {
	// Kinds are those of which every task counts, Own those of which only the tasks of
	// the employee Of do.
	Kinds, Own []string
	Of         string
}

// narrow adds the condition to one on task t that has these arguments.
func (w Work) narrow(where string, args []any) (string, []any) {
	var conds []string
	if len(w.Kinds) > 0 {
		in, kinds := texts(len(args), w.Kinds)
		args = append(args, kinds...)
		conds = append(conds, "t.kind in "+in)
	}
	if len(w.Own) > 0 {
		in, kinds := texts(len(args), w.Own)
		args = append(append(args, kinds...), key(w.Of))
		conds = append(conds, fmt.Sprintf("t.kind in %s and t.owner_id = $%d", in, len(args)))
	}
	if len(conds) == 0 {
		return where, args
	}
	return where + " and (" + strings.Join(conds, " or ") + ")", args
}

// Tasks lists tasks. Open ones come most urgent first, all of them newest first.
// ErrNotFound when the cursor names no task.
func (s *Store) Tasks(ctx context.Context, f TaskFilter) ([]Task, error) {
	where, args := " where t.dealer_id = $1", []any{key(f.DealerID)}
	add := func(cond string, v any) {
		args = append(args, v)
		where += fmt.Sprintf(" and "+cond, len(args))
	}
	if f.Kind != "" {
		add("t.kind = $%d", f.Kind)
	}
	where, args = f.narrow(where, args)
	if f.OwnerID != "" {
		add("t.owner_id = $%d", key(f.OwnerID))
	}
	if f.ContactID != "" {
		add("t.contact_id = $%d", key(f.ContactID))
	}
	if f.Order != "" {
		add("v.order_no = $%d", f.Order)
	}
	if f.Address != "" {
		add("t.contact_id in (select contact_id from address where value = $%d)", f.Address)
	}
	order := " order by t.id desc"
	if f.Open {
		where += " and t.state in ('open', 'claimed', 'asked')"
		order = " order by t.severity desc, t.due_at, t.id"
	}
	if f.After != "" {
		last, err := one(ctx, s.read, scanTask, "select "+taskCols+taskFrom+" where t.id = $1", key(f.After))
		if err != nil {
			return nil, fmt.Errorf("the task of the cursor: %w", err)
		}
		n := len(args)
		if f.Open {
			where += fmt.Sprintf(" and (t.severity < $%d or t.severity = $%d and (t.due_at, t.id) > ($%d, $%d))", n+1, n+1, n+2, n+3)
			args = append(args, last.Severity, at(last.DueAt), last.ID)
		} else {
			add("t.id < $%d", last.ID)
		}
	}
	if f.Limit == 0 {
		f.Limit = 100
	}
	args = append(args, f.Limit)
	return collect(ctx, s.read, scanTask, "select "+taskCols+taskFrom+where+order+fmt.Sprintf(" limit $%d", len(args)), args...)
}

// texts lists values as parameters that follow n others.
func texts(n int, values []string) (in string, args []any) {
	marks := make([]string, len(values))
	for i, x := range values {
		marks[i], args = fmt.Sprintf("$%d", n+i+1), append(args, x)
	}
	return "(" + strings.Join(marks, ", ") + ")", args
}

// Due is when the task is late: at the time it is to be done by, or at a deadline that
// comes first.
func (t Task) Due() time.Time {
	if !t.DeadlineAt.IsZero() && t.DeadlineAt.Before(t.DueAt) {
		return t.DeadlineAt
	}
	return t.DueAt
}

// TaskCounts counts open tasks of a dealer by kind and those past due or past a deadline; of w,
// or of all when none is named.
func (s *Store) TaskCounts(ctx context.Context, dealerID string, now time.Time, w Work) (byKind map[string]int, overdue int, err error) {
	type row struct {
		kind    string
		n, late int
	}
	where, args := w.narrow("", []any{key(dealerID), at(now)})
	rows, err := collect(ctx, s.read, func(r *sql.Rows) (x row, err error) { return x, r.Scan(&x.kind, &x.n, &x.late) },
		`select kind, count(*), sum(case when due_at < $2 or exists (select 1 from task_clock k where k.task_id = t.id and k.met_at is null and k.due_at < $2) then 1 else 0 end) from task t where dealer_id = $1 and state in ('open', 'claimed', 'asked')`+where+` group by kind`, args...)
	byKind = map[string]int{}
	for _, x := range rows {
		byKind[x.kind] = x.n
		overdue += x.late
	}
	return byKind, overdue, err
}

// OpenTaskOf reads and locks the open task of a kind that a contact has;
// ErrNotFound when there is none.
func (t *Tx) OpenTaskOf(ctx context.Context, contactID, kind string) (Task, error) {
	x, err := one(ctx, t, scanTask, "select "+taskCols+taskFrom+" where t.contact_id = $1 and t.kind = $2 and t.state in ('open', 'claimed', 'asked') order by t.opened_at limit 1", key(contactID), kind)
	if err != nil {
		return x, err
	}
	return t.Task(ctx, x.ID)
}
