package console

import (
	"strings"
	"time"

	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"otklik/internal/store"
)

// Due, Holds and Planned are counts of waits, with a word where they are not exact.
func (v *view) Due(w store.Waits) string     { return v.amount(w.Waiting, w.About, w.More) }
func (v *view) Holds(w store.Waits) string   { return v.amount(w.Held, w.AboutLater, w.MoreLater) }
func (v *view) Planned(w store.Waits) string { return v.amount(w.Later, w.AboutLater, w.MoreLater) }

func (v *view) amount(n int, about, more bool) string {
	switch s := v.Number(n); {
	case n == 0:
		return s
	case more:
		return v.T("sending.more", "n", s)
	case about:
		return v.T("sending.about", "n", s)
	default:
		return s
	}
}

// Whole is a grouped whole number.
func (v *view) Whole(n int64) string { return message.NewPrinter(v.q.lang.tag).Sprintf("%d", n) }

// Speed is a rate with one decimal where it is small.
func (v *view) Speed(rate float64) string {
	decimals := 0
	if rate > 0 && rate < 10 {
		decimals = 1
	}
	return message.NewPrinter(v.q.lang.tag).Sprint(number.Decimal(rate, number.MaxFractionDigits(decimals), number.MinFractionDigits(decimals)))
}

// Until is how long it is to a moment.
func (v *view) Until(t time.Time) string {
	return v.Length(t.Sub(v.Now))
}

// Length is a length of time in words.
func (v *view) Length(d time.Duration) string {
	if d < time.Minute {
		return v.T("sending.under_minute")
	}
	return v.span(d)
}

// Ago is how long ago something was seen.
func (v *view) Ago(d time.Duration) string {
	if d < time.Minute {
		return v.T("sending.seconds_ago", "n", max(int(d/time.Second), 0))
	}
	return v.T("sending.ago", "for", v.span(d))
}

// Held says why some are held and until when the next of them.
func (v *view) Held(w store.Waits) string {
	return v.T("sending.held", "why", v.Label("sending.rule", w.HeldRule), "when", v.Moment(w.NextHeld))
}

// Next says in a table what Held says in a sentence.
func (v *view) Next(w store.Waits) string {
	return v.T("sending.next", "why", v.Label("sending.rule", w.HeldRule), "when", v.Moment(w.NextHeld))
}

// Said is a provider's reason, in words where it is one of ours.
func (v *view) Said(reason string) string { return v.Label("suppressed", reason) }

// Program is a program's name; messages of none answer people.
func (v *view) Program(id string) string {
	if id == "" {
		return v.T("sending.answers")
	}
	for _, x := range v.q.c.Programs() {
		if x.ID == id {
			return v.Titled(x.Title, id)
		}
	}
	return id
}

// DealerName is the name of a rooftop.
func (v *view) DealerName(id string) string {
	d, ok := v.q.c.Roster.Dealer(id)
	if !ok {
		return id
	}
	return d.Name
}

// Everything tells whether a pause stops all that the reader sees.
func (v *view) Everything(name string) bool {
	return name == store.PauseEverything || v.Employee.DealerID != "" && name == store.DealerPause(v.Dealer.Code)
}

// Thing is what the pause of a name stops, in a few words.
func (v *view) Thing(name string) string {
	kind, rest, _ := strings.Cut(name, ":")
	switch kind {
	case "dealer":
		for _, d := range v.q.c.Roster.Dealers() {
			if d.Code == rest {
				return d.Name
			}
		}
	case "program":
		return v.Program(rest)
	case "campaign":
		if x, err := v.q.c.Store.Campaign(v.q.ctx(), rest); err == nil {
			return x.Title
		}
	case "sender":
		ch, address, _ := strings.Cut(rest, ":")
		return v.Label("channel", ch) + " " + address
	}
	return rest
}

// Stopped says what is stopped, by whom and since when.
func (v *view) Stopped(p store.Pause) string {
	what := v.T("sending.what.all")
	if kind, _, named := strings.Cut(p.Name, ":"); named {
		what = v.T("sending.what."+kind, "name", v.Thing(p.Name))
	}
	who := p.EmployeeName
	if who == "" {
		who = v.T("sending.by_command")
	}
	return v.T("sending.stopped_by", "what", what, "who", who, "when", v.Stamp(p.At))
}
