package console

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"otklik/internal/calendar"
	"otklik/internal/outlook"
	"otklik/internal/program"
	"otklik/internal/store"
)

// dayPage is one day: who gets what, who does not and why.
type dayPage struct {
	dayCell
	Before, Next calendar.Date
	// Ready is false while the day is worked out; Seen is how far that has come.
	Ready    bool
	Seen     int
	AsOf     time.Time
	Programs []dayProgram
	Filter   outlook.Filter
	// Chosen is how many rows the filter chooses; Rows are those of the page.
	Chosen, Page, Pages int
	From, To            int
	Rows                []dayRow
}

// Live: a day is worked out anew when it is asked for.
func (dayPage) Live() string { return "" }

// dayProgram sums one program of a day.
type dayProgram struct {
	ID      string
	Reaches int
	// Reasons are why the others get nothing or get it later, the most frequent first.
	Reasons []outlook.Counted
}

// dayRow is one person.
type dayRow struct {
	outlook.Row
	Name string
	// Local is the time where the person is; City names it where it is not the dealer's.
	Local, City string
	Why         string
}

// dayRows is how many rows a page shows.
const dayRows = 50

// How long a page, unless Deps says otherwise, and a file wait for a day that is worked
// out.
const (
	pagePatience = 4 * time.Second
	filePatience = 10 * time.Minute
)

// day shows the page.
func (c *Console) day(q *request) error {
	d, err := q.dayAsked()
	if err != nil {
		return err
	}
	p := dayPage{dayCell: dayCell{Date: d, Kind: q.kindOfDay(d)}, Before: d.AddDays(-1), Next: d.AddDays(1), Filter: q.dayFilter()}
	today := calendar.Of(q.now, q.dealer.Location())
	p.Today, p.Past = d == today, d.Before(today)
	marks, err := c.marks(q)
	if err != nil {
		return err
	}
	p.Holidays = marks.of(d)
	x, err := q.dayOf(d, c.Patience)
	if err != nil {
		return err
	}
	p.Ready, p.Seen, p.AsOf = x.Ready(), x.Seen(), x.AsOf
	if p.Ready {
		if err := p.read(q, x); err != nil {
			return err
		}
	}
	return q.page("day", "calendar.day_title", p)
}

// dayAsked is the date of the address.
func (q *request) dayAsked() (calendar.Date, error) {
	month, err1 := calendar.Parse(q.r.PathValue("month") + "-01")
	n, err2 := strconv.Atoi(q.r.PathValue("day"))
	if err1 != nil || err2 != nil || n < 1 || n > calendar.DaysIn(month.Year, month.Month) {
		return month, store.ErrNotFound
	}
	month.Day = n
	return month, nil
}

func (q *request) dayFilter() outlook.Filter {
	v := q.r.URL.Query()
	return outlook.Filter{Program: v.Get("program"), Verdict: v.Get("verdict"), Rule: v.Get("rule")}
}

// dayOf has a day worked out.
func (q *request) dayOf(d calendar.Date, patience time.Duration) (*outlook.Day, error) {
	zone := q.dealer.Location()
	return q.c.Outlook.Day(q.ctx(), q.dealer.ID, d.In(zone, 0), d.AddDays(1).In(zone, 0), q.r.URL.Query().Get("anew") != "", patience)
}

// reaches tells whether a verdict brings something to the person.
func reaches(verdict string) bool { return verdict == "send" || verdict == "task" }

func (p *dayPage) read(q *request, x *outlook.Day) error {
	for _, g := range x.Counts() {
		i := slices.IndexFunc(p.Programs, func(y dayProgram) bool { return y.ID == g.Program })
		if i < 0 {
			i = len(p.Programs)
			p.Programs = append(p.Programs, dayProgram{ID: g.Program})
		}
		y := &p.Programs[i]
		if reaches(g.Verdict) {
			y.Reaches += g.N
			p.Sum += g.N
		} else {
			y.Reasons = append(y.Reasons, g)
		}
		if p.Filter.Has(g.Group) {
			p.Chosen += g.N
		}
	}
	slices.SortFunc(p.Programs, func(a, b dayProgram) int { return cmp.Or(cmp.Compare(b.Reaches, a.Reaches), cmp.Compare(a.ID, b.ID)) })
	for i := range p.Programs {
		slices.SortFunc(p.Programs[i].Reasons, func(a, b outlook.Counted) int { return cmp.Or(cmp.Compare(b.N, a.N), cmp.Compare(a.Rule, b.Rule)) })
	}
	p.Pages = max(1, (p.Chosen+dayRows-1)/dayRows)
	n, err := strconv.Atoi(q.r.URL.Query().Get("page"))
	if p.Page = 1; err == nil {
		p.Page = min(max(n, 1), p.Pages)
	}
	rows, err := x.Page(p.Filter, (p.Page-1)*dayRows, dayRows)
	if err != nil {
		return err
	}
	p.From, p.To = (p.Page-1)*dayRows+1, (p.Page-1)*dayRows+len(rows)
	p.Rows, err = q.named(rows)
	return err
}

