package console

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"otklik/internal/store"
)

// welcomePage is the board of a day's appointments (R136 to R138).
type welcomePage struct {
	// For is "lounge", "gate" or "" for the front desk.
	For   string
	Kinds []string
	Day   time.Time
	// Date, Before and After are days as the address writes them.
	Date, Before, After string
	Guests              []guest
}

// guest is one line of the board.
type guest struct {
	store.Appointment
	// Shown is the name as this board may show it.
	Shown string
}

func (c *Console) welcome(q *request) error {
	p, err := c.welcomeOf(q)
	if err != nil {
		return err
	}
	return q.page("welcome", "welcome.title", p)
}

func (c *Console) welcomeOf(q *request) (welcomePage, error) {
	p := welcomePage{For: q.r.URL.Query().Get("for"), Kinds: []string{"", "lounge", "gate"}}
	if !slices.Contains(p.Kinds, p.For) {
		return p, store.ErrNotFound
	}
	zone := q.dealer.Location()
	today := q.now.In(zone)
	p.Day = time.Date(today.Year(), today.Month(), today.Day()+1, 0, 0, 0, 0, zone)
	if s := q.r.URL.Query().Get("day"); s != "" {
		d, err := time.ParseInLocation(time.DateOnly, s, zone)
		if err != nil {
			return p, fmt.Errorf("%w: %w", errBadForm, err)
		}
		p.Day = d
	}
	p.Date, p.Before, p.After = p.Day.Format(time.DateOnly), p.Day.AddDate(0, 0, -1).Format(time.DateOnly), p.Day.AddDate(0, 0, 1).Format(time.DateOnly)
	as, err := c.dayOf(q, p.Day)
	if err != nil {
		return p, err
	}
	ids := make([]string, len(as))
	for i := range as {
		ids[i] = as[i].ContactID
	}
	people, err := c.Store.Contacts(q.ctx(), ids)
	if err != nil {
		return p, fmt.Errorf("reading who comes: %w", err)
	}
	for _, a := range as {
		p.Guests = append(p.Guests, guest{a, boardName(people[a.ContactID], p.For == "")})
	}
	return p, nil
}

// dayOf reads all appointments of a day that are not off.
func (c *Console) dayOf(q *request, day time.Time) (out []store.Appointment, err error) {
	f := store.AppointmentFilter{DealerID: q.dealer.ID, From: day, To: day.AddDate(0, 0, 1), Limit: 100}
	for {
		as, err := c.Store.ListAppointments(q.ctx(), f)
		if err != nil {
			return nil, fmt.Errorf("reading the appointments of a day: %w", err)
		}
		for _, a := range as {
			if a.State != store.AppointmentCanceled {
				out = append(out, a)
			}
		}
		if len(as) < f.Limit {
			return out, nil
		}
		f.After = as[len(as)-1].ID
	}
}

// boardName is a person's name on a board. Strangers read the boards of the lounge and
// the gate, so there it is the given name and one letter of the family name: enough for
// a guest to find himself, too little to tell who is away from home. In Chinese the
// family name with a mark does the same. The front desk reads the whole name, without
// the patronymic. A company is named as it is.
func boardName(c store.Contact, whole bool) string {
	given, family := c.Given, c.Family
	switch {
	case c.Company || given == "" && family == "" && whole:
		return c.Name
	case given == "" && family == "":
		// Which word is which is not known: the first one, and a letter of the second.
		words := strings.Fields(c.Name)
		if len(words) == 0 {
			return ""
		}
		given = words[0]
		if len(words) > 1 {
			family = words[1]
		}
	}
	if first, _ := utf8.DecodeRuneInString(family + given); unicode.Is(unicode.Han, first) {
		switch {
		case whole:
			return family + given
		case family == "":
			return string(first) + "**"
		}
		return family + strings.Repeat("*", utf8.RuneCountInString(given))
	}
	if whole {
		return strings.TrimSpace(family + " " + given)
	}
	if family == "" {
		return given
	}
	letter, _ := utf8.DecodeRuneInString(family)
	return strings.TrimSpace(given + " " + string(letter) + ".")
}
