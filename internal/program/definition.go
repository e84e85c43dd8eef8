// Package program owns what leads to which outreach, when: program definitions, the
// pure rule Plan, and the planner that takes stored events up in batches and writes
// dates out ahead. It never sends and never decides whether a message may leave;
// dispatch and policy do.
package program

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"otklik/channels"
	"otklik/internal/calendar"
	"otklik/internal/outreach"
	"otklik/internal/store"
)

// Triggers that are dates; every other trigger is a kind of event.
const (
	// Birthday is each contact's own.
	Birthday = "birthday"
	// CarBirthday is the day on which a car was handed over (R050).
	CarBirthday = "car_birthday"
	// Dates are those that the definition lists, for everybody (R051, R052).
	Dates = "dates"
)

// Definition is a program as its file states it.
type Definition struct {
	ID      string            `yaml:"id"`
	Title   map[string]string `yaml:"title"`
	Trigger string            `yaml:"trigger"`
	// On lists the days of a program with the trigger Dates.
	On []Day `yaml:"on"`
	// Start says whether a dealer who has decided nothing runs the program: "on" or
	// "off".
	Start string `yaml:"start"`
	// Launch is "human" where each occasion waits for a named person (R055).
	Launch string `yaml:"launch"`
	// Countries are those whose dealers may run the program; empty for all.
	Countries []string `yaml:"countries"`
	Audience  Audience `yaml:"audience"`
	// Responsible is the role that answers for the program (R005).
	Responsible string `yaml:"responsible"`
	// MergeWithin joins occasions of one person into one outreach.
	MergeWithin time.Duration `yaml:"merge_within"`
	// Cancel are kinds of event that end what stands about the same subject;
	// CancelAll end all that stands of the program for the person.
	Cancel    []string `yaml:"cancel"`
	CancelAll []string `yaml:"cancel_all"`
	Steps     []Step   `yaml:"steps"`
	// Version counts changed contents in the database; 1 for the first.
	Version int `yaml:"-"`

	// local: a step's time depends on where the recipient is.
	local bool
}

// Day is a day of a year, every year or once.
type Day struct {
	// Day is "03-08" each year or "2027-05-09" once.
	Day string `yaml:"day"`
	// Holiday is an id of the calendar package.
	Holiday string `yaml:"holiday"`
}

// Step is one outreach of a program. The times are offsets from the occasion.
type Step struct {
	ID      string           `yaml:"id"`
	Purpose outreach.Purpose `yaml:"purpose"`
	// Survey is the definition that is asked; "" for a plain message.
	Survey string `yaml:"survey"`
	// Message is the text of templates/messages that is sent; before the first
	// question where the step has a survey too (R053).
	Message string `yaml:"message"`
	// Channels is the ladder from which the first usable channel is taken.
	// Phone alone opens a task, and so does paper.
	Channels []channels.Kind `yaml:"channels"`
	// Task is the kind of task that a phone step opens; "" for a survey call.
	Task string `yaml:"task"`
	// Owner is whose task it is: a role, or "advisor" and "consultant" for the
	// person of the occasion. "" leaves it to whoever takes it. A paper entry is that of a
	// role: the operators' where none is named.
	Owner string `yaml:"owner"`
	// Unless drops the step when it has become needless.
	Unless string `yaml:"unless"`
	// Earliest is when the step may begin, Target when it should be over,
	// Deadline after which nothing is sent unless Late says so (invariant 15).
	Earliest Offset `yaml:"earliest"`
	Target   Offset `yaml:"target"`
	Deadline Offset `yaml:"deadline"`
	// Late is what happens past the deadline: "skip", "send", or "ask" the person
	// who answers for the program. Never silent.
	Late string `yaml:"late"`
}

// What may become of a step past its deadline.
const (
	LateSkip = "skip"
	LateSend = "send"
	LateAsk  = "ask"
)

