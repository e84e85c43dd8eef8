package draft

import (
	"cmp"
	"strings"
	"time"

	"otklik/internal/calendar"
	"otklik/internal/render"
)

// Data is what the texts can speak of.
func (d *Drafter) Data(r Recipient) render.Data {
	var x render.Data
	x.Dealer = render.Dealer{Name: r.Dealer.Name, Phone: r.Dealer.Phone, Address: r.Dealer.Address, Locale: r.Dealer.Locale, Zone: r.Dealer.Location()}
	c := r.Contact
	x.Person = render.Person{Given: c.Given, Patronymic: c.Patronymic, Family: c.Family, Full: c.Name, Gender: c.Gender, Company: c.Company}
	x.Vehicle.Model, x.Vehicle.Plate = r.Visit.Vehicle.Model, r.Visit.Vehicle.Plate
	x.Visit.Order, x.Visit.Date, x.Visit.Works, x.Visit.Advisor = r.Visit.Order, r.Visit.CompletedAt, r.Visit.Works, r.Visit.Advisor
	if r.Token != "" {
		x.Token = r.Token
		x.FormURL = d.PublicURL + "/s/" + r.Token
	}
	x.UnsubscribeURL = d.unsubscribe(r)
	x.First, x.Zone, x.Now = r.First, r.Zone(), r.Now
	if r.Occasion != nil {
		r.Occasion.fill(&x, r, d.Renderer.Speaks(r.LocaleOr()))
	}
	return x
}

// fill adds what an occasion beside a visit is about.
// spoken tells whether there are texts in the person's language: else his are the
// dealer's.
func (o *Occasion) fill(x *render.Data, r Recipient, spoken bool) {
	a, p, k := &o.Appointment, &o.Prospect, &o.Vehicle
	x.Vehicle.Model = cmp.Or(x.Vehicle.Model, k.Model, a.Vehicle.Model, p.Model)
	x.Vehicle.Plate = cmp.Or(x.Vehicle.Plate, k.Plate, a.Vehicle.Plate)
	x.Vehicle.Years = years(k.DeliveredOn, o.Date)
	x.Visit.Order = cmp.Or(x.Visit.Order, a.Order)
	x.Visit.Advisor = cmp.Or(x.Visit.Advisor, a.Advisor)
	x.Appointment.At, x.Appointment.Request = a.StartsAt, cmp.Or(a.Request, strings.Join(a.Works, ", "))
	x.Promised = a.PromisedAt
	if x.Promised.IsZero() {
		x.Promised = r.Visit.PromisedAt
	}
	if !x.Promised.After(r.Now) {
		x.Promised = time.Time{} // a time that has passed is no promise
	}
	x.LastContact, x.Consultant = p.ContactedAt, p.Consultant
	x.Holiday = o.Holiday
	locale := r.LocaleOr()
	if !spoken {
		locale = r.Dealer.Locale
	}
	base, _, _ := strings.Cut(locale, "-")
	x.News, x.Wishes = cmp.Or(o.News[locale], o.News[base]), cmp.Or(o.Wishes[locale], o.Wishes[base])
}

// years is how many years lie between two dates; 0 where one is not known.
func years(from, to string) int {
	a, err := calendar.Parse(from)
	if err != nil {
		return 0
	}
	b, err := calendar.Parse(to)
	if err != nil {
		return 0
	}
	n := b.Year - a.Year
	if b.Before(calendar.Anniversary(a, b.Year)) {
		n--
	}
	return max(n, 0)
}
