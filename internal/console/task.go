package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/policy"
	"otklik/internal/store"
)

var errOwnCustomer = errors.New("the rated employee does not ask his own customer")

// taskPage is a task's card: the customer and his order on the left, his words and
// the history in the middle, the script on the right.
type taskPage struct {
	Task    store.Task
	Contact store.Contact
	// Visit the task is about; Known tells whether there is one. Vehicle is the car that a
	// call after a purchase is about.
	Visit    store.Visit
	Known    bool
	Vehicle  store.Vehicle
	Timeline []moment
	Surveys  []answered
	Remarks  []store.Remark
	// Others are more open tasks of the same customer.
	Others []store.Task
	Script []scriptStep
	// Mine: the reader holds the task; Open: it is not closed.
	Mine, Open bool
	// Confirmed: the customer said that it is solved.
	Confirmed bool
	// CannotClose is the key of the sentence that says why, "" when it can.
	CannotClose string
	// CannotAsk is the same for asking the customer.
	CannotAsk string
	// Subject is what a program's task is about, Endings how it may end.
	Subject subject
	Endings []callback.Ending
	Ending  endingForm
	// Agreement and Call are what was typed, kept when it was refused.
	Agreement agreementForm
	Call      callForm
	Written   writtenForm
	// Writable: there is an address to write to.
	Writable bool
	// Phone is the number to call first, Numbers are all of the customer's.
	Phone   string
	Numbers []store.Number
	// Sheet: the answers of the visit's survey can be entered by hand.
	Sheet bool
	// Paper: the sheet of the task can be typed in, even where the task is over.
	Paper bool
	// Suggested is what an unclear reply probably means.
	Suggested string
}

type agreementForm struct{ Solution, Agreed, Consent, Next string }

// writtenForm is what was typed to the customer; Quiet: he has quiet hours, and the
// employee is to say whether it goes all the same.
type writtenForm struct {
	Text  string
	Quiet bool
}

type callForm struct{ Note, Next string }

// scriptStep is one step of the call's script.
type scriptStep struct {
	Key  string
	Done bool
}

func (c *Console) task(q *request) error {
	p, err := c.card(q)
	if err != nil {
		return err
	}
	return q.page("task", "task.title", p)
}

// taskOf reads the task a path names, within the reader's dealer.
func (c *Console) taskOf(q *request) (store.Task, error) {
	t, err := c.Store.Task(q.ctx(), q.r.PathValue("id"))
	if err != nil {
		return t, fmt.Errorf("reading a task: %w", idError(err))
	}
	if t.DealerID != q.dealer.ID {
		return t, store.ErrNotFound
	}
	if !works(q.employee, &t) {
		return t, errForbidden
	}
	return t, nil
}

func (c *Console) card(q *request) (p taskPage, err error) {
	if p.Task, err = c.taskOf(q); err != nil {
		return p, err
	}
	t := p.Task
	p.Open = !over(&t)
	p.Mine = p.Open && t.OwnerID == q.employee.ID
	p.Confirmed = !t.ConfirmedAt.IsZero()
	if t.VisitID != "" {
		if p.Visit, err = c.Store.Visit(q.ctx(), t.VisitID); err != nil {
			return p, fmt.Errorf("reading the visit: %w", err)
		}
		p.Known = true
	}
	steps, err := c.Store.Steps(q.ctx(), t.ID)
	if err != nil {
		return p, fmt.Errorf("reading the steps: %w", err)
	}
	if t.ContactID != "" {
		if err := c.cardContact(q, &p); err != nil {
			return p, err
		}
	}
	if err := c.about(q, &p); err != nil {
		return p, err
	}
	if p.Vehicle, err = c.bought(q, &t); err != nil {
		return p, err
	}
	for i := range steps {
		if steps[i].Kind == callback.StepWords && steps[i].MessageID != "" {
			continue // the message itself stands in the history
		}
		p.Timeline = append(p.Timeline, moment{At: steps[i].At, Kind: "step", Step: &steps[i]})
	}
	sortMoments(p.Timeline)
	p.Script, p.Suggested = script(t, steps), q.suggested(t)
	p.Paper = t.Kind == store.TaskPaper && asks(&t) && t.Outcome != callback.EndTyped
	p.Sheet = p.Open && asks(&t) && (t.Kind == store.TaskSurveyCall || t.Kind == store.TaskReview)
	p.CannotClose, p.CannotAsk = closeRefusal(t), askRefusal(t, p.Contact)
	p.Agreement = agreementForm{Solution: t.Agreed, Agreed: t.Note, Consent: lastConsent(steps), Next: (&view{Dealer: q.dealer}).Local(t.NextContactAt)}
	return p, nil
}

