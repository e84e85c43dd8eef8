package policy

import (
	_ "embed"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"otklik/internal/outreach"
)

//go:embed rules.yaml
var defaultRules []byte

// Rules are the windows, caps and basis table, as data.
type Rules struct {
	Windows map[string]Windows           `yaml:"windows"`
	Caps    []Cap                        `yaml:"caps"`
	Basis   map[string]map[string]string `yaml:"basis"`
	Tact    Tact                         `yaml:"tact"`
}

// Windows are the hours of one country.
type Windows struct {
	Service  Window `yaml:"service"`
	Survey   Window `yaml:"survey"`
	Greeting Window `yaml:"greeting"`
	Ad       Window `yaml:"ad"`
	// WeekendFrom is when anything may begin on Saturday and Sunday.
	WeekendFrom clockTime `yaml:"weekend_from"`
}

// Cap is a bound on sends to one person over days.
type Cap struct {
	Purpose string `yaml:"purpose"`
	Days    int    `yaml:"days"`
	Most    int    `yaml:"most"`
}

// String is the cap in figures: "survey 1/30d".
func (c Cap) String() string { return fmt.Sprintf("%s %d/%dd", c.Purpose, c.Most, c.Days) }

func (c Cap) counts(p outreach.Purpose) bool {
	switch c.Purpose {
	case "any":
		return p.Capped()
	case string(outreach.Survey):
		return p == outreach.Survey || p == outreach.Reminder
	}
	return c.Purpose == string(p)
}

// Default gives the shipped rules.
func Default() (*Rules, error) { return Parse(defaultRules) }

// Parse reads rules from YAML.
func Parse(data []byte) (*Rules, error) {
	var r Rules
	if err := yaml.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("reading policy rules: %w", err)
	}
	if _, ok := r.Windows["default"]; !ok {
		return nil, fmt.Errorf("reading policy rules: windows lack a default")
	}
	if r.Basis["default"] == nil {
		return nil, fmt.Errorf("reading policy rules: basis lacks a default")
	}
	for _, c := range r.Caps {
		if c.Days <= 0 || c.Most <= 0 {
			return nil, fmt.Errorf("reading policy rules: cap %s needs days and most above zero", c)
		}
	}
	if t := r.Tact; t.LowScoreDays <= 0 || t.Recheck <= 0 || t.ApprovalAbove <= 0 || t.SoonFrom <= 0 || len(t.Greetings) == 0 {
		return nil, fmt.Errorf("reading policy rules: tact needs low_score_days, recheck, approval_above, soon_from and greetings")
	}
	return &r, nil
}

// Ahead is how far ahead planned messages can matter: the longest cap that counts
// several purposes.
func (r *Rules) Ahead() time.Duration {
	var most time.Duration
	for _, c := range r.Caps {
		if c.Purpose == "any" {
			most = max(most, time.Duration(c.Days)*24*time.Hour)
		}
	}
	return most
}

func (r *Rules) basis(country string, p outreach.Purpose) string {
	key := string(p)
	if p == outreach.Reminder {
		key = string(outreach.Survey)
	}
	if b, ok := r.Basis[country][key]; ok {
		return b
	}
	return r.Basis["default"][key]
}

func (r *Rules) window(country string, p outreach.Purpose) Window {
	ws, ok := r.Windows[country]
	if !ok {
		ws = r.Windows["default"]
	}
	var w Window
	switch p {
	case outreach.Survey, outreach.Reminder:
		w = ws.Survey
	case outreach.Greeting:
		w = ws.Greeting
	case outreach.Ad:
		w = ws.Ad
	default:
		w = ws.Service
	}
	w.weekend = max(w.From, time.Duration(ws.WeekendFrom))
	return w
}

// Window is a span of the day, from midnight, in the recipient's zone.
type Window struct {
	From, To time.Duration
	weekend  time.Duration
	// text is String of a window that was read: each verdict names one.
	text string
}

// String is "09:00-20:00".
func (w Window) String() string {
	if w.text != "" {
		return w.text
	}
	return clock(w.From) + "-" + clock(w.To)
}

// ParseHours reads a person's own hours: "11:00-19:00", "11:00-" or "-19:00"; "" is none.
func ParseHours(s string) (Window, error) {
	if s == "" {
		return Window{}, nil
	}
	from, to, ok := strings.Cut(s, "-")
	w := Window{To: 24 * time.Hour}
	var err1, err2 error
	if from != "" {
		w.From, err1 = parseClock(from)
	}
	if to != "" {
		w.To, err2 = parseClock(to)
	}
	if !ok || from+to == "" || err1 != nil || err2 != nil || w.To <= w.From {
		return Window{}, fmt.Errorf("%q are not hours like 11:00-19:00", s)
	}
	return w, nil
}

// and is what of the window lies in a person's own hours: all of it where he has none,
// or none of it does, since then nothing could ever leave.
func (w Window) and(own Window) Window {
	from, to := max(w.From, own.From), min(w.To, own.To)
	if own.To == 0 || from >= to || own.From <= w.From && own.To >= w.To {
		return w
	}
	return Window{From: from, To: to, weekend: max(w.weekend, from)}
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}

// UnmarshalYAML reads "09:00-20:00".
func (w *Window) UnmarshalYAML(n *yaml.Node) error {
	from, to, ok := strings.Cut(n.Value, "-")
	a, err1 := parseClock(from)
	b, err2 := parseClock(to)
	if !ok || err1 != nil || err2 != nil || b <= a {
		return fmt.Errorf("line %d: %q is not a window like 09:00-20:00", n.Line, n.Value)
	}
	w.From, w.To = a, b
	w.text = clock(a) + "-" + clock(b)
	return nil
}

type clockTime time.Duration

// UnmarshalYAML reads "11:00".
func (c *clockTime) UnmarshalYAML(n *yaml.Node) error {
	d, err := parseClock(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is not a time like 11:00", n.Line, n.Value)
	}
	*c = clockTime(d)
	return nil
}

func parseClock(s string) (time.Duration, error) {
	t, err := time.Parse("15:04", strings.TrimSpace(s))
	if err != nil {
		return 0, err
	}
	return sinceMidnight(t), nil
}

func sinceMidnight(t time.Time) time.Duration {
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
}

// Next is the first moment at or after t that lies in the window, in the zone's
// own wall time; t itself when it does. On a day whose opening hour does not exist
// (DST) the window opens with the first hour that does.
func (w Window) Next(t time.Time, zone *time.Location) time.Time {
	at, _ := w.next(t, zone)
	return at
}

// next is Next with the moment at which the window shuts behind it.
func (w Window) next(t time.Time, zone *time.Location) (at, shuts time.Time) {
	local := t.In(zone)
	y, m, d := local.Date()
	for i := 0; ; i++ {
		day := time.Date(y, m, d+i, 12, 0, 0, 0, zone)
		from := w.From
		if wd := day.Weekday(); wd == time.Saturday || wd == time.Sunday {
			from = max(from, w.weekend)
		}
		if from >= w.To {
			continue
		}
		open, shut := wall(day, from), wall(day, w.To)
		switch {
		case t.Before(open):
			return open.UTC(), shut.UTC()
		case t.Before(shut):
			return t, shut.UTC()
		}
	}
}

// wall is a time of day on a date.
func wall(day time.Time, d time.Duration) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), int(d/time.Hour), int(d%time.Hour/time.Minute), 0, 0, day.Location())
}
