// Package program owns which event leads to which outreach, when: program
// definitions, the pure rule Plan, and the planner that takes stored events up in
// batches. It never sends and never decides whether a message may leave; dispatch
// and policy do.
package program

import (
	"fmt"
	"io/fs"
	"path"
	"time"

	"go.yaml.in/yaml/v3"

	"otklik/channels"
	"otklik/internal/outreach"
)

// Definition is a program as its file states it.
type Definition struct {
	ID      string            `yaml:"id"`
	Title   map[string]string `yaml:"title"`
	Trigger string            `yaml:"trigger"`
	// Responsible is the role that answers for the program (R005).
	Responsible string `yaml:"responsible"`
	// MergeWithin joins occasions of one person into one outreach.
	MergeWithin time.Duration `yaml:"merge_within"`
	Steps       []Step        `yaml:"steps"`
	// Version counts changed contents in the database; 1 for the first.
	Version int `yaml:"-"`
}

// Step is one outreach of a program. The times are offsets from the event.
type Step struct {
	ID      string           `yaml:"id"`
	Purpose outreach.Purpose `yaml:"purpose"`
	// Survey is the definition that is asked; "" for a plain message.
	Survey string `yaml:"survey"`
	// Channels is the ladder from which the first usable channel is taken.
	// Phone alone opens a task.
	Channels []channels.Kind `yaml:"channels"`
	// Unless drops the step when it has become needless: "answered".
	Unless string `yaml:"unless"`
	// Earliest is when the step may begin, Target when it should be over,
	// Deadline after which nothing is sent (invariant 15).
	Earliest time.Duration `yaml:"earliest"`
	Target   time.Duration `yaml:"target"`
	Deadline time.Duration `yaml:"deadline"`
}

// Phone tells whether the step is a call: it opens a task instead of sending.
func (s Step) Phone() bool { return len(s.Channels) == 1 && s.Channels[0] == channels.Phone }

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

// Parse reads a definition and names the first thing that is wrong in it.
func Parse(name string, data []byte) (*Definition, error) {
	d := &Definition{Version: 1}
	if err := yaml.Unmarshal(data, d); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	bad := func(format string, args ...any) (*Definition, error) {
		return nil, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...))
	}
	switch {
	case d.ID == "":
		return bad("id is missing")
	case d.Trigger == "":
		return bad("trigger is missing")
	case d.Responsible == "":
		return bad("responsible is missing: a program does not start without one (R005)")
	case len(d.Steps) == 0:
		return bad("steps are missing")
	}
	seen := map[string]bool{}
	for _, s := range d.Steps {
		switch {
		case s.ID == "" || seen[s.ID]:
			return bad("step id %q is missing or used twice", s.ID)
		case len(s.Channels) == 0:
			return bad("step %s names no channel", s.ID)
		case s.Purpose == "":
			return bad("step %s has no purpose", s.ID)
		case s.Earliest < 0 || s.Target < s.Earliest || s.Deadline < s.Target:
			return bad("step %s: earliest, target and deadline must follow each other", s.ID)
		case s.Unless != "" && s.Unless != UnlessAnswered:
			return bad("step %s: unless %q is not known", s.ID, s.Unless)
		}
		seen[s.ID] = true
	}
	return d, nil
}

// UnlessAnswered drops a step once the customer has answered on any channel.
const UnlessAnswered = "answered"

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
