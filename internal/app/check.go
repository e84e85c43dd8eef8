package app

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"otklik/internal/calendar"
	"otklik/internal/program"
	"otklik/internal/render"
	"otklik/internal/survey"
	"otklik/templates"
)

// Checked is what `otklik definitions check` says of one file: what refuses it, and
// what a person should look at.
type Checked struct {
	Name     string
	Err      error
	Warnings []string
}

// Check checks files of surveys and programs together: a program is held against the
// surveys among them, else against the shipped ones, in the locales of its title.
func Check(names []string, read func(name string) ([]byte, error)) ([]Checked, error) {
	r, err := render.New(templates.FS)
	if err != nil {
		return nil, err
	}
	book, err := calendar.Default()
	if err != nil {
		return nil, err
	}
	lint, err := survey.NewLint()
	if err != nil {
		return nil, err
	}
	out := make([]Checked, len(names))
	programs, contents := map[int]*program.Definition{}, map[int]string{}
	for i, name := range names {
		c := &out[i]
		c.Name = name
		data, err := read(name)
		if err != nil {
			c.Err = err
			continue
		}
		if isProgram(data) {
			programs[i], c.Err = program.Parse(name, data)
			contents[i] = string(data)
			continue
		}
		c.Err = c.survey(r, data)
		for _, p := range lint.Check(name, data) {
			c.Warnings = append(c.Warnings, p.Error())
		}
	}
	for i, p := range programs {
		if out[i].Err != nil {
			continue
		}
		if missing := program.Launch(p, program.Texts{Survey: r.Definition, Message: r.MessageLocales, Book: book}, slices.Sorted(maps.Keys(p.Title))); len(missing) > 0 {
			out[i].Err = lacking(out[i].Name, p, contents[i], missing)
		}
	}
	return out, nil
}

func (c *Checked) survey(r *render.Renderer, data []byte) error {
	def, err := survey.Parse(c.Name, data)
	if err != nil {
		return err
	}
	for _, p := range def.Warnings {
		c.Warnings = append(c.Warnings, p.Error())
	}
	if err := r.Put(def); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	nameless, err := r.Nameless(def)
	c.Warnings = append(c.Warnings, nameless...)
	return err
}

// isProgram tells a program from a survey: it has a trigger.
func isProgram(data []byte) bool {
	return bytes.Contains(data, []byte("\ntrigger:")) || bytes.HasPrefix(data, []byte("trigger:"))
}

// lacking says what a program refers to and what is not there, each with its line.
func lacking(name string, p *program.Definition, content string, missing []program.Missing) error {
	errs := make([]error, len(missing))
	for i, m := range missing {
		where := name
		if line := lineOf(m, p, content); line > 0 {
			where = fmt.Sprintf("%s:%d", name, line)
		}
		errs[i] = fmt.Errorf("%s: %s", where, m)
	}
	return errors.Join(errs...)
}
