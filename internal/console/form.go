package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/draft"
	"otklik/internal/inbox"
	"otklik/internal/render"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// formPage is the customer's survey form.
type formPage struct {
	Token string
	// Name is how the person is addressed, "" when that is not safe.
	Name string
	// Done, Car and Date say what the questions are about (R121).
	Done   []string
	Car    string
	Date   string
	Fields []field
	// Again: answers stand already and can be changed.
	Again bool
	// Until is when the form closes.
	Until   string
	Lowest  string
	Highest string
}

// formOf is a conversation with what its form needs.
type formOf struct {
	conv   store.Conversation
	def    *survey.Definition
	dealer store.Dealer
	person store.Contact
	visit  store.Visit
}

// openForm finds the form of a token. Unknown and expired ones are the same to the
// person: a kind page.
func (c *Console) openForm(q *request) (f formOf, err error) {
	ctx := q.ctx()
	f.conv, err = c.Store.ConversationByToken(ctx, q.r.PathValue("token"))
	if errors.Is(err, store.ErrNotFound) {
		return f, errUnknownToken
	}
	if err != nil {
		return f, fmt.Errorf("reading a form's conversation: %w", err)
	}
	q.speak(f.conv.Locale)
	var known bool
	if f.dealer, known = c.Roster.Dealer(f.conv.DealerID); known {
		q.dealer = f.dealer
	}
	ended, err := c.Store.EndedFor(ctx, f.conv.ID)
	if err != nil {
		return f, fmt.Errorf("reading how a form's conversation has ended: %w", err)
	}
	if ended != "" || q.now.After(f.conv.OpenedAt.AddDate(0, 0, inbox.FormDays)) {
		return f, errUnknownToken
	}
	if f.def, err = c.Inbox.Definition(ctx, f.conv.Survey, f.conv.SurveyVersion); err != nil {
		return f, err
	}
	if f.person, err = c.Store.Contact(ctx, f.conv.ContactID); err != nil {
		return f, fmt.Errorf("reading a form's customer: %w", err)
	}
	if f.conv.VisitID != "" {
		if f.visit, err = c.Store.Visit(ctx, f.conv.VisitID); err != nil {
			return f, fmt.Errorf("reading a form's visit: %w", err)
		}
	}
	return f, nil
}

// speak sets the language of a customer's page: the one he chose on it, else the
// conversation's.
func (q *request) speak(locale string) {
	chosen := q.r.URL.Query().Get("lang")
	if cat, ok := q.c.catalogues[chosen]; ok {
		q.lang = cat
	} else if cat, ok := q.c.catalogues[tongue(locale)]; ok {
		q.lang = cat
	}
}

// form shows the questions. A tapped score (?q=) is preselected; nothing is saved
// before the person presses the button (invariant 9).
func (c *Console) form(q *request) error {
	f, err := c.openForm(q)
	if err != nil {
		return err
	}
	return c.showForm(q, f, http.StatusOK, nil, nil, "")
}

func (c *Console) showForm(q *request, f formOf, status int, typed url.Values, refusedIDs []string, problem string) error {
	as, err := c.Store.Answers(q.ctx(), []string{f.conv.ID})
	if err != nil {
		return fmt.Errorf("reading a form's answers: %w", err)
	}
	r := draft.Recipient{Dealer: f.dealer, Contact: f.person, Visit: f.visit, Channel: channels.Form, Locale: q.lang.locale, Now: q.now}
	p := formPage{Token: f.conv.Token, Name: draftName(f.person, q.lang.locale), Again: len(as[f.conv.ID]) > 0}
	st, err := position(f.conv)
	if err != nil {
		return err
	}
	if p.Fields, err = q.fields(f.def, &st, channels.Form, r, as[f.conv.ID], typed); err != nil {
		return err
	}
	for i := range p.Fields {
		p.Fields[i].Refused = slices.Contains(refusedIDs, p.Fields[i].ID)
	}
	preselect(p.Fields, q.r.URL.Query().Get("q"))
	v := q.view("form.title")
	v.Dealer, v.Problem = f.dealer, problem
	p.Done, p.Car = f.visit.Works, v.Car(f.visit.Vehicle)
	p.Date, p.Until = v.Date(f.visit.CompletedAt), v.Date(f.conv.OpenedAt.AddDate(0, 0, inbox.FormDays))
	v.Title, v.Data = inLocale(f.def.Title, q.lang.locale), p
	return q.show(status, "form", v)
}

