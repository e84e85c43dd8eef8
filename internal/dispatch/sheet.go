package dispatch

import (
	"slices"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/store"
)

// judgeSheet opens the paper entry of a step on paper. There is no address that could be
// wrong and no hour that could be quiet; who has refused surveys on any address of his is
// handed none.
func (d *Dispatcher) judgeSheet(o *store.Outreach, def *program.Definition, step *program.Step, f *facts) *store.Verdict {
	c := f.Contacts[o.ContactID]
	switch {
	case c.Deceased:
		return dropped(o, policy.RuleDeceased, map[string]string{"purpose": string(o.Purpose)})
	case f.now.After(o.DeadlineAt) && step.Late == program.LateSkip:
		return dropped(o, policy.RuleTooLate, map[string]string{"deadline": o.DeadlineAt.Format(time.RFC3339)})
	case f.refuses(o, &c):
		return dropped(o, policy.RuleOptedOut, map[string]string{"reason": store.OptedOut})
	}
	t := f.task(o, def, step)
	t.Kind, t.WayIn, t.Clocks = store.TaskPaper, string(channels.Paper), nil
	t.OwnerID = f.typist(o, step)
	return &store.Verdict{Outreach: *o, State: outreach.Done, Verdict: "task", Rule: RulePaperStep, Task: t}
}

// refuses tells whether a person wants none of what an outreach is for, on whatever
// address he said so.
func (f *facts) refuses(o *store.Outreach, c *store.Contact) bool {
	return word(f.Consents[c.ID], o.DealerID, o.Purpose, channels.Paper) == policy.Withdrawn ||
		slices.ContainsFunc(c.Addresses, func(a store.Address) bool {
			return f.sup.reason(a.Channel, a.Value, o.Purpose) == store.OptedOut
		})
}

// typist is whose a paper entry is: that of somebody with the step's role who is not rated
// in it (invariant 14). Operators see every sheet, so that theirs is meant for none of them.
func (f *facts) typist(o *store.Outreach, step *program.Step) string {
	if step.Owner == "" || step.Owner == store.RoleOperator {
		return ""
	}
	v := f.Visits[o.VisitID]
	return f.office.staff.Other(o.DealerID, step.Owner, v.AdvisorID, v.MechanicID)
}
