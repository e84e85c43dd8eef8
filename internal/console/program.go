package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"otklik/internal/calendar"
	"otklik/internal/outreach"
	"otklik/internal/program"
	"otklik/internal/store"
)

// programsPage is what each program does, whether it runs at the reader's dealer and
// who answers for it.
type programsPage struct {
	Programs []programView
	// People may answer for a program: those who can log in.
	People []store.Employee
}

// programView is one program at the dealer.
type programView struct {
	program.Listed
	Running bool
	// Decided is set where the dealer has decided; By is who did, "" for a command.
	Decided *store.ProgramSetting
	By      string
	// Named is the id of who was named to answer for it; "" leaves it to the role.
	Named string
	// Elsewhere: it is for other countries. Nobody: nobody answers for it. Gone: who was
	// named cannot log in any more.
	Elsewhere, Nobody, Gone bool
	// Launcher: whoever switches it on launches an advertisement (R055).
	Launcher bool
}

// Startable tells whether switching it on would start it.
func (p *programView) Startable() bool { return len(p.Missing) == 0 && !p.Elsewhere }

// programs shows the page.
func (c *Console) programs(q *request) error {
	settings, err := c.Store.ProgramSettings(q.ctx())
	if err != nil {
		return err
	}
	staff, err := c.Store.Staff(q.ctx())
	if err != nil {
		return err
	}
	people, err := c.Store.Employees(q.ctx(), q.dealer.ID)
	if err != nil {
		return fmt.Errorf("reading employees: %w", err)
	}
	var p programsPage
	names := map[string]string{}
	for _, e := range people {
		names[e.ID] = e.Name
		if answers(&e) {
			p.People = append(p.People, e)
		}
	}
	for _, x := range c.Programs() {
		v := programView{Listed: x, Running: program.Runs(x.Definition, settings, q.dealer.ID), Elsewhere: !x.In(q.dealer.Country), Launcher: x.Has(outreach.Ad) && x.Launch == ""}
		if s, ok := settings.Of(q.dealer.ID, x.ID); ok {
			v.Decided, v.By, v.Named = &s, names[s.ChangedBy], s.ResponsibleID
		}
		v.Nobody = !program.Answered(x.Definition, settings, staff, q.dealer.ID)
		v.Gone = v.Named != "" && !slices.ContainsFunc(p.People, func(e store.Employee) bool { return e.ID == v.Named })
		p.Programs = append(p.Programs, v)
	}
	slices.SortStableFunc(p.Programs, func(a, b programView) int { return cmp.Compare(a.order(), b.order()) })
	return q.page("programs", "programs.title", p)
}

// order puts what runs first and what is for other countries last.
func (p *programView) order() int {
	switch {
	case p.Elsewhere:
		return 2
	case !p.Running:
		return 1
	}
	return 0
}

// answers tells whether an employee may answer for a program.
func answers(e *store.Employee) bool { return e.Active && e.Login != "" }

// switched is what a posted form decides about a program.
type switched struct {
	program.Listed
	setting store.ProgramSetting
}

// programOf reads the program that a form is about, and what was decided of it.
func (c *Console) programOf(q *request) (s switched, err error) {
	if err := q.r.ParseForm(); err != nil {
		return s, fmt.Errorf("%w: %w", errBadForm, err)
	}
	all := c.Programs()
	i := slices.IndexFunc(all, func(x program.Listed) bool { return x.ID == q.r.PathValue("id") })
	if i < 0 {
		return s, store.ErrNotFound
	}
	settings, err := c.Store.ProgramSettings(q.ctx())
	if err != nil {
		return s, err
	}
	s.Listed = all[i]
	s.setting, _ = settings.Of(q.dealer.ID, s.ID)
	s.setting.DealerID, s.setting.Program, s.setting.ChangedAt = q.dealer.ID, s.ID, q.now
	s.setting.Running = program.Runs(s.Definition, settings, q.dealer.ID)
	return s, nil
}

// switchProgram switches a program on or off; of an advertisement the reader is the
// launcher from then on.
func (c *Console) switchProgram(q *request) error {
	s, err := c.programOf(q)
	if err != nil {
		return err
	}
	on := q.text("on") == "yes"
	if on && (len(s.Missing) > 0 || !s.In(q.dealer.Country)) {
		return errCannotStart
	}
	s.setting.Running, s.setting.ChangedBy = on, q.employee.ID
	if err := c.Store.SetProgram(q.ctx(), s.setting); err != nil {
		return err
	}
	q.flash(map[bool]string{true: "programs.switched_on", false: "programs.switched_off"}[on])
	return q.redirect("/programs#" + s.ID)
}

