package console

import (
	"errors"
	"fmt"
	"slices"

	"otklik/internal/callback"
	"otklik/internal/store"
)

// columnLength is how many prospects a column of the board shows.
const columnLength = 50

// prospectsPage is the funnel of those who may buy (R061, R062, R105).
type prospectsPage struct {
	Columns []funnelColumn
	States  []string
	// Consultant narrows to one consultant's, "" for all.
	Consultant  string
	Consultants []store.Employee
	// Edited is the prospect whose contact was refused, with what was typed.
	Edited, State, Note, Agreed string
}

type funnelColumn struct {
	State string
	store.ProspectCount
	Prospects []store.Prospect
	More      bool
}

func (c *Console) prospects(q *request) error {
	p, err := c.prospectsOf(q, q.r.URL.Query().Get("consultant"))
	if err != nil {
		return err
	}
	return q.page("prospects", "prospect.title", p)
}

func (c *Console) prospectsOf(q *request, consultant string) (prospectsPage, error) {
	p := prospectsPage{States: store.ProspectStates(), Consultant: consultant}
	es, err := c.Store.Employees(q.ctx(), q.dealer.ID)
	if err != nil {
		return p, fmt.Errorf("reading the consultants: %w", err)
	}
	for _, e := range es {
		if slices.Contains(e.Roles, store.RoleConsultant) {
			p.Consultants = append(p.Consultants, e)
		}
	}
	if consultant != "" && !slices.ContainsFunc(p.Consultants, func(e store.Employee) bool { return e.ID == consultant }) {
		return p, store.ErrNotFound
	}
	counts, err := c.Store.ProspectCounts(q.ctx(), q.dealer.ID, consultant, q.now)
	if err != nil {
		return p, err
	}
	for _, s := range p.States {
		ps, err := c.Store.ListProspects(q.ctx(), store.ProspectFilter{DealerID: q.dealer.ID, State: s, ConsultantID: consultant, Limit: columnLength})
		if err != nil {
			return p, fmt.Errorf("reading the prospects: %w", err)
		}
		p.Columns = append(p.Columns, funnelColumn{s, counts[s], ps, counts[s].All > len(ps)})
	}
	return p, nil
}

// contactProspect records a contact with a prospect and where he is in the funnel now.
func (c *Console) contactProspect(q *request) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	err := c.takeContact(q)
	switch {
	case err == nil:
		q.flash("prospect.recorded")
		return q.back()
	case !refused(err) || errors.Is(err, store.ErrNotFound):
		return err
	}
	status, key := failureOf(err)
	p, err := c.prospectsOf(q, "")
	if err != nil {
		return err
	}
	p.Edited, p.State, p.Note, p.Agreed = q.r.PathValue("id"), q.r.PostFormValue("state"), q.text("note"), q.r.PostFormValue("agreed")
	return q.pageWith(status, "prospects", "prospect.title", p, q.lang.text(key))
}

func (c *Console) takeContact(q *request) error {
	agreed, err := q.moment("agreed")
	if err != nil {
		return err
	}
	id := q.r.PathValue("id")
	ps, err := c.Store.Prospects(q.ctx(), []string{id})
	if err != nil {
		return fmt.Errorf("reading a prospect: %w", idError(err))
	}
	if ps[id].DealerID != q.dealer.ID {
		return store.ErrNotFound
	}
	return c.Desk.Contacted(q.ctx(), id, q.employee, callback.Contacted{State: q.r.PostFormValue("state"), Note: q.text("note"), Agreed: agreed})
}
