package reply

import (
	"strconv"
	"strings"
	"time"
)

// The hours of a calling day: a time asked for without bounds ends or begins here.
const (
	dayBegins = 9
	dayEnds   = 21
)

// moment collects what a text says about a time.
type moment struct {
	days     int // from today, -1 when no day was named
	from, to int // minutes of the day, -1 when open
	after    bool
	before   bool
	pm, am   bool
	in       time.Duration
	part     bool
	span     int   // days that the time covers, 0 for one
	clocks   []int // clock times that the lexicon writes out, in minutes of the day
	month    time.Month
	day      int // of the month, 0 when no date was named
}

// when reads a requested time as an interval in the zone: an hour from an exact time, to the end of the calling day from
// "after six". It is nil without a moment to count from or when no time is named.
func (d *document) when(now time.Time, zone *time.Location) *Interval {
	if now.IsZero() {
		return nil
	}
	if zone != nil {
		now = now.In(zone)
	}
	m := moment{days: -1, from: -1, to: -1}
	for _, x := range d.mat {
		if x.tag == tagWhen && !d.partOfTime(x) {
			m.word(x.key, now)
		}
	}
	d.hours(&m)
	return m.interval(now)
}

// partOfTime tells whether a preposition stands inside a longer phrase of time: "past" in "half past".
func (d *document) partOfTime(m match) bool {
	if m.key != "after" && m.key != "before" {
		return false
	}
	for i := range d.mat {
		x := &d.mat[i]
		if x.tag == tagWhen && x.from <= m.from && x.to >= m.to && x.to-x.from > m.to-m.from {
			return true
		}
	}
	return false
}

// anchors are the words that make a text a time by themselves; others need a number
// beside them.
var anchors = map[string]bool{"today": true, "tomorrow": true, "aftertomorrow": true, "morning": true, "noon": true, "day": true, "afternoon": true, "evening": true,
	"hour": true, "halfhour": true, "monday": true, "tuesday": true, "wednesday": true, "thursday": true, "friday": true, "saturday": true, "sunday": true}

// onlyTime tells whether the text, apart from its answer, is nothing but a time: the answer to "better at
// another time?". A text that says anything else ("waited until noon") names none.
func (d *document) onlyTime() bool {
	anchored, number := false, false
	for _, m := range d.mat {
		if m.tag == tagWhen {
			anchored = anchored || anchors[m.key]
		}
	}
	bound := false
	for i := range d.toks {
		t := &d.toks[i]
		switch {
		case d.scored(i):
		case t.kind == kindNum:
			number = true
			bound = bound || d.glued(i+1, ":") && d.gluedNum(i+2)
		case t.kind == kindPunct, d.inside(i, tagThanks), d.inside(i, tagYes), d.inside(i, tagNo):
		case d.inside(i, tagWhen):
			_, counted := d.startingAt(i, tagUnit) // "3 часа" is as likely how long as when
			bound = bound || !counted
		case d.inside(i, tagNumber):
			number = true
		case !d.inside(i, tagUnit):
			return false
		}
	}
	return anchored || number && bound
}

var partsOfDay = map[string][2]int{
	"morning": {9 * 60, 12 * 60}, "noon": {12 * 60, 14 * 60}, "day": {12 * 60, 17 * 60}, "afternoon": {13 * 60, 18 * 60}, "evening": {18 * 60, 21 * 60},
}

var weekdays = map[string]time.Weekday{
	"monday": time.Monday, "tuesday": time.Tuesday, "wednesday": time.Wednesday, "thursday": time.Thursday, "friday": time.Friday,
	"saturday": time.Saturday, "sunday": time.Sunday,
}

