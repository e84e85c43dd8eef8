package render

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"otklik/internal/survey"
)

// Data is what a text can speak of. What is empty is absent: a text that needs
// it is refused with ErrMissing. The placeholder of each field is in brackets.
type Data struct {
	Dealer Dealer
	// Person is whom we write to [name: Address of it].
	Person  Person
	Vehicle struct {
		Model string // [model]
		Plate string // [plate]
	}
	Visit struct {
		Order   string    // [order]
		Date    time.Time // [date, date_short]
		Works   []string  // what was done, in the customer's words [works] (R121)
		Advisor string    // [advisor]
	}
	Callback struct {
		Owner    string    // who calls [owner]
		Due      time.Time // until when, as a deadline [due]
		Solution string    // what was agreed [solution]
		Next     time.Time // the planned next contact, as a moment [next]
	}
	// Employee is who writes, where a person does [employee].
	Employee string
	// Praised is who was praised [praised]; Liked what was liked [liked] (R038).
	Praised, Liked string
	// Words are the customer's own, unedited [words].
	Words string
	// FormURL is the customer's form; a button in an email adds ?q= to it.
	FormURL, UnsubscribeURL string
	// Token opens the data of a Telegram button: Token:question:value.
	Token string
	// First: the person was never written to before. An SMS that we begin with
	// (an invite, not an answer) then says how to refuse.
	First bool
	// Zone is the recipient's; Now is business time. Both are needed for dates.
	Zone *time.Location
	Now  time.Time
}

// Dealer is who writes [dealer, dealer_phone, dealer_address].
type Dealer struct {
	Name, Phone, Address string
	// Locale is used where the person's is not there.
	Locale string
}

// mostWorks is how many works an invite names; a long list reads as an invoice.
const mostWorks = 5

func (w *words) vars(d Data) vars {
	v := vars{
		"name": w.address(d.Person), "dealer": line(d.Dealer.Name), "dealer_phone": line(d.Dealer.Phone),
		"dealer_address": line(d.Dealer.Address), "model": line(d.Vehicle.Model), "plate": line(d.Vehicle.Plate),
		"order": line(d.Visit.Order), "works": w.works(d.Visit.Works), "advisor": line(d.Visit.Advisor),
		"owner": line(d.Callback.Owner), "solution": clause(d.Callback.Solution), "employee": line(d.Employee),
		"praised": line(d.Praised), "liked": clause(d.Liked), "words": line(d.Words),
		"form_url": d.FormURL, "unsubscribe_url": d.UnsubscribeURL,
	}
	if !d.Visit.Date.IsZero() {
		v["date"] = w.dateOf(d.Visit.Date, d.Zone, d.Now)
		v["date_short"] = w.short(d.Visit.Date, d.Zone)
	}
	if !d.Callback.Due.IsZero() {
		v["due"] = w.when(w.Deadline, d.Callback.Due, d.Zone, d.Now)
	}
	if !d.Callback.Next.IsZero() {
		v["next"] = w.when(w.Moment, d.Callback.Next, d.Zone, d.Now)
	}
	for k, s := range v {
		if s == "" {
			delete(v, k)
		}
	}
	return v
}

func (v vars) scale(q *survey.Question) {
	if q != nil && (q.Kind == survey.Rating || q.Kind == survey.NPS) {
		v["min"], v["max"] = strconv.Itoa(q.Min), strconv.Itoa(q.Max)
	}
}

func (w *words) works(list []string) string {
	var out []string
	for _, s := range list {
		if s = clause(s); s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	if len(out) > mostWorks {
		return strings.Join(out[:mostWorks], w.Separator) + w.More
	}
	return strings.Join(out, w.Separator)
}

// line puts a value on one line.
func line(s string) string { return strings.Join(strings.Fields(s), " ") }

// clause is a value that stands inside a sentence, without its own full stop.
func clause(s string) string { return strings.TrimRight(line(s), ".;,。；， ") }
