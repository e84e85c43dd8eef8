package survey

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"otklik/channels"
)

// Problem is one thing wrong in a definition's file.
type Problem struct {
	File string
	Line int
	Text string
}

// Error is "file:line: text".
func (p Problem) Error() string { return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text) }

// Problems is everything wrong in a file, in the order of lines.
type Problems []Problem

// Error has a line per problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Parse reads and checks a definition; name stands in the messages. A definition
// with anything wrong is refused with all its Problems at once.
func Parse(name string, data []byte) (*Definition, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, Problems{yamlProblem(name, err.Error())}
	}
	d := &Definition{Confidence: DefaultConfidence, Segments: 2}
	v := &validator{file: name, root: &root, d: d}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(d); err != nil {
		var te *yaml.TypeError
		if !errors.As(err, &te) {
			return nil, Problems{yamlProblem(name, err.Error())}
		}
		for _, e := range te.Errors {
			v.problems = append(v.problems, yamlProblem(name, e))
		}
	}
	sum := sha256.Sum256(data)
	d.Hash = hex.EncodeToString(sum[:])
	v.run()
	if len(v.problems) > 0 {
		slices.SortStableFunc(v.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, v.problems
	}
	return d, nil
}

var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

func yamlProblem(name, text string) Problem {
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1])
		return Problem{File: name, Line: n, Text: m[2]}
	}
	return Problem{File: name, Line: 1, Text: strings.TrimPrefix(text, "yaml: ")}
}

type validator struct {
	file     string
	root     *yaml.Node
	d        *Definition
	problems Problems
}

// line is where a path of keys and indexes stands in the file, or the nearest
// parent that exists.
func (v *validator) line(path ...any) int {
	n := v.root
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	at := max(n.Line, 1)
	for _, p := range path {
		child, line := descend(n, p)
		if child == nil {
			break
		}
		n, at = child, line
	}
	return at
}

func descend(n *yaml.Node, key any) (*yaml.Node, int) {
	switch k := key.(type) {
	case int:
		if n.Kind == yaml.SequenceNode && k < len(n.Content) {
			return n.Content[k], n.Content[k].Line
		}
	case string:
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == k {
				return n.Content[i+1], n.Content[i].Line
			}
		}
	}
	return nil, 0
}

func (v *validator) bad(path []any, format string, args ...any) {
	v.problems = append(v.problems, Problem{File: v.file, Line: v.line(path...), Text: fmt.Sprintf(format, args...)})
}

func at(path ...any) []any { return path }

var (
	surveyID   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	questionID = regexp.MustCompile(`^[a-z][a-z0-9_]{0,19}$`) // short: it stands in a button's 64 bytes
)

func (v *validator) run() {
	d := v.d
	if !surveyID.MatchString(d.ID) {
		v.bad(at("id"), "id %q: want lower-case letters, digits and hyphens", d.ID)
	}
	if d.Version < 1 {
		v.bad(at("version"), "version %d: want 1 or more", d.Version)
	}
	if !slices.Contains([]string{"survey", "callback", "greeting"}, d.Purpose) {
		v.bad(at("purpose"), "purpose %q: want survey, callback or greeting", d.Purpose)
	}
	if d.Confidence <= 0 || d.Confidence > 1 {
		v.bad(at("confidence"), "confidence %v: want more than 0, at most 1", d.Confidence)
	}
	if d.Segments < 1 || d.Segments > 10 {
		v.bad(at("segments"), "segments %d: want 1 to 10", d.Segments)
	}
	if len(d.Locales) == 0 {
		v.bad(at("locales"), "no locales")
	}
	for _, l := range d.Locales {
		if d.Title[l] == "" {
			v.bad(at("title", l), "title has no %s", l)
		}
	}
	for _, l := range d.Locales {
		if len(d.Why) > 0 && d.Why[l] == "" {
			v.bad(at("why"), "why has no %s", l)
		}
	}
	v.budget()
	v.questions()
	v.flags()
	v.spoken()
}

func (v *validator) budget() {
	known := []channels.Kind{channels.SMS, channels.Email, channels.Telegram, channels.Phone, channels.Paper, channels.Form}
	if len(v.d.Budget) == 0 {
		v.bad(at("budget"), "no channel in the budget")
	}
	for _, ch := range sortedKeys(v.d.Budget) {
		b := v.d.Budget[ch]
		if !slices.Contains(known, ch) {
			v.bad(at("budget", string(ch)), "unknown channel %q", ch)
		}
		if b.Rated < 0 || b.Open < 0 || b.Rated+b.Open == 0 {
			v.bad(at("budget", string(ch)), "budget of %s: want at least one question", ch)
		}
	}
}

// spoken checks invite and thanks: each is a wording of its own or a shared
// message, never both.
func (v *validator) spoken() {
	d := v.d
	v.either("invite", d.Invite, at("invite"))
	for _, o := range Outcomes() {
		v.either(string(o), d.Thanks[o], at("thanks", string(o)))
	}
	for _, o := range sortedKeys(d.Thanks) {
		if !slices.Contains(Outcomes(), o) {
			v.bad(at("thanks", string(o)), "unknown outcome %q", o)
		}
	}
	for _, k := range sortedKeys(d.Messages) {
		if k != "invite" && !slices.Contains(Outcomes(), Outcome(k)) {
			v.bad(at("messages", k), "unknown key %q: want invite or an outcome", k)
		}
	}
}

func (v *validator) either(key string, w Wording, path []any) {
	shared := v.d.Messages[key] != ""
	switch {
	case shared && len(w) > 0:
		v.bad(path, "%s has wording and a shared message", key)
	case shared:
	default:
		v.wording(w, path, nil, true)
	}
}

// wording checks that a wording is complete: a text in every locale for every
// channel of the survey (or of only), with a subject where it goes by email.
func (v *validator) wording(w Wording, path []any, only []channels.Kind, subject bool) {
	for _, l := range v.d.Locales {
		p, ok := w[l]
		if !ok {
			v.bad(path, "no wording in %s", l)
			continue
		}
		here := append(slices.Clone(path), l)
		for _, ch := range sortedKeys(v.d.Budget) {
			if len(only) > 0 && !slices.Contains(only, ch) {
				continue
			}
			if strings.TrimSpace(p.For(ch)) == "" {
				v.bad(here, "no text for %s in %s", ch, l)
			}
			if subject && ch == channels.Email && p.Subject == "" {
				v.bad(here, "no subject for email in %s", l)
			}
		}
	}
	for _, l := range sortedKeys(w) {
		if !slices.Contains(v.d.Locales, l) {
			v.bad(append(slices.Clone(path), l), "locale %q is not among the definition's locales", l)
		}
	}
}
