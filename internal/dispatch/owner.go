package dispatch

import (
	"cmp"

	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/store"
)

// caller is whose survey call it is: the step's owner, where that is nobody who is rated in
// it (invariant 14). A call of somebody who is rated, or of a program for which he answers,
// goes to another with the program's role, else to a manager; "" leaves it to whoever
// takes it.
func (f *facts) caller(def *program.Definition, dealerID, owner string, rated ...string) string {
	named, _ := f.office.settings.Of(dealerID, def.ID)
	if policy.MayAsk(cmp.Or(owner, named.ResponsibleID), rated...) {
		return owner
	}
	return cmp.Or(f.office.staff.Other(dealerID, def.Responsible, rated...), f.office.staff.Other(dealerID, store.RoleManager, rated...))
}