func (c *Console) cardContact(q *request, p *taskPage) (err error) {
	ctx := q.ctx()
	if p.Contact, err = c.Store.Contact(ctx, p.Task.ContactID); err != nil {
		return fmt.Errorf("reading the customer: %w", err)
	}
	if p.Numbers, err = c.Store.Numbers(ctx, p.Contact); err != nil {
		return fmt.Errorf("reading the customer's numbers: %w", err)
	}
	p.Phone = callback.Dialled(p.Numbers)
	p.Writable = written(p.Contact)
	if p.Timeline, err = c.messageMoments(q, p.Task.ContactID); err != nil {
		return err
	}
	if p.Surveys, err = c.answersOf(q, p.Task.ContactID); err != nil {
		return err
	}
	rs, err := c.Store.RemarksOf(ctx, p.Task.ContactID)
	if err != nil {
		return fmt.Errorf("reading the remarks: %w", err)
	}
	for _, r := range rs {
		if r.DealerID == q.dealer.ID {
			p.Remarks = append(p.Remarks, r)
		}
	}
	ts, err := c.Store.Tasks(ctx, store.TaskFilter{DealerID: q.dealer.ID, ContactID: p.Task.ContactID, Open: true, Limit: 20})
	if err != nil {
		return fmt.Errorf("reading the other tasks: %w", err)
	}
	for _, t := range ts {
		if t.ID != p.Task.ID && works(q.employee, &t) {
			p.Others = append(p.Others, t)
		}
	}
	return nil
}

// suggested reads what the inbox left with an unclear reply.
func (q *request) suggested(t store.Task) string {
	var probably struct {
		Rating         *int
		Answer, Choice string
	}
	if t.Kind != store.TaskReview || json.Unmarshal([]byte(t.Note), &probably) != nil {
		return ""
	}
	switch {
	case probably.Rating != nil:
		return strconv.Itoa(*probably.Rating)
	case probably.Answer != "":
		return q.lang.label("answer", probably.Answer)
	}
	return probably.Choice
}

// lastConsent is what the customer said to the newest solution.
func lastConsent(steps []store.Step) string {
	said := ""
	for _, s := range steps {
		switch s.Kind {
		case callback.StepSolution:
			said = ""
		case callback.StepConsent:
			said = "yes"
		case callback.StepRefused:
			said = "no"
		}
	}
	return said
}

// closeRefusal says why a callback cannot be closed now (invariant 7).
func closeRefusal(t store.Task) string {
	switch {
	case t.NextContactAt.IsZero():
		return "task.close_needs_next"
	case t.ConfirmedAt.IsZero() && t.State == store.TaskAsked:
		return "task.close_waits"
	case t.ConfirmedAt.IsZero():
		return "task.close_needs_yes"
	}
	return ""
}

func askRefusal(t store.Task, c store.Contact) string {
	switch {
	case t.Agreed == "" || t.NextContactAt.IsZero():
		return "task.ask_needs_agreement"
	case !written(c):
		return "error.unreachable"
	}
	return ""
}

// written tells whether there is an address on which a customer can be written to.
func written(c store.Contact) bool {
	return c.On(channels.SMS) != "" || c.On(channels.Email) != "" || c.On(channels.Telegram) != ""
}

// script gives the steps of a call with what is done of them already, so that
// nothing is asked twice.
func script(t store.Task, steps []store.Step) []scriptStep {
	did := map[string]bool{}
	for _, s := range steps {
		did[s.Kind] = true
	}
	reached := did[callback.StepReached] || did[callback.StepSolution]
	switch t.Kind {
	case store.TaskCallback:
		return []scriptStep{
			{"callback.person", reached}, {"callback.convenient", reached}, {"callback.what", reached}, {"callback.solution", did[callback.StepSolution]},
			{"callback.consent", did[callback.StepConsent]}, {"callback.date", !t.NextContactAt.IsZero()}, {"callback.thanks", !t.ConfirmedAt.IsZero()},
		}
	case store.TaskSurveyCall:
		return []scriptStep{{"survey.person", reached}, {"survey.convenient", reached}, {"survey.questions", false}, {"survey.suggestions", false}, {"survey.thanks", false}}
	}
	return nil
}

// act carries out an action on a task and returns to its card; a refusal is shown
// on the card beside what was typed.
func (c *Console) act(q *request, done string, keep func(*taskPage), do func(t store.Task) error) error {
	return c.actThen(q, keep, func(t store.Task) (string, error) { return done, do(t) })
}

