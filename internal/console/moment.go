package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/message"

	"otklik/internal/callback"
	"otklik/internal/render"
)

// zone is where the reader's dealer is.
func (v *view) zone() *time.Location { return v.Dealer.Location() }

// Moment is a point in time in words, in the dealer's zone: "завтра в 9:00".
func (v *view) Moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return render.Moment(t, v.Lang(), v.zone(), v.Now)
}

// Date is a day in words.
func (v *view) Date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return render.Date(t, v.Lang(), v.zone(), v.Now)
}

// By is a deadline in words, shown as the end of the working day before when it
// falls into the night (requirements.md 1.7).
func (v *view) By(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return render.Time(callback.WorkBy(t, v.zone()), v.Lang(), v.zone(), v.Now)
}

// Stamp is a short date and time for dense lists: "22.11 14:05".
func (v *view) Stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(v.zone())
	now := v.Now.In(v.zone())
	switch {
	case t.YearDay() == now.YearDay() && t.Year() == now.Year():
		return t.Format("15:04")
	case t.Year() == now.Year():
		return v.T("time.stamp", "d", t.Format("02"), "m", t.Format("01"), "t", t.Format("15:04"))
	}
	return v.T("time.stamp_year", "d", t.Format("02"), "m", t.Format("01"), "y", t.Format("2006"), "t", t.Format("15:04"))
}

// Clock is the time of day.
func (v *view) Clock(t time.Time) string { return t.In(v.zone()).Format("15:04") }

// Exact is a full time for hovering and for machines.
func (v *view) Exact(t time.Time) string { return t.In(v.zone()).Format(time.RFC3339) }

// Left is how long until a deadline, or how long past it: "2 ч 10 мин".
func (v *view) Left(t time.Time) string {
	d := t.Sub(v.Now)
	if d < 0 {
		return v.T("time.late", "for", v.span(-d))
	}
	return v.T("time.left", "for", v.span(d))
}

func (v *view) span(d time.Duration) string {
	m := int(d / time.Minute)
	switch {
	case m < 60:
		return v.T("time.minutes", "m", m)
	case m < 48*60:
		return v.T("time.hours", "h", m/60, "m", fmt.Sprintf("%02d", m%60))
	}
	return v.T("time.days", "d", m/60/24, "h", m/60%24)
}

// Heat grades a deadline for the colour of its clock: late, soon (two hours),
// today, or calm.
func (v *view) Heat(t time.Time) string {
	left := t.Sub(v.Now)
	switch {
	case t.IsZero():
		return "calm"
	case left < 0:
		return "late"
	case left < 2*time.Hour:
		return "soon"
	case left < 24*time.Hour:
		return "today"
	}
	return "calm"
}

// Money is an amount in minor units with its currency.
func (v *view) Money(minor int64, currency string) string {
	p := message.NewPrinter(v.q.lang.tag)
	s := p.Sprintf("%d", minor/100)
	if rest := minor % 100; rest != 0 {
		s += v.T("number.decimal") + fmt.Sprintf("%02d", rest)
	}
	return v.T("number.money", "amount", s, "currency", v.Label("currency", currency))
}

// Number is a grouped whole number.
func (v *view) Number(n int) string { return message.NewPrinter(v.q.lang.tag).Sprintf("%d", n) }

// localTime is how a browser's datetime-local field writes a moment.
const localTime = "2006-01-02T15:04"

// Local is a moment for a datetime-local field; "" for none.
func (v *view) Local(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(v.zone()).Format(localTime)
}

// moment reads a datetime-local field in the dealer's zone: zero when it is empty.
func (q *request) moment(name string) (time.Time, error) {
	s := strings.TrimSpace(q.r.PostFormValue(name))
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{localTime, "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(layout, s, q.dealer.Location()); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: %s", errBadForm, strconv.Quote(name))
}

// daypart chooses the greeting of the script (R154).
func (v *view) Daypart() string {
	switch h := v.Now.In(v.zone()).Hour(); {
	case h < 5 || h >= 22:
		return "night"
	case h < 12:
		return "morning"
	case h < 18:
		return "day"
	}
	return "evening"
}

// Span is a length of time in words.
func (v *view) Span(d time.Duration) string { return v.span(d) }
