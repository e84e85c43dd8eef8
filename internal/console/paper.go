package console

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/store"
)

// foundSheets is how many customers a search for a sheet looks through.
const foundSheets = 20

// paperPage is where sheets that came back are looked up to be typed in, and where those
// stand that are out or still to be printed.
type paperPage struct {
	Query string
	// Found are the sheets that the query may mean, where that is not one.
	Found []store.Task
	// Typed is the sheet that the query means and that has been typed in already, By the
	// step of whoever did.
	Typed store.Task
	By    store.Step
	// Waiting are the open ones.
	Waiting []store.Task
	More    bool
}

// paper opens the one sheet that is looked for; the fields of a sheet are the next page.
func (c *Console) paper(q *request) error {
	p := paperPage{Query: strings.TrimSpace(q.r.URL.Query().Get("q"))}
	if p.Query != "" {
		if err := c.findSheets(q, &p); err != nil {
			return err
		}
		if len(p.Found) == 1 && p.Found[0].Outcome != callback.EndTyped {
			return q.redirect("/tasks/" + p.Found[0].ID + "/survey")
		}
		if len(p.Found) == 1 {
			if err := c.typedBy(q, &p); err != nil {
				return err
			}
		}
	}
	var err error
	p.Waiting, err = c.Store.Tasks(q.ctx(), store.TaskFilter{DealerID: q.dealer.ID, Kind: store.TaskPaper, Work: workOf(q.employee), Open: true, Limit: queueLength})
	if err != nil {
		return fmt.Errorf("reading the sheets: %w", err)
	}
	p.More = len(p.Waiting) == queueLength
	return q.page("paper", "paper.title", p)
}

// typedBy fills in who typed the one sheet that was found, and when.
func (c *Console) typedBy(q *request, p *paperPage) error {
	p.Typed, p.Found = p.Found[0], nil
	steps, err := c.Store.Steps(q.ctx(), p.Typed.ID)
	if err != nil {
		return fmt.Errorf("reading who typed a sheet: %w", err)
	}
	for _, s := range steps {
		if s.Kind == callback.StepClosed && s.Text == callback.EndTyped {
			p.By = s
		}
	}
	return nil
}

// findSheets looks a sheet up by its code, else by its customer: his order, plate,
// telephone or name. Sheets that were typed in already are found by the code alone.
func (c *Console) findSheets(q *request, p *paperPage) error {
	if n, ok := numberOf(p.Query); ok {
		t, err := c.Store.TaskNumbered(q.ctx(), q.dealer.ID, n)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("looking a sheet up: %w", err)
		}
		if err == nil && t.Kind == store.TaskPaper && works(q.employee, &t) {
			p.Found = append(p.Found, t)
			return nil
		}
	}
	people, err := c.Store.SearchContacts(q.ctx(), q.dealer.ID, searched(p.Query, q.dealer.Country), foundSheets)
	if err != nil {
		return fmt.Errorf("searching customers: %w", err)
	}
	for i := range people {
		ts, err := c.Store.Tasks(q.ctx(), store.TaskFilter{DealerID: q.dealer.ID, Kind: store.TaskPaper, Work: workOf(q.employee), ContactID: people[i].ID, Limit: foundSheets})
		if err != nil {
			return fmt.Errorf("reading the sheets of a customer: %w", err)
		}
		p.Found = append(p.Found, slices.DeleteFunc(ts, func(t store.Task) bool { return t.Outcome == callback.EndTyped })...)
	}
	if of := slices.DeleteFunc(slices.Clone(p.Found), func(t store.Task) bool { return t.Order != p.Query }); len(of) > 0 {
		p.Found = of
	}
	return nil
}

// Code is what stands on a sheet to find it by: the number of its task with two check
// digits, by which a mistyped digit and two that were swapped are seen
// (ISO/IEC 7064, MOD 97-10, as in an IBAN).
func (v *view) Code(number int64) string {
	return fmt.Sprintf("%d-%02d", number, 98-number*100%97)
}

// numberOf is the number in a code; false for what is none.
func numberOf(code string) (int64, bool) {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, code)
	n, err := strconv.ParseInt(digits, 10, 64)
	return n / 100, err == nil && n >= 100 && n%97 == 1
}

// Speaking is the view in another language, for what a customer reads.
func (v *view) Speaking(locale string) *view {
	q := *v.q
	q.lang = q.catalogue(locale)
	w := *v
	w.q = &q
	return &w
}

// handOut begins the conversation that a sheet is of and leads to the sheet.
func (c *Console) handOut(q *request) error {
	t, err := c.sheetTask(q)
	if err != nil {
		return err
	}
	if err := c.Inbox.Print(q.ctx(), t.ID, q.employee.ID); err != nil {
		return err
	}
	return q.redirect("/tasks/" + t.ID + "/paper")
}

// sheetTask is the paper entry that a path names.
func (c *Console) sheetTask(q *request) (store.Task, error) {
	t, err := c.taskOf(q)
	if err == nil && t.Kind != store.TaskPaper {
		err = store.ErrNotFound
	}
	return t, err
}

// printable shows the sheet as it is printed; one that was never handed out is shown on
// the card of its task, for a look begins nothing.
func (c *Console) printable(q *request) error {
	t, err := c.sheetTask(q)
	if err != nil {
		return err
	}
	conv, _, err := c.begun(q, t)
	if err != nil {
		return err
	}
	if conv.ID == "" {
		return q.redirect("/tasks/" + t.ID)
	}
	p, _, err := c.sheetOf(q, nil)
	if err != nil {
		return err
	}
	return q.page("printed", "paper.sheet", p)
}

// sheetChannel is what the sheet of a task is filled in on.
func sheetChannel(t *store.Task) channels.Kind {
	if t.Kind == store.TaskPaper {
		return channels.Paper
	}
	return channels.Phone
}