func (m *moment) word(key string, now time.Time) {
	if p, ok := partsOfDay[key]; ok {
		if m.from < 0 || !m.part {
			m.from, m.to, m.part = p[0], p[1], true
		}
		m.pm = m.pm || key == "afternoon" || key == "evening" || key == "day"
		m.am = m.am || key == "morning"
		return
	}
	if wd, ok := weekdays[key]; ok {
		m.days, m.span = (int(wd)-int(now.Weekday())+6)%7+1, 0
		return
	}
	if clock, ok := strings.CutPrefix(key, "clock "); ok {
		if t, err := time.Parse("15:04", clock); err == nil {
			m.clocks = append(m.clocks, t.Hour()*60+t.Minute())
		}
		return
	}
	switch key {
	case "weekend":
		m.days, m.span = (int(time.Saturday)-int(now.Weekday())+7)%7, 2
	case "nextweek":
		m.days, m.span = (int(time.Monday)-int(now.Weekday())+6)%7+1, 5
	case "today":
		m.days = 0
	case "tomorrow":
		m.days = max(m.days, 1)
	case "aftertomorrow":
		m.days = 2
	case "after":
		m.after = true
	case "before":
		m.before = true
	case "pm":
		m.pm = true
	case "am":
		m.am = true
	case "hour":
		m.in = time.Hour
	case "halfhour":
		m.in = 30 * time.Minute
	}
}

// scored tells whether the token belongs to the naming of the score.
func (d *document) scored(i int) bool {
	for _, c := range d.score {
		if c[0] <= i && i < c[1] {
			return true
		}
	}
	return false
}

// hours reads clock times and numbers that stand as hours. Each line of a text replaces those of the lines before it.
func (d *document) hours(m *moment) {
	found, fresh := m.clocks, false
	add := func(v int) {
		if fresh {
			found, fresh = found[:0], false
		}
		found = append(found, v)
	}
	for i := 0; i < len(d.toks); i++ {
		t := &d.toks[i]
		if t.text == "\n" {
			fresh = true
		}
		if d.scored(i) {
			continue
		}
		if to := d.date(m, i); to > 0 {
			i = to - 1
			continue
		}
		v, to, minutes := -1, i+1, 0
		if t.kind == kindNum && t.val >= 0 && t.val < 25 && t.digits <= 2 {
			v = t.val
			if (d.glued(i+1, ":") || d.glued(i+1, ".") || d.glued(i+1, "-") || d.glued(i+1, "h")) && d.gluedNum(i+2) && d.toks[i+2].digits == 2 && d.toks[i+2].val < 60 {
				minutes, to = d.toks[i+2].val, i+3
			}
		} else if x, ok := d.startingAt(i, tagNumber); ok && x.num > 0 {
			v, to = x.num, x.to
		}
		if x, ok := d.endingAt(i, tagWhen); ok && v > 0 && to == i+1 {
			switch x.key {
			case "halfpast":
				minutes = 30
			case "quarterpast":
				minutes = 15
			case "quarterto":
				v, minutes = v-1, 45
			}
		}
		if x, ok := d.startingAt(to, tagWhen); ok && v > 0 && minutes == 0 && x.key == "halfhour behind" {
			add(v*60 + 30)
			i = x.to - 1
			continue
		}
		if v < 0 || d.phone(i) > 0 {
			if p := d.phone(i); p > i {
				i = p - 1
			}
			continue
		}
		if d.relative(m, i, to, v) {
			i = to - 1
			continue
		}
		if to-i == 3 && t.kind == kindNum || d.hourAround(i, to) || len(found) > 0 && !fresh {
			add(v*60 + minutes)
		}
		i = to - 1
	}
	m.clock(found)
}

// date reads "30 ноября" or "May 5" as the next such day and gives the token after it, 0 when there is none.
func (d *document) date(m *moment, i int) int {
	t := &d.toks[i]
	if t.kind != kindNum || t.val < 1 || t.val > 31 {
		return 0
	}
	x, ok := d.startingAt(i+1, tagWhen)
	to := x.to
	if !ok || !strings.HasPrefix(x.key, "month ") {
		x, ok = d.endingAt(i, tagWhen)
		to = i + 1
	}
	name, isMonth := strings.CutPrefix(x.key, "month ")
	month, err := strconv.Atoi(name)
	if !ok || !isMonth || err != nil {
		return 0
	}
	m.month, m.day = time.Month(month), t.val
	return to
}

