package app

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"otklik/channels"
	"otklik/internal/console"
	"otklik/internal/program"
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
		return findings(id, err), nil, nil
	}
	if def.ID != id {
		return []console.Finding{{Line: 1, Text: fmt.Sprintf("id %q differs from %q", def.ID, id)}}, nil, nil
	}
	nameless, err := a.renderer.Try(def)
	if err != nil {
		return findings(id, err), nil, nil
	}
	for _, p := range append(def.Warnings, lint.Check(id, []byte(content))...) {
		warnings = append(warnings, console.Finding{Line: p.Line, Text: p.Text})
	}
	for _, s := range nameless {
		warnings = append(warnings, findings(id, errors.New(s))...)
	}
	slices.SortStableFunc(warnings, func(x, y console.Finding) int { return x.Line - y.Line })
	return a.breaks(def), warnings, nil
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
		if missing := program.Launch(p.Definition, texts, a.dealerLocales()); len(missing) > 0 {
			out = append(out, console.Finding{Text: fmt.Sprintf("program %s would not start: %s", p.ID, program.Said(missing, "; "))})
		}
	}
	return out
}

func (a *App) checkProgram(id, content string) (wrong, warnings []console.Finding) {
	def, err := program.Parse(id, []byte(content))
	if err != nil {
		return findings(id, err), nil
	}
	if def.ID != id {
		return []console.Finding{{Line: 1, Text: fmt.Sprintf("id %q differs from %q", def.ID, id)}}, nil
	}
	must := a.dealerLocales()
	for _, m := range program.Launch(def, a.texts(), must) {
		wrong = append(wrong, console.Finding{Text: m.String()})
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
			warnings = append(warnings, console.Finding{Text: m.String()})
		}
	}
	return wrong, warnings
}

// finding is one line of an error about a file: its number stands first, or after
// "line".
var finding = regexp.MustCompile(`^(?:line )?(\d+): (.*)$`)

// findings takes an error about a file apart.
func findings(name string, err error) (out []console.Finding) {
	for s := range strings.SplitSeq(err.Error(), "\n") {
		s = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), name+":"))
		if s == "" || s == "unmarshal errors:" {
			continue
		}
		f := console.Finding{Text: s}
		if m := finding.FindStringSubmatch(s); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil {
				f = console.Finding{Line: n, Text: m[2]}
			}
		}
		out = append(out, f)
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
