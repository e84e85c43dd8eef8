// Package definition owns how it is said what is wrong in the file of a survey or a
// program: a problem is a code with what it is about and its line, and an English text
// for the command line. Packages survey and program find the problems and have their
// texts; the console words the codes in the reader's language. It does no I/O.
package definition

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Problem is one thing wrong in a definition's file.
type Problem struct {
	File string
	Line int
	// Code is what is wrong, without words; Args are what it is about, in the order in
	// which the texts of the code number them.
	Code string
	Args []string
	// Text says it in English.
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

// Texts are the English formats of problems by code.
type Texts map[string]string

// Problem is the problem with a code.
func (t Texts) Problem(file string, line int, code string, args ...any) Problem {
	p := Problem{File: file, Line: line, Code: code, Text: fmt.Sprintf(t[code], args...)}
	for _, a := range args {
		p.Args = append(p.Args, fmt.Sprint(a))
	}
	return p
}

// Codes are the codes, with how many args each has.
func (t Texts) Codes() map[string]int {
	out := make(map[string]int, len(t))
	for code, format := range t {
		out[code] = strings.Count(format, "%")
	}
	return out
}

// Codes of what the YAML library refuses; the text is in its own words.
const (
	// NotYAML: the file cannot be read from the line on. Args: the library's words.
	NotYAML = "yaml"
	// Empty: there is nothing in the file.
	Empty = "yaml_empty"
	// UnknownField: args are the field.
	UnknownField = "yaml_field"
	// WrongValue: a value is of another kind than its field. Args: the value.
	WrongValue = "yaml_value"
	// WrongShape: a list or a block stands where a value must, or the other way round.
	WrongShape = "yaml_shape"
	// Twice: args are the key, and the line on which it stands first.
	Twice = "yaml_twice"
)

// YAMLCodes are the codes of what the YAML library refuses, with how many args each has.
func YAMLCodes() map[string]int {
	return map[string]int{NotYAML: 1, Empty: 0, UnknownField: 1, WrongValue: 1, WrongShape: 0, Twice: 2}
}

var (
	yamlLine  = regexp.MustCompile(`(?s)^(?:yaml: )?line (\d+): (.*)$`)
	yamlWords = []struct {
		code  string
		words *regexp.Regexp
	}{
		{UnknownField, regexp.MustCompile(`^field (.*) not found in type `)},
		{WrongValue, regexp.MustCompile("(?s)^cannot unmarshal !!\\S+ `(.*)` into ")},
		{WrongShape, regexp.MustCompile(`^cannot unmarshal `)},
		{Twice, regexp.MustCompile(`^mapping key "(.*)" already defined at line (\d+)$`)},
	}
)

// YAML is what an error of the YAML library says of a file. What has no line stands at
// the first.
func YAML(file string, err error) Problems {
	var types *yaml.TypeError
	if errors.Is(err, io.EOF) {
		return Problems{{File: file, Line: 1, Code: Empty, Text: err.Error()}}
	}
	if !errors.As(err, &types) {
		return Problems{ofYAML(file, err.Error())}
	}
	var out Problems
	for _, e := range types.Errors {
		out = append(out, ofYAML(file, e))
	}
	return out
}

func ofYAML(file, text string) Problem {
	p := Problem{File: file, Line: 1, Text: strings.TrimPrefix(text, "yaml: ")}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Text = m[2]
		if strings.HasPrefix(p.Text, "did not find expected ") {
			p.Line++ // what its parser says, and not its scanner, is counted from 0
		}
	}
	for _, w := range yamlWords {
		if m := w.words.FindStringSubmatch(p.Text); m != nil {
			p.Code = w.code
			p.Args = append(p.Args, m[1:]...)
			return p
		}
	}
	p.Code, p.Args = NotYAML, []string{p.Text}
	return p
}

// Line is where a path of keys and indexes stands in a document, or the nearest parent
// that exists.
func Line(root *yaml.Node, path ...any) int {
	n := root
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
