package console

import (
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"otklik/channels"
	"otklik/internal/intake"
	"otklik/internal/store"
)

// foundContacts is how many customers a search shows.
const foundContacts = 50

type contactsPage struct {
	Query string
	Found []store.Contact
	More  bool
}

func (c *Console) contacts(q *request) error {
	p := contactsPage{Query: strings.TrimSpace(q.r.URL.Query().Get("q"))}
	found, err := c.Store.SearchContacts(q.ctx(), q.dealer.ID, searched(p.Query, q.dealer.Country), foundContacts)
	if err != nil {
		return fmt.Errorf("searching customers: %w", err)
	}
	p.More = len(found) == foundContacts
	for _, x := range found {
		ours, err := c.ours(q, x.ID)
		if err != nil {
			return err
		}
		if ours {
			p.Found = append(p.Found, x)
		}
	}
	return q.page("contacts", "contacts.title", p)
}

// searched is a query as the store looks it up: a phone number, however it is
// written at the dealer's, in E.164.
func searched(query, country string) string {
	for _, r := range query {
		if !unicode.IsDigit(r) && !strings.ContainsRune(" +-()", r) {
			return query
		}
	}
	n, err := phonenumbers.Parse(query, country)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return query
	}
	return phonenumbers.Format(n, phonenumbers.E164)
}

// ours tells whether a customer of the group has anything to do with the reader's
// dealer. Where there is one dealer every customer is his, and nothing is read.
func (c *Console) ours(q *request, contactID string) (bool, error) {
	if len(c.Roster.Dealers()) < 2 {
		return true, nil
	}
	vs, err := c.Store.VisitsOf(q.ctx(), contactID)
	if err != nil {
		return false, fmt.Errorf("reading visits: %w", err)
	}
	for _, v := range vs {
		if v.DealerID == q.dealer.ID {
			return true, nil
		}
	}
	p := contactPage{Contact: store.Contact{ID: contactID}}
	if err := c.records(q, &p); err != nil {
		return false, err
	}
	if len(p.Appointments)+len(p.Interests) > 0 {
		return true, nil
	}
	ms, err := c.Store.ListMessages(q.ctx(), store.Filter{DealerID: q.dealer.ID, ContactID: contactID, Limit: 1})
	if err != nil {
		return false, fmt.Errorf("reading messages: %w", err)
	}
	if len(ms) > 0 {
		return true, nil
	}
	ts, err := c.Store.Tasks(q.ctx(), store.TaskFilter{DealerID: q.dealer.ID, ContactID: contactID, Limit: 1})
	if err != nil {
		return false, fmt.Errorf("reading tasks: %w", err)
	}
	return len(ts) > 0, nil
}

type contactPage struct {
	Contact      store.Contact
	Visits       []store.Visit
	Vehicles     []store.Vehicle
	Appointments []store.Appointment
	Interests    []store.Prospect
	Surveys      []answered
	Tasks        []store.Task
	Suppressions []store.Suppression
	Consents     []store.Consent
	Timeline     []moment
	// ZoneSaid is what was entered and is no zone, HoursSaid what is no hours.
	ZoneSaid, HoursSaid string
	// Fresh is a consent that was entered and refused.
	Fresh consentForm
}

// Mistaken tells whether it is an employee who said that a number is somebody else's, so
// that an employee may take it back.
func (contactPage) Mistaken(x store.Suppression) bool { return x.Reason == store.WrongNumber }

// Numbered tells that the zone is the one that a telephone number of his tells.
func (p contactPage) Numbered() bool {
	for _, a := range p.Contact.Addresses {
		if a.Channel == channels.SMS && p.Contact.Zone != "" && intake.ZoneOf(a.Value) == p.Contact.Zone {
			return true
		}
	}
	return false
}

