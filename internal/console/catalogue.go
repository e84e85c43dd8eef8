package console

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// locales that the console speaks, in the order of the language switch.
func locales() []string { return []string{"ru", "en", "zh"} }

// catalogue holds the texts of one language by dotted key.
type catalogue struct {
	locale string
	tag    language.Tag
	texts  map[string]string
	counts map[string]map[string]string // plural forms
}

var pluralForms = map[plural.Form]string{
	plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other",
}

// loadCatalogues reads console/*.yaml; every language must have every key.
func loadCatalogues(fsys fs.FS) (map[string]*catalogue, error) {
	out := map[string]*catalogue{}
	for _, l := range locales() {
		data, err := fs.ReadFile(fsys, path.Join("console", l+".yaml"))
		if err != nil {
			return nil, fmt.Errorf("reading the console's texts: %w", err)
		}
		c := &catalogue{locale: l, tag: language.Make(l), texts: map[string]string{}, counts: map[string]map[string]string{}}
		var root yaml.Node
		if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&root); err != nil {
			return nil, fmt.Errorf("reading %s.yaml: %w", l, err)
		}
		if err := c.add("", root.Content[0]); err != nil {
			return nil, fmt.Errorf("reading %s.yaml: %w", l, err)
		}
		out[l] = c
	}
	var errs []error
	first := out[locales()[0]]
	for _, l := range locales() {
		for _, k := range first.keys() {
			if !out[l].knows(k) {
				errs = append(errs, fmt.Errorf("%s.yaml has no %s", l, k))
			}
		}
		for _, k := range out[l].keys() {
			if !first.knows(k) {
				errs = append(errs, fmt.Errorf("only %s.yaml has %s", l, k))
			}
		}
	}
	return out, errors.Join(errs...)
}

func (c *catalogue) add(prefix string, n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		if n.Value == "" {
			return fmt.Errorf("line %d: %s is empty", n.Line, prefix)
		}
		c.texts[prefix] = n.Value
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: neither text nor texts", n.Line)
	}
	if isPlural(n) {
		forms := map[string]string{}
		for i := 0; i < len(n.Content); i += 2 {
			forms[n.Content[i].Value] = n.Content[i+1].Value
		}
		c.counts[prefix] = forms
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if prefix != "" {
			key = prefix + "." + key
		}
		if err := c.add(key, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// isPlural tells whether a mapping is the forms of one counted text.
func isPlural(n *yaml.Node) bool {
	other := false
	for i := 0; i < len(n.Content); i += 2 {
		switch n.Content[i].Value {
		case "zero", "one", "two", "few", "many":
		case "other":
			other = true
		default:
			return false
		}
	}
	return other
}

func (c *catalogue) keys() []string {
	out := make([]string, 0, len(c.texts)+len(c.counts))
	for k := range c.texts {
		out = append(out, k)
	}
	for k := range c.counts {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// knows tells whether a key is among keys.
func (c *catalogue) knows(key string) bool { return c.has(key) || c.counts[key] != nil }

func (c *catalogue) has(key string) bool { _, ok := c.texts[key]; return ok }

// text gives a text with its {placeholders} filled from name, value pairs. A
// missing key shows itself in brackets; a test renders every page to find one.
func (c *catalogue) text(key string, pairs ...any) string {
	s, ok := c.texts[key]
	if !ok {
		return "⟦" + key + "⟧"
	}
	return fill(s, pairs)
}

// count gives a text in the plural form for n, with {n} filled.
func (c *catalogue) count(key string, n int, pairs ...any) string {
	forms, ok := c.counts[key]
	if !ok {
		return "⟦" + key + "⟧"
	}
	s, ok := forms[pluralForms[plural.Cardinal.MatchPlural(c.tag, n, 0, 0, 0, 0)]]
	if !ok {
		s = forms["other"]
	}
	return fill(s, append(pairs, "n", strconv.Itoa(n)))
}

func fill(s string, pairs []any) string {
	if len(pairs) == 0 {
		return s
	}
	args := make([]string, len(pairs))
	for i, p := range pairs {
		args[i] = fmt.Sprint(p)
		if i%2 == 0 {
			args[i] = "{" + args[i] + "}"
		}
	}
	return strings.NewReplacer(args...).Replace(s)
}