func draftName(c store.Contact, locale string) string {
	return render.Address(render.Person{Given: c.Given, Patronymic: c.Patronymic, Family: c.Family, Full: c.Name, Gender: c.Gender, Company: c.Company}, locale)
}

// preselect marks the tapped answer of the first question.
func preselect(fields []field, tapped string) {
	if tapped == "" || len(fields) == 0 {
		return
	}
	known := slices.ContainsFunc(fields[0].Options, func(o option) bool { return o.Value == tapped })
	for i := range fields[0].Options {
		if known {
			fields[0].Options[i].Checked = fields[0].Options[i].Value == tapped
		}
	}
}

// thanksPage ends the form; the text depends on what was said (R019).
type thanksPage struct {
	Token string
	Low   bool
	// Text is what the survey says at its end, Call who calls and until when.
	Text, Call string
}

// submitForm saves the answers and thanks.
func (c *Console) submitForm(q *request) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	f, err := c.openForm(q)
	if err != nil {
		return err
	}
	vs := values(f.def, channels.Form, q.r.PostForm)
	if len(vs) == 0 {
		return c.showForm(q, f, http.StatusUnprocessableEntity, q.r.PostForm, nil, q.lang.text("form.empty"))
	}
	out, err := c.Inbox.Submit(q.ctx(), inbox.Submission{Token: f.conv.Token, Values: vs, Channel: channels.Form})
	if err != nil {
		return fmt.Errorf("taking a form in: %w", err)
	}
	if len(out.Refused) > 0 {
		return c.showForm(q, f, http.StatusUnprocessableEntity, q.r.PostForm, out.Refused, q.lang.text("error.refused_answers"))
	}
	to := url.Values{"o": {string(out.Outcome)}, "f": {strconv.FormatBool(out.Flagged)}}
	if chosen := q.r.URL.Query().Get("lang"); chosen != "" {
		to.Set("lang", chosen)
	}
	return q.redirect("/s/" + f.conv.Token + "/thanks?" + to.Encode())
}

// formThanks shows the end of the form. Its address says how the answers were, so
// that it can be loaded again without asking anything twice.
func (c *Console) formThanks(q *request) error {
	f, err := c.openForm(q)
	if err != nil {
		return err
	}
	query := q.r.URL.Query()
	p := thanksPage{Token: f.conv.Token, Low: query.Get("f") == "true"}
	v := q.view("form.thanks_title")
	v.Dealer = f.dealer
	switch {
	case p.Low:
		p.Text = q.lang.text("form.thanks_low")
		t, err := c.callbackOf(q, f.conv)
		if err != nil {
			return err
		}
		if t.ID != "" {
			if p.Call, err = c.callPromise(v, t, f.conv); err != nil {
				return err
			}
		}
	default:
		if p.Text, err = c.thanks(q, f, survey.Outcome(query.Get("o"))); err != nil {
			return err
		}
	}
	v.Data = p
	return q.show(http.StatusOK, "thanks", v)
}

// thanks is what the survey says at its end, with what the person liked (R038). A
// survey that is not meant for a form has no words for one: then the house thanks.
func (c *Console) thanks(q *request, f formOf, o survey.Outcome) (string, error) {
	if _, ok := f.def.Budget[channels.Form]; !ok || !slices.Contains(survey.Outcomes(), o) {
		return q.lang.text("form.thanks_neutral"), nil
	}
	st, err := position(f.conv)
	if err != nil {
		return "", err
	}
	data := c.Drafter.Data(draft.Recipient{Dealer: f.dealer, Contact: f.person, Visit: f.visit, Channel: channels.Form, Locale: q.lang.locale, Now: q.now})
	es, err := c.Store.Employees(q.ctx(), f.dealer.ID)
	if err != nil {
		return "", fmt.Errorf("reading who was praised: %w", err)
	}
	data.Liked, data.Praised = st.Likes(f.def), inbox.Known(st.Praised, es)
	content, err := c.Renderer.Thanks(f.def, o, q.lang.locale, channels.Form, data)
	if err != nil {
		return "", fmt.Errorf("wording the thanks: %w", err)
	}
	return content.Text, nil
}

