package render

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/language"

	"otklik/templates"
)

// words are what dates, names, buttons and frames are made of in one language
// (templates/words).
type words struct {
	Months    []string `yaml:"months"`
	Date      string   `yaml:"date"`
	DateYear  string   `yaml:"date_year"`
	DateShort string   `yaml:"date_short"`
	// Clock has Go time layouts: for full hours, and for the others.
	Clock struct {
		Full    string `yaml:"full"`
		Minutes string `yaml:"minutes"`
	} `yaml:"clock"`
	Deadline relative `yaml:"deadline"`
	Moment   relative `yaml:"moment"`
	// Visit names a visit by {model} and {date}.
	Visit     string        `yaml:"visit"`
	Years     counted       `yaml:"years"`
	Separator string        `yaml:"separator"`
	More      string        `yaml:"more"`
	Address   []addressForm `yaml:"address"`
	// Own are the placeholders that a marketer may write, by their name in braces.
	Own     map[string]string `yaml:"own"`
	Answers map[string]string `yaml:"answers"`
	Scale   struct {
		Lowest  string `yaml:"lowest"`
		Highest string `yaml:"highest"`
	} `yaml:"scale"`
	SMS struct {
		Signature string `yaml:"signature"`
		Refusal   string `yaml:"refusal"`
		// Stop ends a sentence that the refusal follows.
		Stop string `yaml:"stop"`
	} `yaml:"sms"`
	Email struct {
		Reply string `yaml:"reply"`
		Open  string `yaml:"open"`
		// Why has the reason for each purpose of a message.
		Why struct {
			Survey   string `yaml:"survey"`
			Service  string `yaml:"service"`
			Greeting string `yaml:"greeting"`
			Ad       string `yaml:"ad"`
			Other    string `yaml:"other"`
		} `yaml:"why"`
		Unsubscribe string `yaml:"unsubscribe"`
	} `yaml:"email"`

	tag language.Tag
}

// relative says a time by how far its day is.
type relative struct {
	Today    string `yaml:"today"`
	Tomorrow string `yaml:"tomorrow"`
	Other    string `yaml:"other"`
}

// shipped are the embedded words, parsed at the first use and never changed.
var shipped = sync.OnceValue(func() map[string]*words {
	w, err := loadWords(templates.FS)
	if err != nil {
		panic("the embedded words are broken: " + err.Error())
	}
	return w
})

func loadWords(fsys fs.FS) (map[string]*words, error) {
	names, err := fs.Glob(fsys, "words/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("listing words: %w", err)
	}
	out := map[string]*words{}
	var errs []error
	for _, name := range names {
		w, err := readWords(fsys, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("reading %s: %w", name, err))
			continue
		}
		out[stem(name)] = w
	}
	if len(names) == 0 {
		errs = append(errs, errors.New("no words at all"))
	}
	return out, errors.Join(errs...)
}

func readWords(fsys fs.FS, name string) (*words, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	w := &words{tag: language.Make(stem(name))}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(w); err != nil {
		return nil, err
	}
	return w, w.complete()
}

func (w *words) complete() error {
	var errs []error
	if len(w.Months) != 12 {
		errs = append(errs, fmt.Errorf("%d months", len(w.Months)))
	}
	for _, a := range []string{"yes", "no", "skip", "done"} {
		if w.Answers[a] == "" {
			errs = append(errs, fmt.Errorf("answers have no %q", a))
		}
	}
	errs = append(errs, w.Years.complete(w.tag))
	for name, s := range map[string]string{
		"date": w.Date, "date_year": w.DateYear, "date_short": w.DateShort, "clock.full": w.Clock.Full,
		"clock.minutes": w.Clock.Minutes, "deadline.today": w.Deadline.Today, "deadline.tomorrow": w.Deadline.Tomorrow,
		"deadline.other": w.Deadline.Other, "moment.today": w.Moment.Today, "moment.tomorrow": w.Moment.Tomorrow,
		"moment.other": w.Moment.Other, "separator": w.Separator, "visit": w.Visit, "scale.lowest": w.Scale.Lowest,
		"scale.highest": w.Scale.Highest, "sms.refusal": w.SMS.Refusal, "sms.stop": w.SMS.Stop, "email.reply": w.Email.Reply,
		"email.open": w.Email.Open, "email.why.survey": w.Email.Why.Survey, "email.why.other": w.Email.Why.Other,
		"email.why.service": w.Email.Why.Service, "email.why.greeting": w.Email.Why.Greeting, "email.why.ad": w.Email.Why.Ad,
		"email.unsubscribe": w.Email.Unsubscribe,
	} {
		if s == "" {
			errs = append(errs, fmt.Errorf("no %s", name))
		}
	}
	return errors.Join(errs...)
}

