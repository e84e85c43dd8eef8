package render

import (
	"errors"
	"fmt"
	"slices"
	"text/template"
	"text/template/parse"

	"otklik/channels"
	"otklik/internal/survey"
)

// placeholders are the names that a text may use; Data says what they mean.
var placeholders = []string{
	"name", "dealer", "dealer_phone", "dealer_address", "model", "plate", "order",
	"date", "date_short", "works", "advisor", "owner", "due", "solution", "next",
	"employee", "praised", "liked", "words", "form_url", "unsubscribe_url",
	"question", "min", "max",
}

// vars are the values of one rendering. A name without a value is absent, so
// that using it is an error rather than a hole in a sentence.
type vars map[string]string

// Has tells a template whether a name has a value.
func (v vars) Has(name string) bool { return v[name] != "" }

type phrases struct {
	text               map[channels.Kind]*template.Template
	subject, preheader *template.Template
}

// wording is text per locale.
type wording map[string]phrases

var kinds = []channels.Kind{channels.SMS, channels.Email, channels.Telegram, channels.Phone, channels.Paper, channels.Form}

// compile parses a wording and refuses placeholders that do not exist.
func compile(name string, w survey.Wording) (wording, error) {
	out := wording{}
	var errs []error
	take := func(what, text string) *template.Template {
		if text == "" {
			return nil
		}
		t, err := parseText(name+" "+what, text)
		errs = append(errs, err)
		return t
	}
	for l, p := range w {
		c := phrases{text: map[channels.Kind]*template.Template{}}
		c.subject, c.preheader = take(l+" subject", p.Subject), take(l+" preheader", p.Preheader)
		for _, ch := range kinds {
			if t := take(l+" "+string(ch), p.For(ch)); t != nil {
				c.text[ch] = t
			}
		}
		out[l] = c
	}
	return out, errors.Join(errs...)
}

func parseText(name, text string) (*template.Template, error) {
	t, err := template.New(name).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, err
	}
	for _, n := range names(t.Root) {
		if !slices.Contains(placeholders, n) {
			return nil, fmt.Errorf("%s: no placeholder is called %q", name, n)
		}
	}
	return t, nil
}

// names collects the placeholders a template uses, {{.Has "…"}} included.
func names(n parse.Node) []string {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		var out []string
		for _, c := range n.Nodes {
			out = append(out, names(c)...)
		}
		return out
	case *parse.ActionNode:
		return pipeNames(n.Pipe)
	case *parse.IfNode:
		return slices.Concat(pipeNames(n.Pipe), names(n.List), names(n.ElseList))
	case *parse.WithNode:
		return slices.Concat(pipeNames(n.Pipe), names(n.List), names(n.ElseList))
	case *parse.RangeNode:
		return slices.Concat(pipeNames(n.Pipe), names(n.List), names(n.ElseList))
	}
	return nil
}

func pipeNames(p *parse.PipeNode) []string {
	var out []string
	for _, cmd := range p.Cmds {
		has := false
		for _, arg := range cmd.Args {
			switch a := arg.(type) {
			case *parse.FieldNode:
				if has = a.Ident[0] == "Has"; !has {
					out = append(out, a.Ident[0])
				}
			case *parse.StringNode:
				if has {
					out = append(out, a.Text)
				}
			case *parse.PipeNode:
				out = append(out, pipeNames(a)...)
			}
		}
	}
	return out
}