// callPromise says who calls and until when, as the answers on other channels do.
func (c *Console) callPromise(v *view, t store.Task, conv store.Conversation) (string, error) {
	who := t.OwnerName
	if who == "" {
		es, err := c.Store.Employees(v.q.ctx(), t.DealerID)
		if err != nil {
			return "", fmt.Errorf("reading who calls: %w", err)
		}
		who = callback.Responsible(es, conv.Locale)
	}
	if who == "" {
		return v.T("form.call", "by", v.By(t.DueAt)), nil
	}
	return v.T("form.call_by", "who", who, "by", v.By(t.DueAt)), nil
}

// callbackOf finds the open callback of a conversation; the zero Task when there
// is none.
func (c *Console) callbackOf(q *request, conv store.Conversation) (store.Task, error) {
	ts, err := c.Store.Tasks(q.ctx(), store.TaskFilter{DealerID: conv.DealerID, ContactID: conv.ContactID, Kind: store.TaskCallback, Open: true, Limit: 10})
	if err != nil {
		return store.Task{}, fmt.Errorf("reading the callback: %w", err)
	}
	for _, t := range ts {
		if t.ConversationID == conv.ID {
			return t, nil
		}
	}
	return store.Task{}, nil
}

type unsubscribePage struct {
	Token   string
	Channel channels.Kind
	Address string
	Done    bool
}

// unsubscribe shows the button; a GET changes nothing (invariant 9).
func (c *Console) unsubscribe(q *request) error {
	who, err := c.unsubscribing(q)
	if err != nil {
		return err
	}
	return c.showUnsubscribe(q, who, false)
}

// unsubscribing finds who was written to; such links never expire.
func (c *Console) unsubscribing(q *request) (store.Addressee, error) {
	who, err := c.Store.Addressee(q.ctx(), q.r.PathValue("token"))
	if errors.Is(err, store.ErrNotFound) {
		return who, errUnknownToken
	}
	if err != nil {
		return who, fmt.Errorf("reading a link: %w", err)
	}
	q.dealer, _ = c.Roster.Dealer(who.DealerID)
	q.speak(cmp.Or(who.Locale, q.dealer.Locale))
	return who, nil
}

func (c *Console) showUnsubscribe(q *request, who store.Addressee, done bool) error {
	v := q.view("unsubscribe.title")
	v.Dealer = q.dealer
	v.Data = unsubscribePage{Token: q.r.PathValue("token"), Channel: who.Channel, Address: masked(who.Channel, who.Address), Done: done}
	return q.show(http.StatusOK, "unsubscribe", v)
}

// doUnsubscribe acts at once, for the person's button and for a mail provider's
// one-click POST alike (RFC 8058).
func (c *Console) doUnsubscribe(q *request) error {
	who, err := c.unsubscribing(q)
	if err != nil {
		return err
	}
	if err := c.Inbox.Unsubscribe(q.ctx(), q.r.PathValue("token")); err != nil {
		return fmt.Errorf("unsubscribing: %w", err)
	}
	return c.showUnsubscribe(q, who, true)
}

// masked shows enough of an address for its owner to know it: the link may have
// been passed on.
func masked(ch channels.Kind, address string) string {
	a := []rune(address)
	switch {
	case ch == channels.Email:
		local, domain, _ := strings.Cut(address, "@")
		first, _ := utf8.DecodeRuneInString(local)
		return string(first) + "…@" + domain
	case ch == channels.SMS && len(a) > 6:
		return "…" + string(a[len(a)-4:])
	}
	return ""
}
