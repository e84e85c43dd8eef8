package render

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

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
		// Years is how many years ago the car was handed over [years] (R050).
		Years int
	}
	Appointment struct {
		// At is the start, as a moment and as a time of day [appointment,
		// appointment_time] (R139).
		At      time.Time
		Request string // what it is for [request]
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
		// NoNumber: no number is known to call. A text that says until when somebody calls
		// then asks for one.
		NoNumber bool
	}
	// Promised is when a delayed car will be ready, as a moment [promised].
	Promised time.Time
	// LastContact is when we last spoke with a prospect, as a date [last_contact] (R066).
	LastContact time.Time
	// Consultant is who advises a prospect or a buyer [consultant].
	Consultant string
	// Holiday is the title of a holiday, by locale [holiday].
	Holiday map[string]string
	// News are a block of news in the language of the message, which may have
	// several lines [news] (R055). Wishes are a marketer's own [wishes]; they and the
	// news may hold a few placeholders of their own, see own.go. The name before wishes
	// that do not say it is [salute], the dealer behind those that do not name him
	// [sign].
	News, Wishes string
	// Employee is who writes, where a person does [employee].
	Employee string
	// Praised are the employees who were praised, by their own names [praised] (R038).
	Praised []string
	// Liked are the options that the person liked most [liked] (R038).
	Liked []survey.Option
	// Written are an employee's own words to one person, which may have several lines
	// [written].
	Written string
	// Words are the customer's own, unedited [words].
	Words string
	// FormURL is the customer's form; a button in an email adds ?q= to it.
	FormURL, UnsubscribeURL string
	// Token opens the data of a Telegram button: Token:question:value.
	Token string
	// First: the person was never written to before. An SMS that we begin with
	// (an invite, not an answer) then says how to refuse.
	First bool
	// Zone is the recipient's; Now is business time. Both are needed for dates. What
	// happens at the dealer's is said by the dealer's clock (Dealer.Zone).
	Zone *time.Location
	Now  time.Time
}

// Dealer is who writes [dealer, dealer_phone, dealer_address].
type Dealer struct {
	Name, Phone, Address string
	// Locale is used where the person's is not there.
	Locale string
	// Zone is that of appointments and of promised times; nil for the recipient's.
	Zone *time.Location
}

// mostWorks is how many works an invite names; a long list reads as an invoice.
const mostWorks = 5

// placeholder is a name that a text may use; Data says what it means.
type placeholder uint8

const (
	pName placeholder = iota
	pDealer
	pDealerPhone
	pDealerAddress
	pModel
	pPlate
	pOrder
	pDate
	pDateShort
	pWorks
	pAdvisor
	pOwner
	pDue
	pSolution
	pNext
	pEmployee
	pPraised
	pLiked
	pWords
	pWritten
	pFormURL
	pUnsubscribeURL
	pAppointment
	pAppointmentTime
	pRequest
	pYears
	pHoliday
	pNews
	pWishes
	pSalute
	pSign
	pPromised
	pLastContact
	pConsultant
	pQuestion
	pMin
	pMax
	placeholderCount
)

// placeholders are the names as texts write them.
var placeholders = [placeholderCount]string{
	"name", "dealer", "dealer_phone", "dealer_address", "model", "plate", "order",
	"date", "date_short", "works", "advisor", "owner", "due", "solution", "next",
	"employee", "praised", "liked", "words", "written", "form_url", "unsubscribe_url",
	"appointment", "appointment_time", "request", "years", "holiday", "news", "wishes", "salute", "sign",
	"promised", "last_contact", "consultant",
	"question", "min", "max",
}

func placeholderOf(name string) (placeholder, bool) {
	i := slices.Index(placeholders[:], name)
	return placeholder(max(i, 0)), i >= 0
}

// values are the values of one rendering, each made when a text first asks for
// it. A value that is "" is absent: using it is an error rather than a hole in a
// sentence.
type values struct {
	words *words
	// locale is the one that the text is in.
	locale string
	data   *Data
	// scale is the question whose bounds are min and max.
	scale *survey.Question
	known [placeholderCount]bool
	value [placeholderCount]string
}

func (v *values) get(p placeholder) string {
	if !v.known[p] {
		v.set(p, v.make(p))
	}
	return v.value[p]
}

func (v *values) set(p placeholder, s string) {
	v.known[p], v.value[p] = true, s
}

