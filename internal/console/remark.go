package console

import (
	"errors"
	"fmt"

	"otklik/internal/store"
)

// inboxLength is how many messages from strangers are shown.
const inboxLength = 100

type inboxPage struct {
	Unclear   []store.Task
	Strangers []store.Message
	// Attachments are what came beside their messages, by message.
	Attachments map[string][]shownAttachment
}

// inbox lists what a person must read: replies nobody could, and messages from
// people nobody knows.
func (c *Console) inbox(q *request) error {
	var p inboxPage
	var err error
	if p.Unclear, err = c.Store.Tasks(q.ctx(), store.TaskFilter{DealerID: q.dealer.ID, Kind: store.TaskReview, Open: true, Limit: queueLength}); err != nil {
		return fmt.Errorf("reading unclear replies: %w", err)
	}
	if p.Strangers, err = c.Store.Unassigned(q.ctx(), q.dealer.ID, inboxLength); err != nil {
		return fmt.Errorf("reading unassigned messages: %w", err)
	}
	if p.Attachments, err = c.attachmentsOf(q, p.Strangers); err != nil {
		return err
	}
	return q.page("inbox", "inbox.title", p)
}

// remarksLength is how many remarks a department's list shows.
const remarksLength = 200

type remarksPage struct {
	Departments []string
	Department  string
	Kinds       []string
	Kind        string
	Remarks     []store.Remark
	More        bool
	// Edited is the remark whose form was refused, with what was typed.
	Edited, Recommendation, PassedTo string
}

func remarkKinds() []string {
	return []string{store.RemarkComplaint, store.RemarkSuggestion, store.RemarkPraise, store.RemarkRecommend}
}

func (c *Console) remarks(q *request) error {
	p, err := c.remarksOf(q)
	if err != nil {
		return err
	}
	return q.page("remarks", "remarks.title", p)
}

func (c *Console) remarksOf(q *request) (p remarksPage, err error) {
	query := q.r.URL.Query()
	p = remarksPage{Kinds: remarkKinds(), Kind: query.Get("kind"), Department: query.Get("department")}
	if p.Departments, err = c.Store.Departments(q.ctx(), q.dealer.ID); err != nil {
		return p, fmt.Errorf("reading departments: %w", err)
	}
	// An engineer or master begins with the remarks of his own department.
	if !query.Has("department") && q.employee.Department != "" && !q.employee.Has(callers...) {
		p.Department = q.employee.Department
	}
	all, err := c.Store.Remarks(q.ctx(), q.dealer.ID, p.Department, remarksLength)
	if err != nil {
		return p, fmt.Errorf("reading remarks: %w", err)
	}
	p.More = len(all) == remarksLength
	for _, r := range all {
		if p.Kind == "" || r.Kind == p.Kind {
			p.Remarks = append(p.Remarks, r)
		}
	}
	return p, nil
}

// passRemark records to whom a remark was passed on and what was advised (R026,
// R027). An engineer or master does so for his own department.
func (c *Console) passRemark(q *request) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	err := c.takeRemark(q)
	switch {
	case err == nil:
		q.flash("remarks.passed")
		return q.back()
	case !refused(err) || errors.Is(err, store.ErrNotFound):
		return err
	}
	status, key := failureOf(err)
	p, err := c.remarksOf(q)
	if err != nil {
		return err
	}
	p.Edited, p.Recommendation, p.PassedTo = q.r.PathValue("id"), q.text("recommendation"), q.text("passed_to")
	return q.pageWith(status, "remarks", "remarks.title", p, q.lang.text(key))
}

func (c *Console) takeRemark(q *request) error {
	if q.text("passed_to") == "" {
		return errNobody
	}
	err := c.Store.Tx(q.ctx(), store.RankPerson, func(tx *store.Tx) error {
		return tx.PassRemark(q.ctx(), q.r.PathValue("id"), q.dealer.ID, q.text("recommendation"), q.text("passed_to"), q.employee.ID, q.now)
	})
	if err != nil {
		return fmt.Errorf("passing a remark on: %w", idError(err))
	}
	return nil
}
