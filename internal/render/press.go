package render

import (
	"fmt"
	"net/url"
	"strings"
)

// press is the room in which a page is made of a stored letter, used again for the
// next one.
type press struct {
	letter  letter
	choices []choice
	rows    [][]choice

	page       page
	lines      []string
	paragraphs [][]string
	links      []link
	linkRows   [][]link
	urls       []byte
	ends       []int
}

// set makes of the letter what the layout shows.
func (p *press) set() error {
	l := &p.letter
	p.page = page{Lang: l.locale, Subject: l.subject, Preheader: l.preheader, Legend: l.legend, Open: l.open, OpenURL: l.form,
		Reply: l.reply, Why: l.why, Place: l.place, Unsubscribe: l.unsubscribe, UnsubscribeURL: l.unsubscribeURL}
	p.split(l.body)
	p.page.Paragraphs = p.paragraphs
	if len(l.rows) == 0 {
		return nil
	}
	return p.link()
}

// link makes a link to the form of each answer.
func (p *press) link() error {
	l := &p.letter
	base, form := l.form, (*url.URL)(nil)
	if !plainURL(base) {
		var err error
		if form, err = url.Parse(base); err != nil {
			return fmt.Errorf("%w: the link to the form", ErrLetter)
		}
		if form.RawQuery == "" && form.Fragment == "" && !form.ForceQuery {
			base, form = form.String(), nil
		}
	}
	p.links, p.linkRows, p.urls, p.ends = p.links[:0], p.linkRows[:0], p.urls[:0], p.ends[:0]
	for _, row := range l.rows {
		for i := range row {
			p.links = append(p.links, link{Label: row[i].label})
			if form == nil {
				p.urls = append(append(append(p.urls, base...), "?q="...), url.QueryEscape(row[i].value)...)
			} else {
				u, q := *form, form.Query()
				q.Set("q", row[i].value)
				u.RawQuery = q.Encode()
				p.urls = append(p.urls, u.String()...)
			}
			p.ends = append(p.ends, len(p.urls))
		}
	}
	urls, from := string(p.urls), 0
	for i, end := range p.ends {
		p.links[i].URL, from = urls[from:end], end
	}
	rest := p.links
	for _, row := range l.rows {
		p.linkRows, rest = append(p.linkRows, rest[:len(row)]), rest[len(row):]
	}
	p.page.Rows = p.linkRows
	return nil
}

// plainURL tells that a link is one to the web which url.Parse takes and gives back
// as it is, without query and fragment.
func plainURL(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(s, "http://"); !ok {
			return false
		}
	}
	for i := range len(rest) {
		switch c := rest[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '-' || c == '_' || c == '/'):
		default:
			return false
		}
	}
	return rest != ""
}

// split cuts a text into the lines of each paragraph.
func (p *press) split(text string) {
	p.lines, p.paragraphs = p.lines[:0], p.paragraphs[:0]
	for more := true; more; {
		var s string
		s, text, more = strings.Cut(text, "\n\n")
		from := len(p.lines)
		for below := true; below; {
			var line string
			line, s, below = strings.Cut(s, "\n")
			p.lines = append(p.lines, line)
		}
		p.paragraphs = append(p.paragraphs, p.lines[from:len(p.lines):len(p.lines)])
	}
}
