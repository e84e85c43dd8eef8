package render

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"otklik/channels"
	"otklik/internal/survey"
)

// text is one wording of one channel. What our texts use (a value, a condition
// on a value) is compiled to operations; anything else that text/template can do
// is left to it.
type text struct {
	template *template.Template
	ops      []op
	compiled bool
	// asks: the text says itself where the question stands.
	asks bool
	// addresses: the text says the person's name, where it is known.
	addresses bool
	// advertises: the text has news in it, where there are any.
	advertises bool
}

// op is one operation of a compiled text.
type op struct {
	kind    opKind
	literal string
	value   placeholder
	// stops: the sentence ends behind the value, with a full stop of its own.
	stops bool
	// to is the operation that a jump goes to.
	to int
}

type opKind uint8

const (
	opLiteral opKind = iota
	opValue
	opUnless // jump where the value is absent
	opJump
)

type phrases struct {
	text               map[channels.Kind]*text
	subject, preheader *text
}

// wording is text per locale.
type wording map[string]phrases

var kinds = []channels.Kind{channels.SMS, channels.Email, channels.Telegram, channels.Phone, channels.Paper, channels.Form}

// compile parses a wording and refuses placeholders that do not exist. The path leads to
// it in its file.
func compile(name string, w survey.Wording, path ...any) (wording, error) {
	out := wording{}
	var errs []error
	take := func(locale, what, source string) *text {
		if source == "" {
			return nil
		}
		t, err := parseText(name+" "+locale+" "+what, source, append(slices.Clip(path), locale)...)
		errs = append(errs, err)
		return t
	}
	for l, p := range w {
		c := phrases{text: map[channels.Kind]*text{}}
		c.subject, c.preheader = take(l, "subject", p.Subject), take(l, "preheader", p.Preheader)
		for _, ch := range kinds {
			if t := take(l, string(ch), p.For(ch)); t != nil {
				c.text[ch] = t
			}
		}
		out[l] = c
	}
	return out, errors.Join(errs...)
}

func parseText(name, source string, path ...any) (*text, error) {
	t, err := template.New(name).Option("missingkey=error").Parse(source)
	if err != nil {
		words := strings.TrimPrefix(err.Error(), "template: "+name+":")
		if _, after, ok := strings.Cut(words, ": "); ok {
			words = after
		}
		return nil, &TextError{path, BadTemplate, words, err}
	}
	out := &text{template: t}
	for _, n := range names(t.Root) {
		if !slices.Contains(placeholders[:], n) {
			return nil, &TextError{path, NoPlaceholder, n, fmt.Errorf("%s: no placeholder is called %q", name, n)}
		}
		out.asks = out.asks || n == placeholders[pQuestion]
		out.addresses = out.addresses || n == placeholders[pName] || n == placeholders[pSalute]
		out.advertises = out.advertises || n == placeholders[pNews]
	}
	out.compiled = out.take(t.Root)
	for i := range out.ops {
		out.ops[i].stops = out.ops[i].kind == opValue && i+1 < len(out.ops) && out.ops[i+1].kind == opLiteral && strings.HasPrefix(out.ops[i+1].literal, ".")
	}
	return out, nil
}

// take compiles a list of nodes; it fails at the first that is not one of ours.
func (t *text) take(list *parse.ListNode) bool {
	if list == nil {
		return true
	}
	for _, n := range list.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			t.ops = append(t.ops, op{kind: opLiteral, literal: string(n.Text)})
		case *parse.ActionNode:
			p, ok := plainValue(n.Pipe)
			if !ok {
				return false
			}
			t.ops = append(t.ops, op{kind: opValue, value: p})
		case *parse.IfNode:
			if !t.branch(n) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func (t *text) branch(n *parse.IfNode) bool {
	p, ok := condition(n.Pipe)
	if !ok {
		return false
	}
	unless := len(t.ops)
	t.ops = append(t.ops, op{kind: opUnless, value: p})
	if !t.take(n.List) {
		return false
	}
	if n.ElseList == nil {
		t.ops[unless].to = len(t.ops)
		return true
	}
	jump := len(t.ops)
	t.ops = append(t.ops, op{kind: opJump})
	t.ops[unless].to = len(t.ops)
	if !t.take(n.ElseList) {
		return false
	}
	t.ops[jump].to = len(t.ops)
	return true
}

// plainValue is the placeholder of {{.name}}.
func plainValue(p *parse.PipeNode) (placeholder, bool) {
	if len(p.Decl) != 0 || len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return 0, false
	}
	f, ok := p.Cmds[0].Args[0].(*parse.FieldNode)
	if !ok || len(f.Ident) != 1 {
		return 0, false
	}
	return placeholderOf(f.Ident[0])
}

// condition is the placeholder of {{if .Has "name"}}.
func condition(p *parse.PipeNode) (placeholder, bool) {
	if len(p.Decl) != 0 || len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 2 {
		return 0, false
	}
	f, ok := p.Cmds[0].Args[0].(*parse.FieldNode)
	s, quoted := p.Cmds[0].Args[1].(*parse.StringNode)
	if !ok || !quoted || len(f.Ident) != 1 || f.Ident[0] != "Has" {
		return 0, false
	}
	return placeholderOf(s.Text)
}

// appendTo writes the text with its values. A panic over a value, which is what a stranger
// has typed, ends this text and not the program, as in text/template.
func (t *text) appendTo(b []byte, v *values) (_ []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in %s: %v", t.template.Name(), p)
		}
	}()
	if !t.compiled {
		var s strings.Builder
		if err := t.template.Execute(&s, v.vars()); err != nil {
			return b, fmt.Errorf("%w: %w", ErrMissing, err)
		}
		return append(b, s.String()...), nil
	}
	for i := 0; i < len(t.ops); i++ {
		switch o := &t.ops[i]; o.kind {
		case opLiteral:
			b = append(b, o.literal...)
		case opValue:
			s := v.get(o.value)
			if s == "" {
				return b, fmt.Errorf("%w: %s in %s", ErrMissing, placeholders[o.value], t.template.Name())
			}
			if o.stops {
				// "Иванов И.И." at the end of a sentence has one full stop, not two.
				s = strings.TrimSuffix(s, ".")
			}
			b = append(b, s...)
		case opUnless:
			if v.get(o.value) == "" {
				i = o.to - 1
			}
		case opJump:
			i = o.to - 1
		}
	}
	return b, nil
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

// tidy trims, and joins the empty lines that a condition left behind to one.
func tidy(s string) string {
	for i := 0; ; {
		next := strings.IndexByte(s[i:], '\n')
		if next < 0 {
			return strings.TrimSpace(s)
		}
		i += next
		if end := emptyLines(s, i); end > 0 && s[i:end] != "\n\n" {
			return strings.TrimSpace(joinEmptyLines(s, i))
		}
		i++
	}
}

// emptyLines is the end of the run of empty lines that the line end at i begins,
// 0 when the next line is not empty.
func emptyLines(s string, i int) (end int) {
	for k := i + 1; k < len(s); k++ {
		switch s[k] {
		case ' ', '\t':
			if end > 0 && end == k {
				end = k + 1
			}
		case '\n':
			end = k + 1
		default:
			return end
		}
	}
	return end
}

func joinEmptyLines(s string, i int) string {
	out := make([]byte, 0, len(s))
	out = append(out, s[:i]...)
	for i < len(s) {
		if s[i] == '\n' {
			if end := emptyLines(s, i); end > 0 {
				out = append(out, "\n\n"...)
				i = end
				continue
			}
		}
		out = append(out, s[i])
		i++
	}
	return string(out)
}
