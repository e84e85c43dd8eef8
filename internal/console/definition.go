package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"otklik/channels"
	"otklik/internal/program"
	"otklik/internal/render"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// Definitions is what pages show and edit definitions with. Kinds are "survey" and
// "program".
type Definitions struct {
	// Check says what refuses a content, and what a person should look at.
	Check func(kind, id, content string) (wrong, warnings []Finding, err error)
	// Save makes a content the newest version; store.ErrConflict where the newest is not
	// the one that was seen.
	Save func(ctx context.Context, kind, id, content, by string, seen int) (int, error)
	// Preview renders what a made-up person would see.
	Preview func(d store.Dealer, kind, id, locale string, ch channels.Kind) ([]Part, error)
}

// Finding is what a check says of a line; 0 means all of it.
type Finding struct {
	Line int
	// Program is one that runs and could not start any more, "" where what is written is
	// meant; Step the step of a program.
	Program, Step string
	// Code is what is wrong, about Args: those of the packages definition, survey, program
	// and render, and the ones here. "" where Missing says it.
	Code string
	Args []string
	// Missing is what a program refers to and what is not there.
	Missing program.Missing
}

// Codes of findings beside those of other packages.
const (
	// OtherID: the id in the content, and the one that it must have.
	OtherID = "other_id"
	// Other: args are words that there are no others for.
	Other = "other"
)

// Same tells whether two findings say the same of the same line.
func (f Finding) Same(x Finding) bool {
	return f.Line == x.Line && f.Program == x.Program && f.Step == x.Step && f.Code == x.Code && f.Missing == x.Missing && slices.Equal(f.Args, x.Args)
}

// Part is one text that a person would see.
type Part struct {
	Name string
	render.Content
}

// WrittenBy stands before the name of the employee who wrote a version in the console.
const WrittenBy = "console: "

// definitionLine is one definition of the list.
type definitionLine struct {
	Kind, ID string
	Titles   map[string]string
	// InForce is the version that counts; Newest is of the database.
	InForce int
	Newest  store.DefinitionVersion
	Missing bool
}

// definitionsPage lists them.
type definitionsPage struct{ Programs, Surveys []definitionLine }

// definitionPage shows one.
type definitionPage struct {
	definitionLine
	Program *program.Definition
	Survey  *survey.Definition
	Lacks   []program.Missing
	// Versions, the newest first; Shown is the one whose source is on the page.
	Versions []store.DefinitionVersion
	Shown    int
	Source   string
	May      bool

	Locale   string
	Channel  channels.Kind
	Channels []channels.Kind
	Parts    []Part
	// Silent: nothing is said on that channel in that language.
	Silent bool
}

// editPage is a definition that is being written.
type editPage struct {
	definitionLine
	// Seen is the newest version that the writer knows.
	Seen            int
	Content         string
	Wrong, Warnings []Finding
	// Checked: it was checked and nothing refuses it.
	Checked bool
}

// Live: what is being read or written is not taken away.
func (definitionPage) Live() string { return "" }

// Live: as of a definition.
func (editPage) Live() string { return "" }