// Conditions that make a step needless.
const (
	// UnlessAnswered: the customer has answered on any channel.
	UnlessAnswered = "answered"
	// UnlessVisited: the customer has come since the occasion.
	UnlessVisited = "visited"
	// UnlessArrived: the appointment is kept or canceled.
	UnlessArrived = "arrived"
	// UnlessSettled: the prospect has bought or declined.
	UnlessSettled = "settled"
)

// LaunchHuman waits for a named person.
const LaunchHuman = "human"

// Phone tells whether the step is a call: it opens a task instead of sending.
func (s Step) Phone() bool { return len(s.Channels) == 1 && s.Channels[0] == channels.Phone }

// Paper tells whether the step is a sheet that is handed out: it opens a task instead of
// sending.
func (s Step) Paper() bool { return len(s.Channels) == 1 && s.Channels[0] == channels.Paper }

// Asks is the survey that a step is about: its own, else that of the step before it.
func (d *Definition) Asks(step string) string {
	asks := ""
	for _, s := range d.Steps {
		if s.Survey != "" {
			asks = s.Survey
		}
		if s.ID == step {
			return asks
		}
	}
	return ""
}

// Step finds a step.
func (d *Definition) Step(id string) (Step, bool) {
	for _, s := range d.Steps {
		if s.ID == id {
			return s, true
		}
	}
	return Step{}, false
}

// Dated tells whether the program follows dates rather than events.
func (d *Definition) Dated() bool {
	return d.Trigger == Birthday || d.Trigger == CarBirthday || d.Trigger == Dates
}

// Parse reads a definition. What has anything wrong is Refused, with all that is, each
// with its line where it has one.
func Parse(name string, data []byte) (*Definition, error) {
	d := &Definition{Version: 1, Start: "on"}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(d); err != nil && !errors.Is(err, io.EOF) {
		return nil, unread(name, err)
	}
	c := &checker{file: name}
	_ = yaml.Unmarshal(data, &c.root) // only for the lines: Decode has read it
	d.check(c.bad)
	seen := map[string]bool{}
	for i := range d.Steps {
		s := &d.Steps[i]
		if s.Late == "" {
			s.Late = LateSkip
		}
		bad := c.inStep(i, s.ID)
		if s.ID == "" || seen[s.ID] {
			bad("step_id")
		}
		seen[s.ID] = true
		s.check(bad)
		d.local = d.local || s.Earliest.Local() || s.Target.Local() || s.Deadline.Local()
	}
	if err := refused(c.problems); err != nil {
		return nil, err
	}
	return d, nil
}

func (d *Definition) check(bad func(field, code string, args ...any)) {
	if d.ID == "" {
		bad("id", "program_id")
	}
	if d.Trigger == "" {
		bad("trigger", "program_trigger")
	} else if !d.Dated() && !slices.Contains(store.Events(), d.Trigger) {
		bad("trigger", "program_event", d.Trigger)
	}
	unknown := func(field string, kinds []string) {
		for _, k := range kinds {
			if !slices.Contains(store.Events(), k) {
				bad(field, "program_cancel", k)
			}
		}
	}
	unknown("cancel", d.Cancel)
	unknown("cancel_all", d.CancelAll)
	if d.Responsible == "" {
		bad("responsible", "program_responsible")
	} else if !slices.Contains(store.Roles(), d.Responsible) {
		bad("responsible", "program_role", d.Responsible)
	}
	if len(d.Steps) == 0 {
		bad("steps", "program_steps")
	}
	if d.Start != "on" && d.Start != "off" {
		bad("start", "program_start", d.Start)
	}
	if d.Launch != "" && d.Launch != LaunchHuman {
		bad("launch", "program_launch", d.Launch)
	}
	if (d.Trigger == Dates) != (len(d.On) > 0) && d.Launch != LaunchHuman {
		bad("on", "program_on", Dates)
	}
	for _, x := range d.On {
		x.check(func(code string, args ...any) { bad("on", code, args...) })
	}
	d.Audience.check(func(code string, args ...any) { bad("audience", code, args...) })
}

