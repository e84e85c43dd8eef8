package console

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"otklik/internal/calendar"
	"otklik/internal/outlook"
	"otklik/internal/program"
	"otklik/internal/store"
)

// monthPage is a month of what was sent and what will be.
type monthPage struct {
	Month        calendar.Date
	Before, Next string
	Weeks        [][]dayCell
	// Waiting: events have not been planned yet, so that counts will grow.
	Waiting bool
	// Provisional: the year's decree about days off is not known.
	Provisional bool
	Sum         int
}

// Live: counting a month costs more than looking again is worth.
func (monthPage) Live() string { return "" }

// dayCell is one day of a month.
type dayCell struct {
	calendar.Date
	// Outside: it is of the month before or after.
	Outside, Today, Past bool
	// Kind is work, weekend, off, moved (a weekend on which people work) or closed.
	Kind     string
	Holidays []holidayMark
	Tallies  []outlook.Tally
	// More is how many programs are not shown.
	More, Sum int
}

// Campaign is where wishes for the day are written; nothing for a day that is over.
func (d dayCell) Campaign() string {
	if d.Past {
		return ""
	}
	return "/campaigns/new?day=" + d.String()
}

// Path is the day's page.
func (d dayCell) Path() string { return dayPath(d.Date) }

func dayPath(d calendar.Date) string {
	return fmt.Sprintf("/calendar/%04d-%02d/%d", d.Year, int(d.Month), d.Day)
}

// holidayMark is a holiday as a day shows it.
type holidayMark struct {
	Title string
	// Greeted: a program that runs congratulates on it; Solemn: nobody is congratulated.
	Greeted, Solemn bool
}

// mostTallies is how many programs a day of the month shows.
const mostTallies = 6

// month shows the page.
func (c *Console) month(q *request) error {
	today := calendar.Of(q.now, q.dealer.Location())
	first := calendar.On(today.Year, today.Month, 1)
	if s := q.r.PathValue("month"); s != "" {
		d, err := calendar.Parse(s + "-01")
		if err != nil || d.Year < 1990 || d.Year > 2100 {
			return store.ErrNotFound
		}
		first = d
	}
	p, err := c.monthOf(q, first, today)
	if err != nil {
		return err
	}
	return q.page("calendar", "calendar.title", p)
}

func (c *Console) monthOf(q *request, first, today calendar.Date) (monthPage, error) {
	p := monthPage{Month: first, Before: monthName(first.AddMonths(-1)), Next: monthName(first.AddMonths(1))}
	last := first.AddMonths(1).AddDays(-1)
	monday := first.AddDays(-int((first.Weekday() + 6) % 7))
	end := last.AddDays(int((7 - last.Weekday()) % 7))
	cuts := q.cuts(monday, end)
	days, err := c.Outlook.Days(q.ctx(), q.dealer.ID, cuts)
	if err != nil {
		return p, err
	}
	marks, err := c.marks(q)
	if err != nil {
		return p, err
	}
	if p.Waiting, err = c.Store.EventsWait(q.ctx()); err != nil {
		return p, err
	}
	p.Provisional = c.Book.Country(q.dealer.Country) && !c.Book.Known(q.dealer.Country, first.Year)
	for i, tallies := range days {
		d := monday.AddDays(i)
		if i%7 == 0 {
			p.Weeks = append(p.Weeks, nil)
		}
		cell := dayCell{Date: d, Outside: d.Month != first.Month, Today: d == today, Past: d.Before(today), Kind: q.kindOfDay(d), Holidays: marks.of(d)}
		tallies = slices.DeleteFunc(tallies, func(t outlook.Tally) bool { return t.All()+t.Unknown == 0 })
		slices.SortStableFunc(tallies, func(a, b outlook.Tally) int { return cmp.Compare(b.All(), a.All()) })
		for _, t := range tallies {
			cell.Sum += t.All()
		}
		if !cell.Outside {
			p.Sum += cell.Sum
		}
		cell.More = max(0, len(tallies)-mostTallies)
		cell.Tallies = tallies[:len(tallies)-cell.More]
		p.Weeks[i/7] = append(p.Weeks[i/7], cell)
	}
	return p, nil
}

func monthName(d calendar.Date) string { return d.String()[:len("2006-01")] }

// cuts are the midnights of the dealer from a day to the one after another.
func (q *request) cuts(from, to calendar.Date) []time.Time {
	var out []time.Time
	for d := from; !d.After(to.AddDays(1)); d = d.AddDays(1) {
		out = append(out, d.In(q.dealer.Location(), 0))
	}
	return out
}

