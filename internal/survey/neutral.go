package survey

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed neutrality
var neutrality embed.FS

// Lint looks for wording that steers the answer: begging for a grade, leading
// questions, loaded words, and public reviews asked of the content alone. It knows
// patterns (folder neutrality), not meaning: what it finds is for a person to judge
// and refuses nothing.
type Lint struct {
	rules map[string][]lintRule
}

type lintRule struct {
	pattern *regexp.Regexp
	code    string
}

// NewLint compiles the patterns of all languages.
func NewLint() (*Lint, error) {
	l := &Lint{rules: map[string][]lintRule{}}
	files, err := neutrality.ReadDir("neutrality")
	if err != nil {
		return nil, fmt.Errorf("listing the patterns: %w", err)
	}
	for _, f := range files {
		data, err := neutrality.ReadFile("neutrality/" + f.Name())
		if err != nil {
			return nil, fmt.Errorf("reading the patterns: %w", err)
		}
		var kinds map[string][]string
		if err := yaml.Unmarshal(data, &kinds); err != nil {
			return nil, fmt.Errorf("reading the patterns of %s: %w", f.Name(), err)
		}
		locale := strings.TrimSuffix(f.Name(), ".yaml")
		for _, kind := range sortedKeys(kinds) {
			code := "steers_" + kind
			if _, ok := problemTexts[code]; !ok {
				return nil, fmt.Errorf("the patterns of %s have an unknown kind %q", f.Name(), kind)
			}
			for _, p := range kinds[kind] {
				re, err := regexp.Compile("(?i)" + p)
				if err != nil {
					return nil, fmt.Errorf("a pattern of %s: %w", f.Name(), err)
				}
				l.rules[locale] = append(l.rules[locale], lintRule{re, code})
			}
		}
	}
	return l, nil
}

// Check finds what is not neutral in a definition's file, in the order of lines; a
// file that is no YAML has no findings (Parse says what is wrong with it).
func (l *Lint) Check(name string, data []byte) []Problem {
	var root yaml.Node
	if yaml.Unmarshal(data, &root) != nil {
		return nil
	}
	var out []Problem
	l.walk(name, &root, "", &out)
	slices.SortStableFunc(out, func(a, b Problem) int { return a.Line - b.Line })
	return out
}

func (l *Lint) walk(name string, n *yaml.Node, locale string, out *[]Problem) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			inside := locale
			if _, ok := l.rules[language(n.Content[i].Value)]; ok {
				inside = language(n.Content[i].Value)
			}
			// Other words for an option are the customer's, not ours.
			if n.Content[i].Value != "also" {
				l.walk(name, n.Content[i+1], inside, out)
			}
		}
	case yaml.ScalarNode:
		*out = append(*out, l.text(name, n, locale)...)
	default:
		for _, c := range n.Content {
			l.walk(name, c, locale, out)
		}
	}
}

func (l *Lint) text(name string, n *yaml.Node, locale string) (out []Problem) {
	for _, r := range l.rules[locale] {
		at := r.pattern.FindStringIndex(n.Value)
		if at == nil {
			continue
		}
		line := n.Line
		if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
			line += 1 + strings.Count(n.Value[:at[0]], "\n") // the text begins below its mark
		}
		out = append(out, problemTexts.Problem(name, line, r.code, n.Value[at[0]:at[1]]))
	}
	return out
}

// language is a locale without its region.
func language(locale string) string {
	l, _, _ := strings.Cut(locale, "-")
	return l
}
