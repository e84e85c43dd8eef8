package campaign

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Advertising tells what looks like an advertisement, in any of the languages: a text in
// one may well name a price in another.
type Advertising struct {
	stems, words []string
	patterns     []*regexp.Regexp
}

// ReadAdvertising reads the folder advertising of fsys.
func ReadAdvertising(fsys fs.FS) (*Advertising, error) {
	names, err := fs.Glob(fsys, "advertising/*.yaml")
	if err != nil || len(names) == 0 {
		return nil, errors.Join(err, errors.New("nothing says what advertises"))
	}
	out := &Advertising{}
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("reading what advertises: %w", err)
		}
		var file struct {
			Stems    []string `yaml:"stems"`
			Words    []string `yaml:"words"`
			Patterns []string `yaml:"patterns"`
		}
		dec := yaml.NewDecoder(bytes.NewReader(data))
		dec.KnownFields(true)
		if err := dec.Decode(&file); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		out.stems, out.words = append(out.stems, file.Stems...), append(out.words, file.Words...)
		for _, p := range file.Patterns {
			re, err := regexp.Compile(p)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", name, err)
			}
			out.patterns = append(out.patterns, re)
		}
	}
	return out, nil
}

// Find lists the sentences of a text that look like an advertisement.
func (a *Advertising) Find(text string) (out []string) {
	for _, s := range sentences(text) {
		if a.advertises(strings.ToLower(s)) && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func (a *Advertising) advertises(sentence string) bool {
	return slices.ContainsFunc(a.stems, func(stem string) bool { return stands(sentence, stem, false) }) ||
		slices.ContainsFunc(a.words, func(word string) bool { return stands(sentence, word, true) }) ||
		slices.ContainsFunc(a.patterns, func(p *regexp.Regexp) bool { return p.MatchString(sentence) })
}

// stands tells whether a word begins somewhere in a sentence, and ends as it does where
// it must be whole.
func stands(sentence, word string, whole bool) bool {
	for from := 0; ; {
		i := strings.Index(sentence[from:], word)
		if i < 0 {
			return false
		}
		i += from
		from = i + len(word)
		before, after := []rune(sentence[:i]), []rune(sentence[from:])
		if (len(before) == 0 || !letter(before[len(before)-1])) && (!whole || len(after) == 0 || !letter(after[0])) {
			return true
		}
	}
}

func letter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// sentences cuts a text where its sentences and lines end; a point inside a figure ends
// none.
func sentences(text string) (out []string) {
	var b strings.Builder
	flush := func() {
		if s := strings.TrimSpace(b.String()); s != "" {
			out = append(out, s)
		}
		b.Reset()
	}
	rs := []rune(text)
	for i, r := range rs {
		if r == '\n' {
			flush()
			continue
		}
		b.WriteRune(r)
		if strings.ContainsRune("。！？", r) || strings.ContainsRune(".!?", r) && (i+1 == len(rs) || unicode.IsSpace(rs[i+1])) {
			flush()
		}
	}
	flush()
	return out
}