// named says who the people of rows are, and why.
func (q *request) named(rows []outlook.Row) ([]dayRow, error) {
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].Contact
	}
	people, err := q.c.Store.Contacts(q.ctx(), ids)
	if err != nil {
		return nil, fmt.Errorf("reading who is meant: %w", err)
	}
	v := q.view("calendar.title")
	out := make([]dayRow, len(rows))
	for i := range rows {
		r := dayRow{Row: rows[i], Name: people[rows[i].Contact].Name}
		zone := q.dealer.Location()
		if name := people[rows[i].Contact].Zone; name != "" && name != q.dealer.Zone {
			if l, err := time.LoadLocation(name); err == nil {
				zone = l
				r.City, _ = v.place(name, time.Time{})
			}
		}
		r.Local = r.At.In(zone).Format("15:04")
		if calendar.Of(r.At, zone) != calendar.Of(r.At, q.dealer.Location()) || !r.Finished && !sameDay(r.At, q) {
			r.Local = v.T("time.stamp", "d", r.At.In(zone).Format("02"), "m", r.At.In(zone).Format("01"), "t", r.Local)
		}
		if r.Rule == "" {
			out[i] = r
			continue
		}
		r.Why = q.why(store.ListedDecision{Order: r.Order, Program: r.Program, Step: r.Step, Verdict: r.Verdict, Rule: r.Rule, Inputs: r.Inputs, At: r.At}).Sentence
		out[i] = r
	}
	return out, nil
}

// sameDay tells whether a moment is on the day of the page.
func sameDay(t time.Time, q *request) bool {
	d, err := q.dayAsked()
	return err == nil && calendar.Of(t, q.dealer.Location()) == d
}

// Foreseen is a verdict in words: of what is over, and of what will be.
func (v *view) Foreseen(verdict string, over bool) string {
	if over {
		return v.Label("verdict", verdict)
	}
	return v.Label("calendar.verdict", verdict)
}

// Because is a reason in short.
func (v *view) Because(c outlook.Counted) string {
	if c.Rule == "" {
		return v.Label("verdict", c.Verdict)
	}
	return v.Label("calendar.rule", c.Rule)
}

// Filtered is the address of the day with a filter and a page.
func (p dayPage) Filtered(f outlook.Filter, page int) string {
	q := url.Values{}
	for k, s := range map[string]string{"program": f.Program, "verdict": f.Verdict, "rule": f.Rule} {
		if s != "" {
			q.Set(k, s)
		}
	}
	if page > 1 {
		q.Set("page", strconv.Itoa(page))
	}
	if len(q) == 0 {
		return p.Path()
	}
	return p.Path() + "?" + q.Encode()
}

// Of is the address with another filter.
func (p dayPage) Of(program, verdict, rule string) string {
	return p.Filtered(outlook.Filter{Program: program, Verdict: verdict, Rule: rule}, 1) + "#people"
}

// At is the address of another page of the same filter.
func (p dayPage) At(page int) string { return p.Filtered(p.Filter, page) + "#people" }

// File is the address of the same as a file.
func (p dayPage) File() string {
	path, query, _ := strings.Cut(p.Filtered(p.Filter, 1), "?")
	if query != "" {
		query = "?" + query
	}
	return path + "/csv" + query
}

// Unknown tells whether a reason is to be checked by a person (R052).
func (v *view) Unknown(rule string) bool { return rule == program.RuleGenderUnknown }

// dayFile gives the day as a table.
func (c *Console) dayFile(q *request) error {
	d, err := q.dayAsked()
	if err != nil {
		return err
	}
	x, err := q.dayOf(d, filePatience)
	if err != nil {
		return err
	}
	if !x.Ready() {
		return errNotReady
	}
	h := q.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="otklik-`+d.String()+`.csv"`)
	// The bound on writing is for pages; a file of everybody takes longer. A server that
	// cannot lift it is still bounded.
	_ = q.lastLonger()
	v := q.view("calendar.title")
	// Spreadsheets take a file for UTF-8 by its mark, and in Russian cut by semicolons.
	if _, err := q.w.Write([]byte("\ufeff")); err != nil {
		return nil //nolint:nilerr // the browser left
	}
	out := csv.NewWriter(q.w)
	if q.lang.locale == "ru" {
		out.Comma = ';'
	}
	var head []string
	for _, k := range []string{"time", "zone", "name", "program", "channel", "order", "verdict", "reason", "state"} {
		head = append(head, v.T("calendar.column."+k))
	}
	if err = out.Write(head); err == nil {
		err = q.eachNamed(x, func(r *dayRow) error { return out.Write(v.fields(r)) })
	}
	out.Flush()
	if err = errors.Join(err, out.Error()); err != nil { // it has begun: only the log can say so
		c.Log.InfoContext(q.ctx(), "a file was cut short", "request", q.id, "error", err)
	}
	return nil
}

// fields are the cells of a row. A cell that a spreadsheet would take for a formula
// begins with an apostrophe.
func (v *view) fields(r *dayRow) []string {
	cells := []string{r.At.In(v.zone()).Format("2006-01-02 15:04"), cmp.Or(r.City, v.Dealer.Zone), r.Name, v.Program(r.Program), v.Label("channel", string(r.Channel)), r.Order,
		v.Foreseen(r.Verdict, r.Finished), r.Why, v.Label("message_state", string(r.Message))}
	for i, s := range cells {
		if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
			cells[i] = "'" + s
		}
	}
	return cells
}

// eachNamed names rows in parts.
func (q *request) eachNamed(x *outlook.Day, do func(*dayRow) error) error {
	const size = 500
	part := make([]outlook.Row, 0, size)
	give := func() error {
		rows, err := q.named(part)
		part = part[:0]
		for i := range rows {
			if err = errors.Join(err, do(&rows[i])); err != nil {
				return err
			}
		}
		return err
	}
	if err := x.Each(q.dayFilter(), func(r *outlook.Row) error {
		if part = append(part, *r); len(part) < size {
			return nil
		}
		return give()
	}); err != nil {
		return err
	}
	return give()
}
