package app

import (
	"bytes"
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
	programs := map[int]*program.Definition{}
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
			out[i].Err = fmt.Errorf("%s: %s", out[i].Name, program.Said(missing, "\n"+out[i].Name+": "))
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
