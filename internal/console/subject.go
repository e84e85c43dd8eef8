package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"otklik/internal/callback"
	"otklik/internal/dispatch"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/store"
)

// subject is what a program's task is about; what is zero it is not about.
type subject struct {
	Appointment store.Appointment
	Prospect    store.Prospect
	// Late is the message that waits for a decision.
	Late store.Outreach
	// Shown is what it would say if it were sent now, Against why it would not leave.
	Shown   dispatch.Shown
	Against string
}

type endingForm struct{ Outcome, Note, When string }

// workOf is what an employee works on: an advisor and a consultant have the tasks of
// their own trade, and never the complaints about it. The first call after a purchase is
// the consultant's by standard (R030): of survey calls, and of sheets, he has those that
// are meant for him.
func workOf(e store.Employee) store.Work {
	if e.Has(callers...) {
		return store.Work{Kinds: taskKinds()}
	}
	w := store.Work{Own: []string{store.TaskPaper}, Of: e.ID}
	if e.Has(store.RoleAdvisor) {
		w.Kinds = append(w.Kinds, store.TaskNoShow, store.TaskWarrantySlot)
	}
	if e.Has(store.RoleConsultant) {
		w.Kinds = append(w.Kinds, store.TaskProspect)
		w.Own = append(w.Own, store.TaskSurveyCall)
	}
	return w
}

// works tells whether a task is among what an employee works on.
func works(e store.Employee, t *store.Task) bool {
	w := workOf(e)
	return slices.Contains(w.Kinds, t.Kind) || slices.Contains(w.Own, t.Kind) && t.OwnerID == w.Of
}

// about reads what a program's task is about.
func (c *Console) about(q *request, p *taskPage) error {
	t := p.Task
	if p.Endings = callback.Endings(t.Kind); len(p.Endings) == 0 || t.OutreachID == "" {
		return nil
	}
	o, err := c.Store.OutreachByID(q.ctx(), t.OutreachID)
	if errors.Is(err, store.ErrNotFound) {
		return nil // its time of keeping is over
	}
	if err != nil {
		return fmt.Errorf("reading what a task is about: %w", err)
	}
	if t.Kind == store.TaskLate {
		p.Subject.Late = o
		if err := c.shown(q, p); err != nil {
			return err
		}
	}
	id, _ := program.Subject(o.Occasion)
	if id == "" {
		return nil
	}
	found, err := c.Store.Subjects(q.ctx(), store.WantedSubjects{Appointments: []string{id}, Prospects: []string{id}})
	if err != nil {
		return fmt.Errorf("reading what a task is about: %w", err)
	}
	p.Subject.Appointment, p.Subject.Prospect = found.Appointments[id], found.Prospects[id]
	return nil
}

// shown makes the text of the late message that is decided on.
func (c *Console) shown(q *request, p *taskPage) (err error) {
	if !p.Open {
		return nil // what was sent stands in the history
	}
	o := p.Subject.Late
	o.DueAt, o.DeadlineAt = q.now, q.now.Add(callback.LateLeaves)
	if p.Subject.Shown, err = c.Outlook.Dispatcher.Show(q.ctx(), o); err != nil {
		return fmt.Errorf("making a late message: %w", err)
	}
	if v := p.Subject.Shown.Against; v != nil {
		p.Subject.Against = q.why(store.ListedDecision{Program: o.Program, Step: o.Step, Verdict: v.Verdict, Rule: because(v), Inputs: v.Inputs, Until: v.Until}).Sentence
	}
	return nil
}

// because is the rule of a verdict; where a person would be asked anew, the one by which
// the message would be late again.
func because(v *store.Verdict) string {
	var inputs struct {
		Because string `json:"because"`
	}
	if v.Rule != policy.RuleLateAsk || json.Unmarshal([]byte(v.Inputs), &inputs) != nil || inputs.Because == "" {
		return v.Rule
	}
	return inputs.Because
}

// end closes a task that a program opened.
func (c *Console) end(q *request) error {
	return c.act(q, "task.resolved", func(p *taskPage) {
		p.Ending = endingForm{q.r.PostFormValue("outcome"), q.r.PostFormValue("note"), q.r.PostFormValue("when")}
	}, func(t store.Task) error {
		when, err := q.moment("when")
		if err != nil {
			return err
		}
		return c.Desk.End(q.ctx(), t.ID, q.employee, callback.Result{Outcome: q.r.PostFormValue("outcome"), Note: q.text("note"), When: when})
	})
}

// Reason is why a task is there: a code of ours, or the program that opened it.
func (v *view) Reason(code string) string {
	if v.q.lang.has("reason." + code) {
		return v.Label("reason", code)
	}
	return v.Program(code)
}

// Words are the words of a task, in which a file that came without any stands as its kind
// in brackets.
func (v *view) Words(words string) string {
	lines := strings.Split(words, "\n")
	for i, l := range lines {
		if !strings.HasPrefix(l, "[") || !strings.HasSuffix(l, "]") {
			continue
		}
		names := strings.Split(strings.Trim(l, "[]"), ", ")
		for j := range names {
			names[j] = v.Attached(names[j])
		}
		lines[i] = "[" + strings.Join(names, ", ") + "]"
	}
	return strings.Join(lines, "\n")
}

// Attached is what a file is called: its kind in the reader's language, else its name.
func (v *view) Attached(kind string) string {
	if v.q.lang.has("attachment." + kind) {
		return v.Label("attachment", kind)
	}
	return kind
}

// Language is what a locale's language is called.
func (v *view) Language(locale string) string { return v.Label("language_name", tongue(locale)) }

// Dated tells whether one of some endings may name a date.
func (v *view) Dated(es []callback.Ending) bool {
	return slices.ContainsFunc(es, func(e callback.Ending) bool { return e.Dated })
}