// relative reads "in two hours".
func (d *document) relative(m *moment, i, to, v int) bool {
	if x, ok := d.endingAt(i, tagWhen); !ok || x.key != "in" {
		return false
	}
	if x, ok := d.startingAt(to, tagUnit); ok {
		switch x.key {
		case "hour":
			m.in = time.Duration(v) * time.Hour
			return true
		case "minute":
			m.in = time.Duration(v) * time.Minute
			return true
		}
	}
	return false
}

// hourAround tells whether words around make the number an hour.
func (d *document) hourAround(i, to int) bool {
	if x, ok := d.startingAt(to, tagWhen); ok && (x.key == "pm" || x.key == "am" || x.key == "oclock" || x.key == "after" || x.key == "before" || x.key == "evening" || x.key == "morning" || x.key == "day") {
		return true
	}
	if x, ok := d.startingAt(to, tagUnit); ok && x.key == "hour" {
		return true
	}
	x, ok := d.endingAt(i, tagWhen)
	return ok && x.key != "in" && x.key != "filler"
}

// clock turns the hours into bounds; an hour of 1 to 8 without am or pm is one in the afternoon.
func (m *moment) clock(found []int) {
	for i := range found {
		h := found[i]
		if h < 12*60 && (m.pm || !m.am && h < 9*60) {
			found[i] = h + 12*60
		}
	}
	switch {
	case len(found) == 0:
	case len(found) >= 2 && found[1] > found[0]:
		m.from, m.to = found[0], found[1]
	case m.after:
		m.from, m.to = found[0], dayEnds*60
	case m.before:
		m.from, m.to = dayBegins*60, found[0]
	default:
		m.from, m.to = found[0], found[0]+60
	}
	if len(found) == 0 && m.part {
		switch {
		case m.after:
			m.from, m.to = m.to, dayEnds*60
			if m.from >= m.to {
				m.from = 18 * 60
			}
		case m.before:
			m.from, m.to = dayBegins*60, m.from
		}
	}
}

func (m *moment) interval(now time.Time) *Interval {
	if m.in > 0 {
		from := now.Add(m.in).Truncate(time.Minute)
		return &Interval{from, from.Add(time.Hour)}
	}
	if m.day > 0 {
		y, mo, today := now.Date()
		if m.month < mo || m.month == mo && m.day < today {
			y++
		}
		midnight := time.Date(now.Year(), mo, today, 0, 0, 0, 0, time.UTC) // days of other zones may have 23 hours
		m.days = int(time.Date(y, m.month, m.day, 0, 0, 0, 0, time.UTC).Sub(midnight).Hours() / 24)
	}
	if m.days < 0 && m.from < 0 {
		return nil
	}
	if m.from < 0 {
		m.from, m.to = dayBegins*60, dayEnds*60
	}
	if m.to <= m.from {
		m.to = m.from + 60
	}
	days := max(m.days, 0)
	iv := at(now, days, m.from, m.to)
	if m.span > 0 {
		iv.To = iv.To.AddDate(0, 0, m.span-1)
	}
	if !iv.To.After(now) && m.days < 0 {
		iv = at(now, 1, m.from, m.to)
	}
	return &iv
}

func at(now time.Time, days, from, to int) Interval {
	y, mo, day := now.Date()
	return Interval{
		From: time.Date(y, mo, day+days, from/60, from%60, 0, 0, now.Location()),
		To:   time.Date(y, mo, day+days, to/60, to%60, 0, 0, now.Location()),
	}
}

// zoneOf loads a zone by name; an empty or unknown name gives nil.
func zoneOf(name string) *time.Location {
	if strings.TrimSpace(name) == "" {
		return nil
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return z
}