// Time is a deadline in words, in the recipient's zone: "до 18:00 завтра",
// "by 6 pm tomorrow", "明天18:00前". A nil zone means t's own. A locale that has
// no words gives "".
func Time(t time.Time, locale string, zone *time.Location, now time.Time) string {
	w := shipped()[base(locale)]
	if w == nil {
		return ""
	}
	return string(w.appendWhen(nil, &w.Deadline, t, zone, now))
}

// Moment is a point in time in words: "завтра в 9:00", "on March 16 at 9 am".
// Zone and locale are as in Time.
func Moment(t time.Time, locale string, zone *time.Location, now time.Time) string {
	w := shipped()[base(locale)]
	if w == nil {
		return ""
	}
	return string(w.appendWhen(nil, &w.Moment, t, zone, now))
}

// Date is a day in words, with the year where it is not now's: "12 марта".
// Zone and locale are as in Time.
func Date(t time.Time, locale string, zone *time.Location, now time.Time) string {
	w := shipped()[base(locale)]
	if w == nil {
		return ""
	}
	return string(w.appendDate(nil, t, zone, now))
}

// cut takes a form apart at its first name in braces: what stands before it, the
// name, and what follows it. Without one all of the form stands before, and last
// is true.
func cut(form string) (before, name, rest string, last bool) {
	open := strings.IndexByte(form, '{')
	if open < 0 {
		return form, "", "", true
	}
	end := strings.IndexByte(form[open:], '}')
	if end < 0 {
		return form, "", "", true
	}
	return form[:open], form[open+1 : open+end], form[open+end+1:], false
}

func (w *words) appendWhen(b []byte, r *relative, t time.Time, zone *time.Location, now time.Time) []byte {
	t, now = in(t, zone), now.In(in(t, zone).Location())
	form := r.Other
	switch daysBetween(now, t) {
	case 0:
		form = r.Today
	case 1:
		form = r.Tomorrow
	}
	for {
		before, name, rest, last := cut(form)
		b = append(b, before...)
		if last {
			return b
		}
		switch name {
		case "time":
			b = w.appendClock(b, t)
		case "date":
			b = w.appendDate(b, t, zone, now)
		default:
			b, rest = append(b, '{'), form[len(before)+1:]
		}
		form = rest
	}
}

// appendClock appends the time of day.
func (w *words) appendClock(b []byte, t time.Time) []byte {
	if t.Minute() == 0 {
		return t.AppendFormat(b, w.Clock.Full)
	}
	return t.AppendFormat(b, w.Clock.Minutes)
}

func in(t time.Time, zone *time.Location) time.Time {
	if zone == nil {
		return t
	}
	return t.In(zone)
}

// daysBetween counts calendar days, which a change of clocks makes 23 or 25 hours long.
func daysBetween(a, b time.Time) int {
	day := func(t time.Time) time.Time {
		y, m, d := t.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return int(day(b).Sub(day(a)) / (24 * time.Hour))
}

func (w *words) appendDate(b []byte, t time.Time, zone *time.Location, now time.Time) []byte {
	t = in(t, zone)
	form := w.Date
	if !now.IsZero() && t.Year() != now.In(t.Location()).Year() {
		form = w.DateYear
	}
	return w.appendDated(b, form, t)
}

func (w *words) appendDated(b []byte, form string, t time.Time) []byte {
	year, month, day := t.Date()
	for {
		before, name, rest, last := cut(form)
		b = append(b, before...)
		if last {
			return b
		}
		switch name {
		case "day":
			b = strconv.AppendInt(b, int64(day), 10)
		case "month":
			b = append(b, w.Months[month-1]...)
		case "year":
			b = strconv.AppendInt(b, int64(year), 10)
		case "dd":
			b = append(b, byte('0'+day/10), byte('0'+day%10))
		case "mm":
			b = append(b, byte('0'+month/10), byte('0'+month%10))
		case "mon":
			b = append(b, firstRunes(w.Months[month-1], 3)...)
		default:
			b, rest = append(b, '{'), form[len(before)+1:]
		}
		form = rest
	}
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