// Zones are offered where one is entered; any other of the IANA database is taken too.
func (contactPage) Zones() []string {
	return []string{"Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk", "Asia/Novosibirsk", "Asia/Krasnoyarsk", "Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok", "Asia/Magadan",
		"Asia/Kamchatka", "Europe/Minsk", "Asia/Almaty", "Asia/Tashkent", "Asia/Tbilisi", "Asia/Yerevan", "Asia/Baku", "Asia/Shanghai", "Asia/Urumqi", "Europe/London", "Europe/Berlin", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"}
}

func (c *Console) contact(q *request) error {
	p, err := c.contactPage(q)
	if err != nil {
		return err
	}
	return q.page("contact", "contact.title", p)
}

// contactPage reads all that is known of the customer in the path.
func (c *Console) contactPage(q *request) (p contactPage, err error) {
	ctx, id := q.ctx(), q.r.PathValue("id")
	if p.Contact, err = c.Store.Contact(ctx, id); err != nil {
		return p, fmt.Errorf("reading a customer: %w", idError(err))
	}
	if err := c.mustBeOurs(q, id); err != nil {
		return p, err
	}
	visits, err := c.Store.VisitsOf(ctx, id)
	if err != nil {
		return p, fmt.Errorf("reading the visits: %w", err)
	}
	for _, v := range visits {
		if v.DealerID == q.dealer.ID {
			p.Visits = append(p.Visits, v)
		}
	}
	if err := c.records(q, &p); err != nil {
		return p, err
	}
	if p.Surveys, err = c.answersOf(q, id); err != nil {
		return p, err
	}
	if p.Tasks, err = c.Store.Tasks(ctx, store.TaskFilter{DealerID: q.dealer.ID, ContactID: id, Limit: 50}); err != nil {
		return p, fmt.Errorf("reading the tasks: %w", err)
	}
	if err := c.permissions(q, &p); err != nil {
		return p, err
	}
	return p, c.history(q, &p)
}

// mustBeOurs refuses a customer who has nothing to do with the reader's dealer, as if there
// were none.
func (c *Console) mustBeOurs(q *request, id string) error {
	ours, err := c.ours(q, id)
	if err != nil {
		return idError(err)
	}
	if !ours {
		return store.ErrNotFound
	}
	return nil
}

// setHours keeps the hours in which the customer wants to be written to, as an employee
// was told them.
func (c *Console) setHours(q *request) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	id := q.r.PathValue("id")
	if err := c.mustBeOurs(q, id); err != nil {
		return err
	}
	hours, said := "", q.text("hours")
	if said != "" {
		var ok bool
		if hours, ok = intake.Hours(said); !ok {
			p, err := c.contactPage(q)
			if err != nil {
				return err
			}
			p.HoursSaid = said
			return q.pageWith(http.StatusUnprocessableEntity, "contact", "contact.title", p, q.lang.text("contact.hours_bad"))
		}
	}
	if err := c.Store.SetHours(q.ctx(), id, hours, q.employee, q.dealer.ID, q.now); err != nil {
		return fmt.Errorf("keeping the hours: %w", idError(err))
	}
	q.flash("contact.hours_saved")
	return q.redirect("/contacts/" + id)
}

// setZone keeps where the customer lives, as an employee was told it; nothing makes it
// unknown, and the dealer's zone counts.
func (c *Console) setZone(q *request) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	id := q.r.PathValue("id")
	if err := c.mustBeOurs(q, id); err != nil {
		return err
	}
	zone, said := "", q.text("zone")
	if said != "" {
		var ok bool
		if zone, ok = intake.Zone(said); !ok {
			p, err := c.contactPage(q)
			if err != nil {
				return err
			}
			p.ZoneSaid = said
			return q.pageWith(http.StatusUnprocessableEntity, "contact", "contact.title", p, q.lang.text("contact.zone_bad"))
		}
	}
	if err := c.Store.SetZone(q.ctx(), id, zone, q.employee, q.dealer.ID, q.now); err != nil {
		return fmt.Errorf("keeping the zone: %w", idError(err))
	}
	q.flash("contact.zone_saved")
	return q.redirect("/contacts/" + id)
}

// rightNumber takes back that a number of the customer is somebody else's.
func (c *Console) rightNumber(q *request) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	id := q.r.PathValue("id")
	if err := c.mustBeOurs(q, id); err != nil {
		return err
	}
	lifted, err := c.Store.RightNumber(q.ctx(), id, q.text("number"), q.employee, q.dealer.ID, q.now)
	if err != nil {
		return fmt.Errorf("taking the number for right: %w", idError(err))
	}
	if lifted {
		q.flash("contact.number_right_saved")
	}
	return q.redirect("/contacts/" + id)
}

