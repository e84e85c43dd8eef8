package program

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"otklik/internal/definition"
)

// Problem is one thing wrong in a program's file, or in an audience. Its line is 0 where
// something is not there, and where there is no file.
type Problem struct {
	definition.Problem
	// Step is the id of the step that is meant; "" with InStep where it has none.
	Step   string
	InStep bool
}

// Error is "file:line: text", with the id of the step if one is meant; without a line
// where something is not there, and the text alone of an audience.
func (p Problem) Error() string {
	text := p.Text
	if p.InStep {
		text = "step " + p.Step + ": " + text
	}
	switch {
	case p.File == "":
		return text
	case p.Line == 0:
		return p.File + ": " + text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, text)
}

// Refused is the error of a definition or an audience with all that is wrong in it.
type Refused struct {
	Problems []Problem
	err      error
}

// Error has a line per problem.
func (r *Refused) Error() string { return r.err.Error() }

// Unwrap gives what the YAML library said.
func (r *Refused) Unwrap() error { return r.err }

// refused is the error of some problems; nil of none.
func refused(ps []Problem) error {
	if len(ps) == 0 {
		return nil
	}
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return &Refused{ps, errors.Join(errs...)}
}

// unread is the error of what the YAML library refuses in a file, or in an audience, which
// has no name.
func unread(name string, cause error) error {
	var ps []Problem
	if bad := new(offsetError); errors.As(cause, &bad) {
		ps = []Problem{{Problem: problemTexts.Problem(name, bad.line, "offset", bad.text)}}
	} else {
		for _, p := range definition.YAML(name, cause) {
			ps = append(ps, Problem{Problem: p})
		}
	}
	if name == "" {
		return &Refused{ps, cause}
	}
	return refused(ps)
}

// checker collects what is wrong in a file.
type checker struct {
	file     string
	root     yaml.Node
	problems []Problem
}

// bad notes a problem of the whole program, on the line of a field where it is there.
func (c *checker) bad(field, code string, args ...any) {
	line := 0
	if n := fieldOf(&c.root, field); n != nil {
		line = n.Line
	}
	c.problems = append(c.problems, Problem{Problem: problemTexts.Problem(c.file, line, code, args...)})
}

// inStep notes problems of the step with an index.
func (c *checker) inStep(i int, id string) func(code string, args ...any) {
	line := definition.Line(&c.root, "steps", i)
	return func(code string, args ...any) {
		c.problems = append(c.problems, Problem{Problem: problemTexts.Problem(c.file, line, code, args...), Step: id, InStep: true})
	}
}

// fieldOf is the key of a field at the top of a document, nil where it is not there.
func fieldOf(root *yaml.Node, field string) *yaml.Node {
	if len(root.Content) == 0 {
		return nil
	}
	top := root.Content[0]
	for i := 0; top.Kind == yaml.MappingNode && i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value == field {
			return top.Content[i]
		}
	}
	return nil
}

// Codes are the codes of all that Parse and ParseAudience say, with how many
// args each has, beside definition.YAMLCodes.
func Codes() map[string]int { return problemTexts.Codes() }

// problemTexts are what Parse and ParseAudience say, for the command line; the console's
// catalogue has a text for each code, too.
var problemTexts = definition.Texts{
	// A program.
	"program_id":          "id is missing",
	"program_trigger":     "trigger is missing",
	"program_responsible": "responsible is missing: a program does not start without one (R005)",
	"program_event":       "trigger %q is neither an event like visit_completed nor birthday, car_birthday or dates",
	"program_cancel":      "%q is no event like appointment_canceled",
	"program_role":        "responsible %q is no role like operator, service_manager or marketer",
	"program_steps":       "steps are missing",
	"program_start":       "start %q is neither on nor off",
	"program_launch":      "launch %q is not known: human, or nothing",
	"program_on":          "on lists the days of a program with the trigger %s, and only of such",
	"day_or_holiday":      "on: each entry has either a day or a holiday",
	"day":                 "on: day %q is not a day like 03-08",
	"date":                "on: day %q is neither a day like 03-08 nor a date like 2027-05-09",
	"offset":              "%q is not an offset like 24h, 3d 10:00, 7wd, 1mo or -1d 18:00",
	// Its audience.
	"audience_gender": "audience: gender %q is neither female nor male",
	"audience_among":  "audience: %q is neither only nor too",
	// A step.
	"step_id":       "its id is missing or used twice",
	"step_channels": "it names no channel",
	"step_channel":  "channel %q is not known: sms, email, telegram, or phone alone",
	"step_kind":     "task %q is no kind of task like no_show_call or prospect_call",
	"step_owner":    "owner %q is neither a role nor advisor or consultant",
	"step_phone":    "phone stands alone: it opens a task",
	"step_paper":    "paper stands alone: it opens a task",
	"step_typist":   "a sheet cannot be the task of %s: one of %s",
	"step_purpose":  "purpose %q is none of service, survey, reminder, greeting, ad",
	"step_empty":    "it has neither survey nor message",
	"step_advisor":  "owner advisor would ask about himself: who is rated does not ask his own customer; leave owner out, or name another role",
	"step_task":     "only a step on the phone alone opens a task",
	"step_times":    "earliest, target and deadline must follow each other",
	"step_unless":   "unless %q is not known",
	"step_late":     "late %q is none of skip, send, ask",
}