// At is a line of what was typed; nothing for 0.
func (p editPage) At(line int) string {
	lines := strings.Split(p.Content, "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[line-1])
}

const (
	kindProgram = "program"
	kindSurvey  = "survey"
)

// mayEdit tells whether the reader may write definitions: they are the group's, so of several dealers somebody of
// one may not.
func (q *request) mayEdit() bool { return q.employee.Has(store.RoleMarketer) && q.groupWide() }

// definitions shows the list.
func (c *Console) definitions(q *request) error {
	var p definitionsPage
	for _, kind := range []string{kindProgram, kindSurvey} {
		versions, err := c.Store.DefinitionVersions(q.ctx(), kind)
		if err != nil {
			return err
		}
		ids := make([]string, 0, len(versions))
		for id := range versions {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			x := c.line(kind, id, versions[id])
			if kind == kindProgram {
				p.Programs = append(p.Programs, x)
			} else {
				p.Surveys = append(p.Surveys, x)
			}
		}
	}
	return q.page("definitions", "definitions.title", p)
}

// line is what is known of a definition.
func (c *Console) line(kind, id string, versions []store.DefinitionVersion) definitionLine {
	x := definitionLine{Kind: kind, ID: id, Newest: versions[len(versions)-1]}
	if kind == kindSurvey {
		if def, ok := c.Survey(id); ok {
			x.Titles, x.InForce = def.Title, def.Version
		}
		return x
	}
	for _, p := range c.Programs() {
		if p.ID == id {
			x.Titles, x.InForce, x.Missing = p.Title, p.Version, len(p.Missing) > 0
		}
	}
	return x
}

// definitionOf reads the definition of the address.
func (c *Console) definitionOf(q *request) (x definitionLine, versions []store.DefinitionVersion, err error) {
	kind, id := q.r.PathValue("kind"), q.r.PathValue("id")
	if kind != kindProgram && kind != kindSurvey {
		return x, nil, store.ErrNotFound
	}
	all, err := c.Store.DefinitionVersions(q.ctx(), kind)
	if err != nil {
		return x, nil, err
	}
	if len(all[id]) == 0 {
		return x, nil, store.ErrNotFound
	}
	return c.line(kind, id, all[id]), all[id], nil
}

// version is the number that the address names, else the newest.
func (q *request) version(versions []store.DefinitionVersion) (int, error) {
	s := q.r.URL.Query().Get("version")
	if s == "" {
		return versions[len(versions)-1].Version, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || !slices.ContainsFunc(versions, func(v store.DefinitionVersion) bool { return v.Version == n }) {
		return 0, store.ErrNotFound
	}
	return n, nil
}

// definition shows one.
func (c *Console) definition(q *request) error {
	x, versions, err := c.definitionOf(q)
	if err != nil {
		return err
	}
	p := definitionPage{definitionLine: x, May: q.mayEdit(), Locale: tongue(q.dealer.Locale), Channel: channels.SMS}
	if p.Shown, err = q.version(versions); err != nil {
		return err
	}
	if p.Source, err = c.Store.Definition(q.ctx(), x.Kind, x.ID, p.Shown); err != nil {
		return err
	}
	p.Versions = slices.Clone(versions)
	slices.Reverse(p.Versions)
	if x.Kind == kindSurvey {
		p.Survey, _ = c.Survey(x.ID)
		p.Channels = []channels.Kind{channels.SMS, channels.Telegram, channels.Email, "form", channels.Phone, "paper"}
	} else {
		for _, l := range c.Programs() {
			if l.ID == x.ID {
				p.Program, p.Lacks = l.Definition, l.Missing
			}
		}
		p.Channels = []channels.Kind{channels.SMS, channels.Telegram, channels.Email}
	}
	v := q.r.URL.Query()
	if l := v.Get("locale"); slices.Contains(locales(), l) {
		p.Locale = l
	}
	if ch := channels.Kind(v.Get("channel")); slices.Contains(p.Channels, ch) {
		p.Channel = ch
	}
	if x.InForce > 0 {
		if p.Parts, err = c.Definitions.Preview(q.dealer, x.Kind, x.ID, p.Locale, p.Channel); err != nil {
			p.Parts, p.Silent = nil, true // no translation, no phrases, or only calls
		}
	}
	return q.page("definition", "definitions.one", p)
}

// edit shows the form with the newest version, or an earlier one to go back to.
func (c *Console) edit(q *request) error {
	if !q.mayEdit() {
		return errForbidden
	}
	x, versions, err := c.definitionOf(q)
	if err != nil {
		return err
	}
	n, err := q.version(versions)
	if err != nil {
		return err
	}
	p := editPage{definitionLine: x, Seen: x.Newest.Version}
	if p.Content, err = c.Store.Definition(q.ctx(), x.Kind, x.ID, n); err != nil {
		return err
	}
	return q.page("edit", "definitions.edit_title", p)
}

// saveDefinition checks what was written, and keeps it where nothing refuses it; what
// was typed comes back with whatever is wrong.
func (c *Console) saveDefinition(q *request) error {
	if !q.mayEdit() {
		return errForbidden
	}
	x, _, err := c.definitionOf(q)
	if err != nil {
		return err
	}
	if err := q.r.ParseForm(); err != nil {
		return errors.Join(errBadForm, err)
	}
	// Browsers send other ends of lines than files have.
	p := editPage{definitionLine: x, Content: strings.TrimRight(strings.ReplaceAll(q.r.PostFormValue("content"), "\r\n", "\n"), "\n") + "\n"}
	if p.Seen, err = strconv.Atoi(q.r.PostFormValue("seen")); err != nil {
		return errors.Join(errBadForm, err)
	}
	if p.Wrong, p.Warnings, err = c.Definitions.Check(x.Kind, x.ID, p.Content); err != nil {
		return err
	}
	if len(p.Wrong) > 0 {
		return q.pageWith(http.StatusUnprocessableEntity, "edit", "definitions.edit_title", p, q.lang.text("definitions.refused"))
	}
	if q.r.PostFormValue("do") != "save" {
		p.Checked = true
		return q.page("edit", "definitions.edit_title", p)
	}
	switch _, err = c.Definitions.Save(q.ctx(), x.Kind, x.ID, p.Content, q.employee.Name, p.Seen); {
	case errors.Is(err, store.ErrConflict):
		p.Seen = x.Newest.Version
		return q.pageWith(http.StatusConflict, "edit", "definitions.edit_title", p, q.lang.text("definitions.newer", "n", x.Newest.Version, "who", q.view("").Writer(x.Newest.Source)))
	case err != nil:
		return err
	}
	q.flash("definitions.saved")
	return q.redirect("/definitions/" + x.Kind + "/" + x.ID)
}

// Writer is who wrote a version.
func (v *view) Writer(source string) string {
	if who, ok := strings.CutPrefix(source, WrittenBy); ok {
		return who
	}
	return v.Label("definitions.source", source)
}

// Finding says what a check has found.
func (v *view) Finding(f Finding) string {
	var s string
	if f.Code == "" {
		s = v.Lacks(f.Missing)
	} else {
		var pairs []any
		for i, a := range f.Args {
			pairs = append(pairs, i+1, a)
		}
		s = v.T("definitions.problem."+f.Code, pairs...)
	}
	if f.Step != "" {
		s = v.T("definitions.in_step", "step", f.Step, "what", s)
	}
	if f.Program != "" {
		s = v.T("definitions.would_stop", "program", f.Program, "what", s)
	}
	return s
}

// AudienceWords say for whom a program is; nothing for everybody.
func (v *view) AudienceWords(a program.Audience) []string {
	var out []string
	add := func(key string, values ...string) {
		if len(values) > 0 && values[0] != "" {
			out = append(out, v.T("definitions.audience."+key, "what", strings.Join(values, ", ")))
		}
	}
	add("gender", v.Label("gender", a.Gender))
	var speak []string
	for _, l := range a.Locales {
		speak = append(speak, v.Label("language_name", l))
	}
	add("locales", speak...)
	add("models", a.Models...)
	add("tags", a.Tags...)
	add("not_tags", a.NotTags...)
	add("prospects", v.Label("definitions.among", a.Prospects))
	add("companies", v.Label("definitions.among", a.Companies))
	return out
}

// Counted is a length in segments.
func (v *view) Counted(p Part) string {
	n := 0
	for range p.Text {
		n++
	}
	if p.Segments == 0 {
		return v.N("definitions.characters", n)
	}
	return v.N("definitions.characters", n) + " · " + v.T("definitions.segments", "n", p.Segments)
}