// records reads the person's cars, and the appointments and interests that he has with
// this dealer.
func (c *Console) records(q *request, p *contactPage) (err error) {
	if p.Vehicles, err = c.Store.VehiclesOf(q.ctx(), p.Contact.ID); err != nil {
		return fmt.Errorf("reading the vehicles: %w", err)
	}
	as, err := c.Store.AppointmentsOf(q.ctx(), p.Contact.ID)
	if err != nil {
		return fmt.Errorf("reading the appointments: %w", err)
	}
	for _, a := range as {
		if a.DealerID == q.dealer.ID {
			p.Appointments = append(p.Appointments, a)
		}
	}
	ps, err := c.Store.ProspectsOf(q.ctx(), p.Contact.ID)
	if err != nil {
		return fmt.Errorf("reading the interests: %w", err)
	}
	for _, x := range ps {
		if x.DealerID == q.dealer.ID {
			p.Interests = append(p.Interests, x)
		}
	}
	return nil
}

// permissions reads what the person allowed and refused.
func (c *Console) permissions(q *request, p *contactPage) error {
	var addresses []string
	for _, a := range p.Contact.Addresses {
		addresses = append(addresses, a.Value)
	}
	var err error
	if len(addresses) > 0 {
		if p.Suppressions, err = c.Store.Suppressions(q.ctx(), addresses, q.now); err != nil {
			return fmt.Errorf("reading suppressions: %w", err)
		}
	}
	consents, err := c.Store.Consents(q.ctx(), []string{p.Contact.ID})
	if err != nil {
		return fmt.Errorf("reading consents: %w", err)
	}
	for _, x := range consents[p.Contact.ID] {
		if x.DealerID == "" || x.DealerID == q.dealer.ID {
			p.Consents = append(p.Consents, x)
		}
	}
	return nil
}

// history builds the one timeline of a customer.
func (c *Console) history(q *request, p *contactPage) error {
	var err error
	if p.Timeline, err = c.messageMoments(q, p.Contact.ID); err != nil {
		return err
	}
	for i := range p.Visits {
		p.Timeline = append(p.Timeline, moment{At: p.Visits[i].CompletedAt, Kind: "visit", Visit: &p.Visits[i]})
	}
	for i := range p.Consents {
		p.Timeline = append(p.Timeline, moment{At: p.Consents[i].At, Kind: "consent", Consent: &p.Consents[i]})
	}
	for i := range p.Tasks {
		p.Timeline = append(p.Timeline, moment{At: p.Tasks[i].OpenedAt, Kind: "task", Task: &p.Tasks[i]})
	}
	remarks, err := c.Store.RemarksOf(q.ctx(), p.Contact.ID)
	if err != nil {
		return fmt.Errorf("reading the remarks: %w", err)
	}
	for i := range remarks {
		if remarks[i].DealerID == q.dealer.ID {
			p.Timeline = append(p.Timeline, moment{At: remarks[i].At, Kind: "remark", Remark: &remarks[i]})
		}
	}
	decisions, err := c.Store.ListDecisions(q.ctx(), store.Filter{DealerID: q.dealer.ID, ContactID: p.Contact.ID, Limit: timelineLength})
	if err != nil {
		return fmt.Errorf("reading the decisions: %w", err)
	}
	for _, d := range decisions {
		p.Timeline = append(p.Timeline, moment{At: d.At, Kind: "decision", Decision: q.why(d)})
	}
	sortMoments(p.Timeline)
	return nil
}

// Plate and other parts of a vehicle on one line.
func (v *view) Car(k store.Vehicle) string {
	parts := []string{k.Model, k.Plate}
	return strings.TrimSpace(strings.Join(parts, " "))
}

// AddressKind is the word for an address of a channel.
func (v *view) AddressKind(ch channels.Kind) string { return v.Label("address", string(ch)) }