func (v *values) make(p placeholder) string {
	w, d := v.words, v.data
	switch p {
	case pName:
		return w.address(&d.Person)
	case pDealer:
		return line(d.Dealer.Name)
	case pDealerPhone:
		return line(d.Dealer.Phone)
	case pDealerAddress:
		return line(d.Dealer.Address)
	case pModel:
		return line(d.Vehicle.Model)
	case pPlate:
		return line(d.Vehicle.Plate)
	case pOrder:
		return line(d.Visit.Order)
	case pWorks:
		return w.works(d.Visit.Works)
	case pAdvisor:
		return line(d.Visit.Advisor)
	case pOwner:
		return line(d.Callback.Owner)
	case pSolution:
		return clause(d.Callback.Solution)
	case pEmployee:
		return line(d.Employee)
	case pPraised:
		return w.list(d.Praised)
	case pLiked:
		return w.liked(d.Liked, v.locale)
	case pWords:
		return line(d.Words)
	case pWritten:
		return block(d.Written)
	case pFormURL:
		return d.FormURL
	case pUnsubscribeURL:
		return d.UnsubscribeURL
	case pRequest:
		return clause(d.Appointment.Request)
	case pYears:
		return w.years(d.Vehicle.Years)
	case pHoliday:
		return v.holiday()
	case pNews:
		return v.own(block(d.News))
	case pWishes:
		return v.own(block(d.Wishes))
	case pSalute:
		return v.salute()
	case pSign:
		return v.sign()
	case pConsultant:
		return line(d.Consultant)
	case pDate, pDateShort, pDue, pNext, pAppointment, pAppointmentTime, pPromised, pLastContact:
		return v.time(p)
	case pMin, pMax:
		return v.bound(p)
	}
	return "" // the question, which is set before it is asked for
}

func (v *values) time(p placeholder) string {
	w, d := v.words, v.data
	var room [64]byte
	b := room[:0]
	switch {
	case p == pDate && !d.Visit.Date.IsZero():
		b = w.appendDate(b, d.Visit.Date, d.Zone, d.Now)
	case p == pDateShort && !d.Visit.Date.IsZero():
		b = w.appendDated(b, w.DateShort, in(d.Visit.Date, d.Zone))
	case p == pDue && !d.Callback.Due.IsZero():
		// The text may wait and leave on a later day, when "tomorrow" were another day.
		dated := w.Deadline
		dated.Tomorrow = dated.Other
		b = w.appendWhen(b, &dated, d.Callback.Due, d.Zone, d.Now)
	case p == pNext && !d.Callback.Next.IsZero():
		b = w.appendWhen(b, &w.Moment, d.Callback.Next, d.Zone, d.Now)
	case p == pAppointment && !d.Appointment.At.IsZero():
		b = w.appendWhen(b, &w.Moment, d.Appointment.At, d.house(), d.Now)
	case p == pAppointmentTime && !d.Appointment.At.IsZero():
		b = w.appendClock(b, in(d.Appointment.At, d.house()))
	case p == pPromised && !d.Promised.IsZero():
		b = w.appendWhen(b, &w.Moment, d.Promised, d.house(), d.Now)
	case p == pLastContact && !d.LastContact.IsZero():
		b = w.appendDate(b, d.LastContact, d.Zone, d.Now)
	}
	return string(b)
}

// house is the zone of what happens at the dealer's.
func (d *Data) house() *time.Location {
	if d.Dealer.Zone != nil {
		return d.Dealer.Zone
	}
	return d.Zone
}

// holiday is its title in the language of the text, never in another one.
func (v *values) holiday() string {
	title, ok := v.data.Holiday[v.locale]
	if !ok {
		title = v.data.Holiday[base(v.locale)]
	}
	return line(title)
}

func (v *values) bound(p placeholder) string {
	q := v.scale
	if q == nil || q.Kind != survey.Rating && q.Kind != survey.NPS {
		return ""
	}
	if p == pMin {
		return strconv.Itoa(q.Min)
	}
	return strconv.Itoa(q.Max)
}

// vars are the values as text/template wants them: what is absent is not in it.
func (v *values) vars() vars {
	out := vars{}
	for p, name := range placeholders {
		if s := v.get(placeholder(p)); s != "" {
			out[name] = s
		}
	}
	return out
}

// vars are values by name.
type vars map[string]string

// Has tells a template whether a name has a value.
func (v vars) Has(name string) bool { return v[name] != "" }

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

// liked lists options inside a sentence, in its language alone.
func (w *words) liked(options []survey.Option, locale string) string {
	var out []string
	for _, o := range options {
		if s := inSentence(clause(o.Label[locale])); s != "" {
			out = append(out, s)
		}
	}
	return strings.Join(out, w.Separator)
}

// list joins names.
func (w *words) list(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = line(n)
	}
	return strings.Join(out, w.Separator)
}

// inSentence is a label that begins with a small letter, unless it is a name in
// capitals.
func inSentence(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if second, _ := utf8.DecodeRuneInString(s[size:]); unicode.IsUpper(second) {
		return s
	}
	return string(unicode.ToLower(first)) + s[size:]
}

// line puts a value on one line.
func line(s string) string {
	if oneLine(s) {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// oneLine tells whether line would leave s as it is.
func oneLine(s string) bool {
	blank := true // a blank at the beginning is one too many
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ':
			if blank {
				return false
			}
			blank = true
			continue
		case c >= '\t' && c <= '\r':
			return false
		case c == 0xc2 || c >= 0xe1 && c <= 0xe3:
			// Only these begin a blank beyond ASCII.
			if r, _ := utf8.DecodeRuneInString(s[i:]); unicode.IsSpace(r) {
				return false
			}
		}
		blank = false
	}
	return !blank || s == ""
}

// block is a value of several lines, without blanks around them.
func block(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = line(lines[i])
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}

// clause is a value that stands inside a sentence, without its own full stop.
func clause(s string) string { return strings.TrimRight(line(s), ".;,。；， ") }
