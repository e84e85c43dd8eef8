package render

import (
	"bytes"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"strings"
)

// page is what the layout of an email shows.
type page struct {
	Lang, Subject, Preheader    string
	Paragraphs                  [][]string
	Rows                        [][]link
	Legend, Open, OpenURL       string
	Reply, Why, Place           string
	Unsubscribe, UnsubscribeURL string
}

type link struct{ Label, URL string }

// layout is the page's template. html/template decides, when it is loaded, which
// escaping each place needs; what it decided is read from the tree that it leaves
// and compiled, so that a page is made without reflection. A layout with a
// construct or an escaping that is not known here, and one whose compiled form
// does not give what html/template gives for hostile values, is executed by
// html/template itself.
type layout struct {
	template *htmltemplate.Template
	// nodes are nil where html/template does the work.
	nodes []node
}

func newLayout(fsys fs.FS, name string) (*layout, error) {
	t, err := htmltemplate.ParseFS(fsys, name)
	if err != nil {
		return nil, err
	}
	// The first execution escapes the tree.
	if err := t.Execute(io.Discard, &page{}); err != nil {
		return nil, err
	}
	l := &layout{template: t}
	c := layoutCompiler{}
	if nodes, ok := c.list(t.Tree.Root, kindPage); ok {
		l.nodes = nodes
		if err := l.check(); err != nil {
			l.nodes = nil
		}
	}
	return l, nil
}

// append appends the page.
func (l *layout) append(b []byte, p *page) ([]byte, error) {
	if l.nodes == nil {
		return l.slowly(b, p)
	}
	e := execution{out: b, dot: datum{kind: kindPage, page: p}}
	e.run(l.nodes)
	return e.out, nil
}

// slowly appends the page as html/template makes it.
func (l *layout) slowly(b []byte, p *page) ([]byte, error) {
	out := bytes.NewBuffer(b)
	if err := l.template.Execute(out, p); err != nil {
		return b, fmt.Errorf("filling the email layout: %w", err)
	}
	return out.Bytes(), nil
}

// check compares both ways over pages full of what must be escaped.
func (l *layout) check() error {
	var every strings.Builder
	for c := range 256 {
		every.WriteByte(byte(c))
	}
	for _, s := range []string{"", "plain", every.String() + "</title><script>alert('1')</script>{{.}}&amp;&#43;\u2028\U0001F60A", "javascript:alert(1)", "https://x.example/%7e%zz?a=1&b=\"'()#x"} {
		lines := []string{s, s}
		for _, p := range []*page{
			{s, s, s, [][]string{lines, {s}, nil}, [][]link{{{s, s}, {s, s}}, {{s, s}}, nil}, s, s, s, s, s, s, s, s},
			{Lang: s, Open: s, Place: s}, {Subject: s, OpenURL: s, Unsubscribe: s}, {Preheader: s, Reply: s}, {Legend: s, Why: s, UnsubscribeURL: s},
		} {
			want, err := l.slowly(nil, p)
			if err != nil {
				return err
			}
			if got, _ := l.append(nil, p); !bytes.Equal(got, want) {
				return fmt.Errorf("the compiled layout gives %q, not %q", got, want)
			}
		}
	}
	return nil
}

// kind is the type of a value in the layout.
type kind uint8

const (
	kindPage       kind = iota
	kindText            // string
	kindNumber          // the index of a range
	kindParagraphs      // [][]string
	kindLines           // []string
	kindRows            // [][]link
	kindRow             // []link
	kindLink            // link
)

// element is what a range over a kind gives.
var element = [...]kind{kindParagraphs: kindLines, kindLines: kindText, kindRows: kindRow, kindRow: kindLink}

// datum is a value in the layout. Paragraphs and rows are those of the page.
type datum struct {
	kind   kind
	number int
	text   string
	page   *page
	lines  []string
	row    []link
	link   *link
}

func (d *datum) len() int {
	switch d.kind {
	case kindText:
		return len(d.text)
	case kindNumber:
		return d.number
	case kindParagraphs:
		return len(d.page.Paragraphs)
	case kindLines:
		return len(d.lines)
	case kindRows:
		return len(d.page.Rows)
	case kindRow:
		return len(d.row)
	}
	return 1 // a page or a link always counts
}

func (d *datum) at(i int) datum {
	switch d.kind {
	case kindParagraphs:
		return datum{kind: kindLines, lines: d.page.Paragraphs[i]}
	case kindLines:
		return datum{kind: kindText, text: d.lines[i]}
	case kindRows:
		return datum{kind: kindRow, row: d.page.Rows[i]}
	}
	return datum{kind: kindLink, link: &d.row[i]}
}

