package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/draft"
	"otklik/internal/inbox"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// field is one question of a form or a call sheet.
type field struct {
	ID   string
	Kind string
	// Name is the form field's.
	Name string
	// Text is the wording, to be read out as it stands (R017).
	Text     string
	Optional bool
	// Conditional questions depend on earlier answers; a page without JavaScript
	// cannot hide them.
	Conditional bool
	// Trouble: it is asked where something went wrong.
	Trouble bool
	Options []option
	// Typed is the text of an open question.
	Typed string
	// Given is the answer that stands already, in words; it is not asked again.
	Given, GivenBy string
	Refused        bool
	Number         int
}

type option struct {
	Value, Label string
	Checked      bool
	// Key is the digit that chooses it on a keyboard.
	Key string
}

// prefix of the names of questions in a posted form.
const prefix = "q."

// fields turns the sheet of a person who stands at st into fields. typed is what was
// posted before, nil for nothing; standing are the answers of the conversation.
func (q *request) fields(def *survey.Definition, st *survey.State, ch channels.Kind, r draft.Recipient, standing []store.Answer, typed url.Values) ([]field, error) {
	var out []field
	locale := r.LocaleOr()
	given := map[string]store.Answer{}
	for _, a := range standing {
		given[a.Question] = a
	}
	for _, question := range inReadingOrder(st.Sheet(def, ch), ch) {
		// A person who only listens or reads must not meet a placeholder without
		// a value: the wordings of sheets have none that is not optional.
		content, err := q.c.Renderer.Question(def, question.ID, locale, ch, q.c.Drafter.Data(r))
		if err != nil {
			return nil, fmt.Errorf("wording question %s: %w", question.ID, err)
		}
		f := field{ID: question.ID, Kind: string(question.Kind), Name: prefix + question.ID, Text: content.Text, Optional: question.Optional, Conditional: question.Conditional(), Trouble: question.Conditional() && question.Role == survey.Trouble, Number: len(out) + 1}
		a, has := given[question.ID]
		f.Options = q.options(question, locale)
		chosen := typed[f.Name]
		if typed == nil && has {
			chosen = valuesOf(a)
			f.Typed = a.Comment
		}
		if question.Kind == survey.Text && typed != nil {
			f.Typed = typed.Get(f.Name)
		}
		for i := range f.Options {
			f.Options[i].Checked = slices.Contains(chosen, f.Options[i].Value)
		}
		if has {
			l := q.answerLine(def, true, a)
			f.Given, f.GivenBy = l.Value, l.Channel
			if f.Given == "" {
				f.Given = a.Comment
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// inReadingOrder is the order of a sheet on the page. A caller asks what went wrong as
// soon as he hears that something did; who fills the form in himself would meet it before
// he has said anything, so that it stands below the scores.
func inReadingOrder(qs []*survey.Question, ch channels.Kind) []*survey.Question {
	if ch != channels.Form {
		return qs
	}
	late := func(q *survey.Question) int {
		switch q.Role {
		case survey.Trouble:
			return 1
		case survey.Suggestions:
			return 2
		}
		return 0
	}
	out := slices.Clone(qs)
	slices.SortStableFunc(out, func(a, b *survey.Question) int { return late(a) - late(b) })
	return out
}

// valuesOf is an answer as a form would post it.
func valuesOf(a store.Answer) []string {
	switch {
	case a.Rating != nil:
		return []string{strconv.Itoa(*a.Rating)}
	case a.Answer != "":
		return []string{a.Answer}
	case a.Choice != "":
		return strings.Split(a.Choice, ",")
	}
	return nil
}

func (q *request) options(question *survey.Question, locale string) []option {
	var out []option
	cat := q.catalogue(locale)
	switch question.Kind {
	case survey.Rating, survey.NPS:
		for n := question.Min; n <= question.Max; n++ {
			o := option{Value: strconv.Itoa(n), Label: strconv.Itoa(n)}
			if n < 10 {
				o.Key = o.Value
			}
			out = append(out, o)
		}
	case survey.YesNo:
		out = []option{{Value: "yes", Label: cat.text("answer.yes"), Key: "1"}, {Value: "no", Label: cat.text("answer.no"), Key: "2"}}
	case survey.Choice, survey.MultiChoice, survey.Expectation:
		for i, o := range question.Options {
			out = append(out, option{Value: o.ID, Label: inLocale(o.Label, locale), Key: strconv.Itoa(i + 1)})
		}
	}
	return out
}

// catalogue is the one of a locale, else the reader's.
func (q *request) catalogue(locale string) *catalogue {
	if c, ok := q.c.catalogues[tongue(locale)]; ok {
		return c
	}
	return q.lang
}

// values reads a posted sheet, whichever questions of it the person was shown; blank
// fields are left out.
func values(def *survey.Definition, ch channels.Kind, form url.Values) map[string]survey.Value {
	out := map[string]survey.Value{}
	for _, question := range def.Sheet(ch) {
		posted := form[prefix+question.ID]
		if len(posted) == 0 || strings.TrimSpace(posted[0]) == "" {
			continue
		}
		var v survey.Value
		switch question.Kind {
		case survey.Rating, survey.NPS:
			n, err := strconv.Atoi(posted[0])
			if err != nil {
				n = question.Min - 1 // the engine refuses it and names the question
			}
			v.Rating = &n
		case survey.YesNo:
			v.Answer = posted[0]
		case survey.Choice, survey.Expectation:
			v.Choice = posted[0]
		case survey.MultiChoice:
			v.Choices = posted
		case survey.Text:
			v.Text = strings.TrimSpace(posted[0])
		}
		out[question.ID] = v
	}
	return out
}

// sheetPage is the call sheet or the paper sheet of a task.
type sheetPage struct {
	Task    store.Task
	Contact store.Contact
	// Visit and Vehicle are what the call is about: one of them, the other is zero.
	Visit   store.Visit
	Vehicle store.Vehicle
	Phone   string
	Survey  string
	Fields  []field
	// Left are the questions that have no answer yet.
	Left int
	Mine bool
	// Paper tells a paper sheet from a call, Locale is the language that it is in.
	Paper  bool
	Locale string
}

// sheet shows the questions of a call or a paper sheet. Those of a call that is over are
// not shown any more: whoever goes back, or has a page that looks for news, comes to its
// task, which says what came of it.
func (c *Console) sheet(q *request) error {
	p, _, err := c.sheetOf(q, nil)
	if err != nil {
		return err
	}
	if over(&p.Task) && !p.Paper {
		return q.redirect("/tasks/" + p.Task.ID)
	}
	return q.page("sheet", p.title(), p)
}

// sheetOf builds the call sheet: a survey that the customer began elsewhere goes
// on, and no question is asked twice.
func (c *Console) sheetOf(q *request, typed url.Values) (p sheetPage, def *survey.Definition, err error) {
	ctx := q.ctx()
	if p.Task, err = c.taskOf(q); err != nil {
		return p, nil, err
	}
	t := p.Task
	ch := sheetChannel(&t)
	p.Paper = ch == channels.Paper
	switch {
	case p.Paper && t.Outcome == callback.EndTyped:
		return p, nil, callback.ErrTyped
	case !asks(&t), !p.Paper && typed != nil && over(&t) && q.now.Sub(t.ClosedAt) > sheetOutlives:
		return p, nil, store.ErrNotFound
	case p.Paper && typed == nil:
		typed = url.Values{} // what he has answered elsewhere is not what stands on the sheet
	}
	if p.Contact, err = c.Store.Contact(ctx, t.ContactID); err != nil {
		return p, nil, fmt.Errorf("reading the customer: %w", err)
	}
	if t.VisitID != "" {
		if p.Visit, err = c.Store.Visit(ctx, t.VisitID); err != nil {
			return p, nil, fmt.Errorf("reading the visit: %w", err)
		}
	}
	if p.Vehicle, err = c.bought(q, &t); err != nil {
		return p, nil, err
	}
	numbers, err := c.Store.Numbers(ctx, p.Contact)
	if err != nil {
		return p, nil, fmt.Errorf("reading the customer's numbers: %w", err)
	}
	p.Phone, p.Mine = callback.Dialled(numbers), t.OwnerID == q.employee.ID
	conv, standing, err := c.begun(q, t)
	if err != nil {
		return p, nil, err
	}
	if def, err = c.asked(q, t, conv); err != nil {
		return p, nil, err
	}
	p.Survey = inLocale(def.Title, q.lang.locale)
	r := draft.Recipient{Dealer: q.dealer, Contact: p.Contact, Visit: p.Visit, Occasion: &draft.Occasion{Vehicle: p.Vehicle}, Channel: ch, Locale: conv.Locale, Now: q.now}
	p.Locale = r.LocaleOr()
	st, err := position(conv)
	if err != nil {
		return p, nil, err
	}
	if conv.ID == "" {
		st.Drawn = def.Draw(t.ContactID, q.now.In(q.dealer.Location()))
	}
	if p.Fields, err = q.fields(def, &st, ch, r, standing, typed); err != nil {
		return p, nil, err
	}
	for _, f := range p.Fields {
		if f.Given == "" {
			p.Left++
		}
	}
	return p, def, nil
}

// asked is the survey of a call: the version that the person has begun, else the newest.
func (c *Console) asked(q *request, t store.Task, conv store.Conversation) (*survey.Definition, error) {
	if conv.ID != "" {
		return c.Inbox.Definition(q.ctx(), conv.Survey, conv.SurveyVersion)
	}
	def, ok := c.Survey(inbox.SurveyOf(t))
	if !ok {
		return nil, fmt.Errorf("survey %q is not known", inbox.SurveyOf(t))
	}
	return def, nil
}

// position is where the person of a conversation stands; the beginning for none.
func position(c store.Conversation) (st survey.State, err error) {
	if c.Position == "" {
		return st, nil
	}
	if err := json.Unmarshal([]byte(c.Position), &st); err != nil {
		return st, fmt.Errorf("reading the position: %w", err)
	}
	return st, nil
}

// begun finds the conversation that the task came from, else the one of its survey
// about its visit, with the answers; both are empty when nobody has asked yet.
func (c *Console) begun(q *request, t store.Task) (conv store.Conversation, as []store.Answer, err error) {
	if t.ConversationID == "" && t.VisitID == "" {
		return c.begunWith(q, t)
	}
	cs, err := c.Store.ConversationsFor(q.ctx(), t.ContactID)
	if err != nil {
		return conv, nil, fmt.Errorf("reading the conversations: %w", err)
	}
	for _, x := range cs {
		if x.ID == t.ConversationID || t.ConversationID == "" && x.VisitID == t.VisitID && x.Survey == inbox.SurveyOf(t) && x.DealerID == t.DealerID {
			conv = x
			break
		}
	}
	if conv.ID == "" {
		return conv, nil, nil
	}
	m, err := c.Store.Answers(q.ctx(), []string{conv.ID})
	if err != nil {
		return conv, nil, fmt.Errorf("reading the answers: %w", err)
	}
	return conv, m[conv.ID], nil
}

// begunWith is that of a call about no visit: the conversation of its occasion.
func (c *Console) begunWith(q *request, t store.Task) (conv store.Conversation, as []store.Answer, err error) {
	conv, err = c.Store.ConversationOfOccasion(q.ctx(), t.OutreachID, inbox.SurveyOf(t))
	if errors.Is(err, store.ErrNotFound) {
		return store.Conversation{}, nil, nil
	}
	if err != nil {
		return conv, nil, fmt.Errorf("reading the conversation of a call: %w", err)
	}
	m, err := c.Store.Answers(q.ctx(), []string{conv.ID})
	if err != nil {
		return conv, nil, fmt.Errorf("reading the answers: %w", err)
	}
	return conv, m[conv.ID], nil
}

// asks tells whether a task has a sheet: one about a visit, or the survey call or paper
// entry of a program about something else.
func asks(t *store.Task) bool {
	return t.ContactID != "" && (t.VisitID != "" || (t.Kind == store.TaskSurveyCall || t.Kind == store.TaskPaper) && t.OutreachID != "")
}

// bought is the car that a call after a purchase is about; the zero Vehicle for none.
func (c *Console) bought(q *request, t *store.Task) (v store.Vehicle, err error) {
	if t.VisitID != "" || t.OutreachID == "" {
		return v, nil
	}
	o, err := c.Store.OutreachByID(q.ctx(), t.OutreachID)
	if errors.Is(err, store.ErrNotFound) {
		return v, nil // its time of keeping is over
	}
	if err != nil {
		return v, fmt.Errorf("reading what a call is about: %w", err)
	}
	id, _ := program.Subject(o.Occasion)
	if id == "" {
		return v, nil
	}
	found, err := c.Store.Subjects(q.ctx(), store.WantedSubjects{Vehicles: []string{id}})
	if err != nil {
		return v, fmt.Errorf("reading what a call is about: %w", err)
	}
	return found.Vehicles[id], nil
}

// sheetOutlives is how long after the end of its task a sheet that was open is still taken
// in: the customer has answered on another channel while he was called, and what he said
// on the telephone counts as well (R009).
const sheetOutlives = 24 * time.Hour

// over tells whether a task is done with.
func over(t *store.Task) bool { return t.State == store.TaskClosed || t.State == store.TaskWithdrawn }

// submitSheet takes the answers of a call or a paper sheet in. A call that nobody holds is
// claimed with it: whoever has called is its owner. A sheet is typed by whoever has it.
func (c *Console) submitSheet(q *request) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	p, def, err := c.sheetOf(q, q.r.PostForm)
	if err != nil {
		return err
	}
	err = c.takeSheet(q, &p, def)
	switch {
	case err == nil:
	case !refused(err):
		return err
	default:
		status, key := failureOf(err)
		return q.pageWith(status, "sheet", p.title(), p, q.lang.text(key))
	}
	q.flash("sheet.saved")
	if p.Paper && q.r.PostFormValue("then") == "next" {
		return q.redirect("/paper")
	}
	if q.r.PostFormValue("then") == "next" {
		return q.redirect("/queue/next")
	}
	return q.redirect("/tasks/" + p.Task.ID)
}

// title is the key of what the page is called.
func (p *sheetPage) title() string {
	if p.Paper {
		return "paper.entry"
	}
	return "sheet.title"
}

func (c *Console) takeSheet(q *request, p *sheetPage, def *survey.Definition) error {
	ch := sheetChannel(&p.Task)
	vs := values(def, ch, q.r.PostForm)
	if len(vs) == 0 {
		return errEmptyText
	}
	if err := c.independent(q, p.Task); err != nil {
		return err
	}
	switch {
	case p.Paper, over(&p.Task), p.Task.OwnerID == q.employee.ID:
	case p.Task.OwnerID == "", p.Task.State == store.TaskOpen:
		if err := c.Desk.Claim(q.ctx(), p.Task.ID, q.employee); err != nil {
			return err
		}
	default:
		return callback.ErrNotOwner
	}
	out, err := c.Inbox.Submit(q.ctx(), inbox.Submission{TaskID: p.Task.ID, Values: vs, Channel: ch, EmployeeID: q.employee.ID})
	if err != nil {
		return fmt.Errorf("taking the answers of a sheet: %w", err)
	}
	if len(out.Refused) > 0 {
		for i := range p.Fields {
			p.Fields[i].Refused = slices.Contains(out.Refused, p.Fields[i].ID)
		}
		return errRefusedAnswers
	}
	return nil
}

var placeholders = regexp.MustCompile(`\{\{.*?\}\}`)

// plainWords is a question without its placeholders, for lists.
func plainWords(question *survey.Question, locale string) string {
	ask, ok := question.Ask[locale]
	if !ok {
		for _, l := range locales() {
			if ask, ok = question.Ask[l]; ok {
				break
			}
		}
	}
	return strings.Join(strings.Fields(placeholders.ReplaceAllString(ask.For(channels.Form), "")), " ")
}

func choiceLabels(question *survey.Question, stored, locale string) string {
	var ids []string
	if json.Unmarshal([]byte(stored), &ids) != nil {
		ids = strings.Split(stored, ",")
	}
	var out []string
	for _, id := range ids {
		if o, ok := question.Option(id); ok {
			out = append(out, inLocale(o.Label, locale))
		} else {
			out = append(out, id)
		}
	}
	return strings.Join(out, ", ")
}
