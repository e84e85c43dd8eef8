package app

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.yaml.in/yaml/v3"

	"otklik/channels"
	"otklik/internal/console"
	"otklik/internal/definition"
	"otklik/internal/program"
	"otklik/internal/render"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// editor is what the console edits definitions with.
func (a *App) editor() *console.Definitions {
	return &console.Definitions{Check: a.checkDefinition, Save: a.saveDefinition,
		Preview: func(d store.Dealer, kind, id, locale string, ch channels.Kind) ([]console.Part, error) {
			surveyID, programID := id, ""
			if kind == kindProgram {
				surveyID, programID = "", id
			}
			parts, err := a.Preview(d, surveyID, programID, locale, ch)
			out := make([]console.Part, len(parts))
			for i, p := range parts {
				out[i] = console.Part{Name: p.Name, Content: p.Content}
			}
			return out, err
		}}
}

// neutral is the lint of all languages, compiled once.
var neutral = sync.OnceValues(survey.NewLint)

// checkDefinition says what is wrong with a content, and what a person should look at;
// it changes nothing.
func (a *App) checkDefinition(kind, id, content string) (wrong, warnings []console.Finding, err error) {
	if kind == kindProgram {
		wrong, warnings = a.checkProgram(id, content)
		return wrong, warnings, nil
	}
	lint, err := neutral()
	if err != nil {
		return nil, nil, err
	}
	def, err := survey.Parse(id, []byte(content))
	if err != nil {
		return findings(err, content), nil, nil
	}
	if def.ID != id {
		return []console.Finding{otherID(def.ID, id)}, nil, nil
	}
	impersonal, err := a.renderer.Try(def)
	if err != nil {
		return findings(err, content), nil, nil
	}
	for _, p := range append(def.Warnings, lint.Check(id, []byte(content))...) {
		warnings = append(warnings, console.Finding{Line: p.Line, Code: p.Code, Args: p.Args})
	}
	invite := []any{"invite"}
	if def.Messages["invite"] != "" {
		invite = []any{"messages", "invite"}
	}
	for _, x := range impersonal {
		warnings = append(warnings, console.Finding{Line: lineAt(content, append(invite, x.Locale)...), Code: render.Nameless, Args: []string{x.Locale, string(x.Channel)}})
	}
	slices.SortStableFunc(warnings, func(x, y console.Finding) int { return x.Line - y.Line })
	return a.breaks(def), warnings, nil
}

// otherID: who renames a definition writes another one, which is not done here.
func otherID(is, want string) console.Finding {
	return console.Finding{Line: 1, Code: console.OtherID, Args: []string{is, want}}
}

// breaks are the programs that start now and would not with a survey.
func (a *App) breaks(def *survey.Definition) (out []console.Finding) {
	texts := a.texts()
	texts.Survey = func(id string) (*survey.Definition, bool) {
		if id == def.ID {
			return def, true
		}
		return a.survey(id)
	}
	for _, p := range a.Programs() {
		if len(p.Missing) > 0 {
			continue
		}
		for _, m := range program.Launch(p.Definition, texts, a.dealerLocales()) {
			out = append(out, console.Finding{Program: p.ID, Step: m.Step, Missing: m})
		}
	}
	return out
}

func (a *App) checkProgram(id, content string) (wrong, warnings []console.Finding) {
	def, err := program.Parse(id, []byte(content))
	if err != nil {
		return findings(err, content), nil
	}
	if def.ID != id {
		return []console.Finding{otherID(def.ID, id)}, nil
	}
	must := a.dealerLocales()
	for _, m := range program.Launch(def, a.texts(), must) {
		wrong = append(wrong, console.Finding{Line: lineOf(m, def, content), Step: m.Step, Missing: m})
	}
	var others []string
	for l := range def.Title {
		if !slices.Contains(must, l) {
			others = append(others, l)
		}
	}
	slices.Sort(others)
	for _, m := range program.Launch(def, a.texts(), others) {
		if m.Rule == program.SurveyLocale || m.Rule == program.MessageLocale {
			warnings = append(warnings, console.Finding{Line: lineOf(m, def, content), Step: m.Step, Missing: m})
		}
	}
	return wrong, warnings
}

// lineOf is where a program refers to what is missing.
func lineOf(m program.Missing, def *program.Definition, content string) int {
	i := slices.IndexFunc(def.Steps, func(s program.Step) bool { return s.ID == m.Step })
	switch {
	case m.Rule == program.NoHoliday:
		return lineAt(content, "on", slices.IndexFunc(def.On, func(x program.Day) bool { return x.Holiday == m.Name }))
	case m.Rule == program.NoMessage || m.Rule == program.MessageLocale:
		return lineAt(content, "steps", i, "message")
	case m.Rule == program.SurveyChannel:
		return lineAt(content, "steps", i, "channels")
	}
	return lineAt(content, "steps", i, "survey")
}

// lineAt is the line of a path in a content that is YAML.
func lineAt(content string, path ...any) int {
	var root yaml.Node
	if yaml.Unmarshal([]byte(content), &root) != nil {
		return 0
	}
	return definition.Line(&root, path...)
}

// findings takes apart what has been said of a content.
func findings(err error, content string) (out []console.Finding) {
	var (
		ofSurvey  survey.Problems
		ofProgram *program.Refused
		ofText    *render.TextError
		joined    interface{ Unwrap() []error }
	)
	switch {
	case errors.As(err, &ofSurvey):
		for _, p := range ofSurvey {
			out = append(out, console.Finding{Line: p.Line, Code: p.Code, Args: p.Args})
		}
	case errors.As(err, &ofProgram):
		for _, p := range ofProgram.Problems {
			out = append(out, console.Finding{Line: p.Line, Step: p.Step, Code: p.Code, Args: p.Args})
		}
	case errors.As(err, &joined):
		for _, e := range joined.Unwrap() {
			for _, f := range findings(e, content) {
				if !slices.ContainsFunc(out, f.Same) { // a text of several channels is said once
					out = append(out, f)
				}
			}
		}
		slices.SortStableFunc(out, func(x, y console.Finding) int { return x.Line - y.Line })
	case errors.As(err, &ofText):
		out = append(out, console.Finding{Line: lineAt(content, ofText.Path...), Code: ofText.Code, Args: []string{ofText.Arg}})
	default:
		out = append(out, console.Finding{Code: console.Other, Args: []string{err.Error()}})
	}
	return out
}

// saveDefinition makes a content the newest version, by somebody who has seen one; it is
// in force here at once and on every node within definitionsEvery.
func (a *App) saveDefinition(ctx context.Context, kind, id, content, by string, seen int) (int, error) {
	n, err := a.store.VersionAfter(ctx, seen, kind, id, content, store.HashToken(content), console.WrittenBy+by, a.clock.Business())
	if err != nil {
		return 0, err
	}
	return n, a.readDefinitions(ctx)
}