// kindOfDay says whether people work on a day, and why not.
func (q *request) kindOfDay(d calendar.Date) string {
	closed := q.c.Outlook.Planner.Closed
	switch {
	case closed != nil && closed(q.dealer.ID).Has(d):
		return "closed"
	case q.c.Book.Working(q.dealer.Country, d, nil):
		if d.Weekend() {
			return "moved"
		}
		return "work"
	case d.Weekend():
		return "weekend"
	}
	return "off"
}

// marker knows the holidays of a dealer.
type marker struct {
	c      *Console
	lang   string
	usual  []calendar.Holiday
	greets []*program.Definition
}

// marks are the holidays that are usual in the dealer's country, whosever they are, and
// those that his programs name.
func (c *Console) marks(q *request) (*marker, error) {
	settings, err := c.Store.ProgramSettings(q.ctx())
	if err != nil {
		return nil, err
	}
	m := &marker{c: c, lang: q.lang.locale}
	for _, x := range c.Programs() {
		if x.Trigger == program.Dates && x.In(q.dealer.Country) && len(x.Missing) == 0 && program.Runs(x.Definition, settings, q.dealer.ID) {
			m.greets = append(m.greets, x.Definition)
		}
	}
	for _, h := range c.Book.Holidays() {
		if slices.Contains(h.Countries, q.dealer.Country) || m.greeted(h.ID) {
			m.usual = append(m.usual, h)
		}
	}
	return m, nil
}

func (m *marker) greeted(holiday string) bool {
	return slices.ContainsFunc(m.greets, func(d *program.Definition) bool {
		return slices.ContainsFunc(d.On, func(x program.Day) bool { return x.Holiday == holiday })
	})
}

// of names the holidays of a day, those that are congratulated on first.
func (m *marker) of(d calendar.Date) (out []holidayMark) {
	for _, h := range m.usual {
		if slices.Contains(m.c.Book.Dates(h.ID, d.Year), d) {
			out = append(out, holidayMark{titled(h.Title, m.lang, h.ID), m.greeted(h.ID), h.Solemn})
		}
	}
	slices.SortStableFunc(out, func(a, b holidayMark) int {
		return cmp.Compare(map[bool]int{true: 0, false: 1}[a.Greeted], map[bool]int{true: 0, false: 1}[b.Greeted])
	})
	return out
}

// MonthTitle is "Декабрь 2026".
func (v *view) MonthTitle(d calendar.Date) string {
	return v.T("calendar.month_title", "month", v.T("calendar.month."+strconv.Itoa(int(d.Month))), "year", d.Year)
}

// Weekdays are the days of the week from Monday, in short.
func (v *view) Weekdays() []string {
	var out []string
	for i := 1; i <= 7; i++ {
		out = append(out, v.T("calendar.weekday."+strconv.Itoa(i)))
	}
	return out
}

// Weekday is the name of the day of the week.
func (v *view) Weekday(d calendar.Date) string {
	return v.T("calendar.weekday_name." + strconv.Itoa(int((d.Weekday()+6)%7)+1))
}

// ShortWeekday is the day of the week in short.
func (v *view) ShortWeekday(d calendar.Date) string {
	return v.T("calendar.weekday." + strconv.Itoa(int((d.Weekday()+6)%7)+1))
}

// DayTitle is a date in words.
func (v *view) DayTitle(d calendar.Date) string { return v.Date(d.In(v.zone(), 12*time.Hour)) }

// DayLabel is all of a day for who hears the page.
func (v *view) DayLabel(d dayCell) string {
	parts := []string{v.DayTitle(d.Date), v.Weekday(d.Date)}
	if d.Kind == "off" || d.Kind == "moved" || d.Kind == "closed" {
		parts = append(parts, v.T("calendar.kind."+d.Kind))
	}
	if d.Today {
		parts = append(parts, v.T("calendar.today"))
	}
	if d.Sum > 0 {
		parts = append(parts, v.Number(d.Sum))
	}
	return strings.Join(parts, ", ")
}

func titled(titles map[string]string, lang, id string) string {
	return cmp.Or(titles[lang], titles["en"], titles["ru"], id)
}

// DayPath is the address of a day.
func (v *view) DayPath(d calendar.Date) string { return dayPath(d) }

// MonthName is a month as addresses have it.
func (v *view) MonthName(d calendar.Date) string { return monthName(d) }

// Plus adds.
func (v *view) Plus(a, b int) int { return a + b }

// Verdicts are those that a day can be filtered by.
func (v *view) Verdicts() []string {
	return []string{"send", "task", "hold", "merge", "drop", "supersede", "ask"}
}