// actThen is act where the action tells which sentence there is for it.
func (c *Console) actThen(q *request, keep func(*taskPage), do func(t store.Task) (done string, err error)) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	t, err := c.taskOf(q)
	if err != nil {
		return err
	}
	done, err := do(t)
	switch {
	case err == nil:
		q.flash(done)
		return q.redirect("/tasks/" + t.ID)
	case !refused(err):
		return err
	}
	status, key := failureOf(err)
	c.Log.InfoContext(q.ctx(), "an action on a task was refused", "request", q.id, "task", t.ID, "error", err)
	p, err := c.card(q)
	if err != nil {
		return err
	}
	if keep != nil {
		keep(&p)
	}
	return q.pageWith(status, "task", "task.title", p, q.lang.text(key))
}

// claim takes a task; a manager also one that another holds, whom the form names.
func (c *Console) claim(q *request) error {
	return c.act(q, "task.claimed", nil, func(t store.Task) error {
		if err := c.independent(q, t); err != nil {
			return err
		}
		if from := q.text("from"); from != "" {
			return c.Desk.TakeOver(q.ctx(), t.ID, from, q.employee)
		}
		return c.Desk.Claim(q.ctx(), t.ID, q.employee)
	})
}

// independent keeps the rated employee from asking his own customer (invariant 14).
func (c *Console) independent(q *request, t store.Task) error {
	if t.Kind != store.TaskSurveyCall && t.Kind != store.TaskPaper || t.VisitID == "" {
		return nil
	}
	v, err := c.Store.Visit(q.ctx(), t.VisitID)
	if err != nil {
		return fmt.Errorf("reading the visit: %w", err)
	}
	if !policy.MayAsk(q.employee.ID, v.AdvisorID, v.MechanicID) {
		return errOwnCustomer
	}
	return nil
}

func (c *Console) release(q *request) error {
	return c.act(q, "task.released", nil, func(t store.Task) error { return c.Desk.Release(q.ctx(), t.ID, q.employee) })
}

func (c *Console) attempt(q *request) error {
	said := "task.called"
	if q.r.PostFormValue("outcome") == callback.StepWrong {
		said = "task.wrong_number"
	}
	return c.act(q, said, func(p *taskPage) {
		p.Call = callForm{q.r.PostFormValue("note"), q.r.PostFormValue("next")}
	}, func(t store.Task) error {
		next, err := q.moment("next")
		if err != nil {
			return err
		}
		return c.Desk.Attempt(q.ctx(), t.ID, q.employee, callback.Attempt{Outcome: q.r.PostFormValue("outcome"), Note: q.text("note"), Next: next, Number: q.text("number")})
	})
}

// write sends the customer what an employee has typed.
func (c *Console) write(q *request) error {
	quiet := false
	return c.actThen(q, func(p *taskPage) {
		p.Written = writtenForm{q.r.PostFormValue("text"), quiet}
	}, func(t store.Task) (string, error) {
		held, err := c.Desk.Write(q.ctx(), t.ID, q.employee, callback.Written{Text: q.text("text"), Now: q.text("when") == "now", Later: q.text("when") == "later"})
		quiet = errors.Is(err, callback.ErrQuiet)
		if !held.IsZero() {
			return "write.waits", err
		}
		return "write.sent", err
	})
}

func (c *Console) agree(q *request) error {
	return c.act(q, "task.agreed", func(p *taskPage) {
		p.Agreement = agreementForm{q.r.PostFormValue("solution"), q.r.PostFormValue("agreed"), q.r.PostFormValue("consent"), q.r.PostFormValue("next")}
	}, func(t store.Task) error {
		next, err := q.moment("next")
		if err != nil {
			return err
		}
		return c.Desk.Agree(q.ctx(), t.ID, q.employee, callback.Agreement{Solution: q.text("solution"), Agreed: q.text("agreed"), Consent: q.r.PostFormValue("consent"), Next: next})
	})
}

func (c *Console) ask(q *request) error {
	return c.act(q, "task.asked", nil, func(t store.Task) error { return c.Desk.Ask(q.ctx(), t.ID, q.employee) })
}

func (c *Console) closeTask(q *request) error {
	return c.act(q, "task.closed", nil, func(t store.Task) error { return c.Desk.Close(q.ctx(), t.ID, q.employee, q.text("reason")) })
}

func (c *Console) resolve(q *request) error {
	return c.act(q, "task.resolved", nil, func(t store.Task) error { return c.Desk.Resolve(q.ctx(), t.ID, q.employee, q.text("note")) })
}

// text is a field of a posted form without the white space around it.
func (q *request) text(name string) string { return strings.TrimSpace(q.r.PostFormValue(name)) }

// idError turns an id that PostgreSQL cannot read into one that is not there.
func idError(err error) error {
	if err != nil && strings.Contains(err.Error(), "22P02") {
		return store.ErrNotFound
	}
	return err
}