func (x Day) check(bad func(code string, args ...any)) {
	switch {
	case (x.Day == "") == (x.Holiday == ""):
		bad("day_or_holiday")
	case x.Holiday != "": // whether there is such a holiday is seen when the program starts
	case len(x.Day) == len("01-02"):
		if _, err := calendar.Parse("2000-" + x.Day); err != nil { // a leap year
			bad("day", x.Day)
		}
	default:
		if _, err := calendar.Parse(x.Day); err != nil {
			bad("date", x.Day)
		}
	}
}

// taskKinds are the kinds of task that a step may open: those that stand in a queue.
func taskKinds() []string {
	return []string{store.TaskSurveyCall, store.TaskNoShow, store.TaskProspect, store.TaskWarrantySlot, store.TaskNext, store.TaskCallback}
}

// typists are the roles whose task a paper entry may be: those that have a queue.
func typists() []string {
	return []string{store.RoleOperator, store.RoleManager, store.RoleAdvisor, store.RoleConsultant}
}

func (s *Step) check(bad func(code string, args ...any)) {
	if len(s.Channels) == 0 {
		bad("step_channels")
	}
	for _, ch := range s.Channels {
		switch ch {
		case channels.SMS, channels.Email, channels.Telegram:
		case channels.Phone:
			if len(s.Channels) > 1 {
				bad("step_phone")
			}
		case channels.Paper:
			if len(s.Channels) > 1 {
				bad("step_paper")
			}
		default:
			bad("step_channel", ch)
		}
	}
	switch s.Purpose {
	case outreach.Service, outreach.Survey, outreach.Reminder, outreach.Greeting, outreach.Ad:
	default:
		bad("step_purpose", s.Purpose)
	}
	if !s.Phone() && !s.Paper() && s.Survey == "" && s.Message == "" {
		bad("step_empty")
	}
	if s.Owner == "advisor" && s.Phone() && (s.Task == "" || s.Task == store.TaskSurveyCall) {
		bad("step_advisor")
	}
	if s.Paper() && s.Owner != "" && !slices.Contains(typists(), s.Owner) {
		bad("step_typist", s.Owner, strings.Join(typists(), ", "))
	}
	if s.Task != "" && !s.Phone() {
		bad("step_task")
	} else if s.Task != "" && !slices.Contains(taskKinds(), s.Task) {
		bad("step_kind", s.Task)
	}
	if s.Owner != "" && s.Owner != "advisor" && s.Owner != "consultant" && !slices.Contains(store.Roles(), s.Owner) {
		bad("step_owner", s.Owner)
	}
	if s.Earliest.after(s.Target) || s.Target.after(s.Deadline) {
		bad("step_times")
	}
	if s.Unless != "" && !slices.Contains([]string{UnlessAnswered, UnlessVisited, UnlessArrived, UnlessSettled}, s.Unless) {
		bad("step_unless", s.Unless)
	}
	if !slices.Contains([]string{LateSkip, LateSend, LateAsk}, s.Late) {
		bad("step_late", s.Late)
	}
}

// Load reads all definitions of a folder.
func Load(fsys fs.FS, dir string) (map[string]*Definition, error) {
	names, err := fs.Glob(fsys, path.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	out := map[string]*Definition{}
	for _, name := range names {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("reading a program: %w", err)
		}
		d, err := Parse(name, b)
		if err != nil {
			return nil, err
		}
		if out[d.ID] != nil {
			return nil, fmt.Errorf("%s: program %s is defined twice", name, d.ID)
		}
		out[d.ID] = d
	}
	return out, nil
}

// In tells whether dealers of a country may run the program.
func (d *Definition) In(country string) bool {
	return len(d.Countries) == 0 || slices.Contains(d.Countries, country)
}

// Has tells whether a step has the purpose.
func (d *Definition) Has(p outreach.Purpose) bool {
	return slices.ContainsFunc(d.Steps, func(s Step) bool { return s.Purpose == p })
}