// answerFor names who answers for a program (R005).
func (c *Console) answerFor(q *request) error {
	s, err := c.programOf(q)
	if err != nil {
		return err
	}
	s.setting.ResponsibleID = q.text("responsible")
	people, err := c.Store.Employees(q.ctx(), q.dealer.ID)
	if err != nil {
		return fmt.Errorf("reading employees: %w", err)
	}
	if s.setting.ResponsibleID != "" && !slices.ContainsFunc(people, func(e store.Employee) bool { return e.ID == s.setting.ResponsibleID && answers(&e) }) {
		return errBadForm
	}
	if err := c.Store.SetResponsible(q.ctx(), s.setting, q.employee.ID); err != nil {
		return err
	}
	q.flash("programs.named")
	return q.redirect("/programs#" + s.ID)
}

// Titled is a title in the reader's language; the id where there is none.
func (v *view) Titled(titles map[string]string, id string) string {
	return titled(titles, v.Lang(), id)
}

// Trigger says what starts a program.
func (v *view) Trigger(d *program.Definition) string {
	switch {
	case d.Launch == program.LaunchHuman:
		return v.T("programs.launched")
	case d.Trigger != program.Dates:
		return v.Label("programs.trigger", d.Trigger)
	}
	days := make([]string, len(d.On))
	for i, x := range d.On {
		days[i] = v.programDay(x)
	}
	return strings.Join(days, ", ")
}

// programDay is a day of a program in words; one of every year has no year.
func (v *view) programDay(x program.Day) string {
	if x.Holiday != "" {
		for _, h := range v.q.c.Book.Holidays() {
			if h.ID == x.Holiday {
				return v.Titled(h.Title, h.ID)
			}
		}
		return x.Holiday
	}
	day, err := calendar.Parse(x.Day)
	if err != nil { // checked when the program was read: a day of every year
		for _, day := range x.In(v.Now.In(v.zone()).Year(), v.q.c.Book) {
			return v.Date(day.In(v.zone(), 12*time.Hour))
		}
		return x.Day
	}
	return v.Date(day.In(v.zone(), 12*time.Hour))
}

// Offset is a distance from the occasion in words.
func (v *view) Offset(o program.Offset) string {
	n, unit := 0, ""
	switch {
	case o.Months != 0:
		n, unit = o.Months, "months"
	case o.WorkingDays != 0:
		n, unit = o.WorkingDays, "workdays"
	case o.Days != 0:
		n, unit = o.Days, "days"
	case o.Clock%time.Hour != 0:
		n, unit = int(o.Clock/time.Minute), "minutes"
	case o.Clock != 0:
		n, unit = int(o.Clock/time.Hour), "hours"
	}
	var s string
	switch {
	case n > 0:
		s = v.T("programs.after", "span", v.N("programs.span."+unit, n))
	case n < 0:
		s = v.T("programs.before", "span", v.N("programs.span."+unit, -n))
	case o.HasHour:
		s = v.T("programs.same_day")
	default:
		s = v.T("programs.at_once")
	}
	if o.HasHour {
		s = v.T("programs.at", "day", s, "clock", fmt.Sprintf("%d:%02d", int(o.Hour.Hours()), int(o.Hour.Minutes())%60))
	}
	return s
}

// Does is what a step does.
func (v *view) Does(s program.Step) string {
	asks := s.Survey
	if def, ok := v.q.c.Survey(s.Survey); ok {
		asks = v.Titled(def.Title, s.Survey)
	}
	switch {
	case s.Phone() && s.Owner != "":
		return v.T("programs.call_by", "who", v.Label("programs.owner", s.Owner))
	case s.Phone():
		return v.T("programs.call")
	case s.Paper():
		return v.T("programs.sheet", "who", v.Label("programs.owner", cmp.Or(s.Owner, store.RoleOperator)))
	case s.Message != "" && asks != "":
		return v.T("programs.message_asks", "survey", asks)
	case asks != "":
		return v.T("programs.asks", "survey", asks)
	}
	return v.T("programs.message")
}

// Ladder is the channels of a step in their order; nothing for a call or a sheet.
func (v *view) Ladder(s program.Step) string {
	if s.Phone() || s.Paper() {
		return ""
	}
	names := make([]string, len(s.Channels))
	for i, k := range s.Channels {
		names[i] = v.Label("channel", string(k))
	}
	return strings.Join(names, " → ")
}

// Lacks says what keeps a program from starting.
func (v *view) Lacks(m program.Missing) string {
	return v.T("programs.missing."+m.Rule, "name", m.Name, "in", v.lacksIn(m))
}

func (v *view) lacksIn(m program.Missing) string {
	if m.Rule == program.SurveyChannel {
		return v.Label("channel", m.In)
	}
	return v.Label("language_name", m.In)
}
