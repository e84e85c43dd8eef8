package survey

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"otklik/channels"
	"otklik/internal/definition"
)

// Problem is one thing wrong in a definition's file, or to look at in it.
type Problem = definition.Problem

// Problems is everything wrong in a file, in the order of lines.
type Problems = definition.Problems

// Parse reads and checks a definition; name stands in the messages. A definition
// with anything wrong is refused with all its Problems at once.
func Parse(name string, data []byte) (*Definition, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, definition.YAML(name, err)
	}
	d := &Definition{Confidence: DefaultConfidence, Segments: 2}
	v := &validator{file: name, root: &root, d: d}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(d); err != nil {
		v.problems = definition.YAML(name, err)
		var te *yaml.TypeError
		if !errors.As(err, &te) {
			return nil, v.problems
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

type validator struct {
	file     string
	root     *yaml.Node
	d        *Definition
	problems Problems
}

func (v *validator) bad(path []any, code string, args ...any) {
	v.problems = append(v.problems, problemTexts.Problem(v.file, definition.Line(v.root, path...), code, args...))
}

func at(path ...any) []any { return path }

var (
	surveyID   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)
	questionID = regexp.MustCompile(`^[a-z][a-z0-9_]{0,19}$`) // short: it stands in a button's 64 bytes
)

func (v *validator) run() {
	d := v.d
	if !surveyID.MatchString(d.ID) {
		v.bad(at("id"), "id", d.ID)
	}
	if d.Version < 1 {
		v.bad(at("version"), "version", d.Version)
	}
	if !slices.Contains([]string{"survey", "callback", "greeting"}, d.Purpose) {
		v.bad(at("purpose"), "purpose", d.Purpose)
	}
	if d.Confidence <= 0 || d.Confidence > 1 {
		v.bad(at("confidence"), "confidence", d.Confidence)
	}
	if d.Segments < 1 || d.Segments > 10 {
		v.bad(at("segments"), "segments", d.Segments)
	}
	if len(d.Locales) == 0 {
		v.bad(at("locales"), "no_locales")
	}
	for _, l := range d.Locales {
		if d.Title[l] == "" {
			v.bad(at("title", l), "title_locale", l)
		}
	}
	for _, l := range d.Locales {
		if len(d.Why) > 0 && d.Why[l] == "" {
			v.bad(at("why"), "why_locale", l)
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
		v.bad(at("budget"), "no_budget")
	}
	for _, ch := range sortedKeys(v.d.Budget) {
		b := v.d.Budget[ch]
		if !slices.Contains(known, ch) {
			v.bad(at("budget", string(ch)), "channel", ch)
		}
		if b.Rated < 0 || b.Open < 0 || b.Rated+b.Open == 0 {
			v.bad(at("budget", string(ch)), "budget_empty", ch)
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
			v.bad(at("thanks", string(o)), "outcome", o)
		}
	}
	for _, k := range sortedKeys(d.Messages) {
		if k != "invite" && !slices.Contains(Outcomes(), Outcome(k)) {
			v.bad(at("messages", k), "message_key", k)
		}
	}
}

func (v *validator) either(key string, w Wording, path []any) {
	shared := v.d.Messages[key] != ""
	switch {
	case shared && len(w) > 0:
		v.bad(path, "worded_twice", key)
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
			v.bad(path, "wording_locale", l)
			continue
		}
		here := append(slices.Clone(path), l)
		for _, ch := range sortedKeys(v.d.Budget) {
			if len(only) > 0 && !slices.Contains(only, ch) {
				continue
			}
			if strings.TrimSpace(p.For(ch)) == "" {
				v.bad(here, "wording_channel", ch, l)
			}
			if subject && ch == channels.Email && p.Subject == "" {
				v.bad(here, "wording_subject", l)
			}
		}
	}
	for _, l := range sortedKeys(w) {
		if !slices.Contains(v.d.Locales, l) {
			v.bad(append(slices.Clone(path), l), "wording_other_locale", l)
		}
	}
}