// field is what the layout can name: a field of the page or of a link.
type field uint8

const (
	noField field = iota
	fieldLang
	fieldSubject
	fieldPreheader
	fieldParagraphs
	fieldRows
	fieldLegend
	fieldOpen
	fieldOpenURL
	fieldReply
	fieldWhy
	fieldPlace
	fieldUnsubscribe
	fieldUnsubscribeURL
	fieldLabel
	fieldURL
)

// fields are the fields by the kind of the dot that has them.
var fields = map[kind]map[string]field{
	kindPage: {
		"Lang": fieldLang, "Subject": fieldSubject, "Preheader": fieldPreheader, "Paragraphs": fieldParagraphs, "Rows": fieldRows,
		"Legend": fieldLegend, "Open": fieldOpen, "OpenURL": fieldOpenURL, "Reply": fieldReply, "Why": fieldWhy, "Place": fieldPlace,
		"Unsubscribe": fieldUnsubscribe, "UnsubscribeURL": fieldUnsubscribeURL,
	},
	kindLink: {"Label": fieldLabel, "URL": fieldURL},
}

func (f field) kind() kind {
	switch f {
	case fieldParagraphs:
		return kindParagraphs
	case fieldRows:
		return kindRows
	}
	return kindText
}

// fieldText reads a field that is a string.
func (d *datum) fieldText(f field) string {
	switch f {
	case fieldLang:
		return d.page.Lang
	case fieldSubject:
		return d.page.Subject
	case fieldPreheader:
		return d.page.Preheader
	case fieldLegend:
		return d.page.Legend
	case fieldOpen:
		return d.page.Open
	case fieldOpenURL:
		return d.page.OpenURL
	case fieldReply:
		return d.page.Reply
	case fieldWhy:
		return d.page.Why
	case fieldPlace:
		return d.page.Place
	case fieldUnsubscribe:
		return d.page.Unsubscribe
	case fieldUnsubscribeURL:
		return d.page.UnsubscribeURL
	case fieldLabel:
		return d.link.Label
	}
	return d.link.URL
}

// field reads any field.
func (d *datum) field(f field) datum {
	k := f.kind()
	if k == kindText {
		return datum{kind: k, text: d.fieldText(f)}
	}
	return datum{kind: k, page: d.page}
}

// node is one compiled part of the layout.
type node struct {
	kind    nodeKind
	literal string
	operand operand
	escapes []escape
	// index and element are the variables that a range sets, -1 for none.
	index, element int
	then, others   []node
}

type nodeKind uint8

const (
	nodeLiteral nodeKind = iota
	nodePrint
	nodeIf
	nodeRange
)

// operand is a variable, a field of the dot, or the dot itself (noField).
type operand struct {
	variable int // -1 for none
	field    field
}

// execution is the layout at work.
type execution struct {
	out []byte
	dot datum
	// variables live as long as the page: each has a place of its own.
	variables [maxVariables]datum
}

func (e *execution) value(o *operand) datum {
	switch {
	case o.variable >= 0:
		return e.variables[o.variable]
	case o.field != noField:
		return e.dot.field(o.field)
	}
	return e.dot
}

// text is the value of an operand that is a string.
func (e *execution) text(o *operand) string {
	switch {
	case o.variable >= 0:
		return e.variables[o.variable].text
	case o.field != noField:
		return e.dot.fieldText(o.field)
	}
	return e.dot.text
}

func (e *execution) run(nodes []node) {
	for i := range nodes {
		switch n := &nodes[i]; n.kind {
		case nodeLiteral:
			e.out = append(e.out, n.literal...)
		case nodePrint:
			e.out = escaped(e.out, e.text(&n.operand), n.escapes)
		case nodeIf:
			if e.holds(&n.operand) {
				e.run(n.then)
			} else {
				e.run(n.others)
			}
		case nodeRange:
			e.loop(n)
		}
	}
}

// holds tells whether a condition on an operand is met.
func (e *execution) holds(o *operand) bool {
	if o.variable < 0 && o.field.kind() == kindText && o.field != noField {
		return e.dot.fieldText(o.field) != ""
	}
	d := e.value(o)
	return d.len() != 0
}

func (e *execution) loop(n *node) {
	over, outside := e.value(&n.operand), e.dot
	size := over.len()
	for i := range size {
		e.dot = over.at(i)
		if n.index >= 0 {
			e.variables[n.index] = datum{kind: kindNumber, number: i}
		}
		if n.element >= 0 {
			e.variables[n.element] = e.dot
		}
		e.run(n.then)
	}
	if e.dot = outside; size == 0 {
		e.run(n.others)
	}
}
