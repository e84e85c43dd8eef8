package intake

import "strings"

// line is one row of cells with the physical line (or sheet row) where it starts.
type line struct {
	no    int
	cells []string
}

func (l line) blank() bool {
	for _, c := range l.cells {
		if clean(c) != "" {
			return false
		}
	}
	return true
}

// splitter reads delimited text. encoding/csv was not taken because one stray quote (ООО "Ромашка" unescaped) makes it
// either fail or swallow the following lines; here a quote that does not end its cell properly is an ordinary character.
type splitter struct {
	text  string
	delim byte
	pos   int
	no    int
}

func newSplitter(text string, delim byte) *splitter {
	return &splitter{text: text, delim: delim, no: 1}
}

// next gives the next row, blank ones included; ok is false at the end of the text.
func (s *splitter) next(width int) (l line, ok bool) {
	if s.pos >= len(s.text) {
		return line{}, false
	}
	l = line{no: s.no, cells: make([]string, 0, width)}
	for {
		cell, end := s.cell()
		l.cells = append(l.cells, cell)
		s.pos = end
		if s.pos >= len(s.text) {
			return l, true
		}
		if s.text[s.pos] == s.delim {
			s.pos++
			if s.pos >= len(s.text) {
				l.cells = append(l.cells, "")
				return l, true
			}
			continue
		}
		s.pos += breakLen(s.text, s.pos)
		s.no++
		return l, true
	}
}

// cell reads one cell from pos and gives the position of the delimiter, line break or end behind it.
func (s *splitter) cell() (string, int) {
	open := s.pos
	for open < len(s.text) && s.text[open] == ' ' {
		open++
	}
	if open < len(s.text) && s.text[open] == '"' {
		if cell, end, breaks, ok := s.quoted(open + 1); ok {
			s.no += breaks
			return cell, end
		}
	}
	for i := s.pos; i < len(s.text); i++ {
		switch c := s.text[i]; c {
		case s.delim, '\n', '\r':
			return s.text[s.pos:i], i
		}
	}
	return s.text[s.pos:], len(s.text)
}

// maxQuoted bounds a quoted cell, so that an opening quote without a partner cannot take half the file.
const maxQuoted = 32 << 10

func (s *splitter) quoted(from int) (cell string, end, breaks int, ok bool) {
	escaped := false
	for i := from; i < len(s.text) && i-from < maxQuoted; i++ {
		switch s.text[i] {
		case '\n':
			breaks++
		case '\r':
			if i+1 >= len(s.text) || s.text[i+1] != '\n' {
				breaks++
			}
		case '"':
			if i+1 < len(s.text) && s.text[i+1] == '"' {
				escaped = true
				i++
				continue
			}
			end = i + 1
			for end < len(s.text) && s.text[end] == ' ' && s.delim != ' ' {
				end++
			}
			if end < len(s.text) && s.text[end] != s.delim && s.text[end] != '\n' && s.text[end] != '\r' {
				return "", 0, 0, false
			}
			cell = s.text[from:i]
			if escaped {
				cell = strings.ReplaceAll(cell, `""`, `"`)
			}
			return cell, end, breaks, true
		}
	}
	return "", 0, 0, false
}

func breakLen(text string, at int) int {
	if text[at] == '\r' && at+1 < len(text) && text[at+1] == '\n' {
		return 2
	}
	return 1
}

// split reads up to limit rows. Without a limit (0) it gives all, but no blank ones below where a header can stand.
func split(text string, delim byte, limit int) []line {
	s := newSplitter(text, delim)
	var lines []line
	width := 0
	for limit == 0 || len(lines) < limit {
		l, ok := s.next(width)
		if !ok {
			break
		}
		width = max(width, len(l.cells))
		if limit == 0 && len(lines) > headerScan+1 && l.blank() {
			continue
		}
		lines = append(lines, l)
	}
	return lines
}

var delimiters = [...]byte{';', ',', '\t', '|'}

// directive reads Excel's first line "sep=;".
func directive(text string) (delim byte, ok bool) {
	first, _, _ := strings.Cut(text, "\n")
	first = strings.Trim(first, "\r\" ")
	if len(first) != 5 || !strings.EqualFold(first[:4], "sep=") || !strings.ContainsRune(";,\t|", rune(first[4])) {
		return 0, false
	}
	return first[4], true
}

// clean is a cell without what spreadsheets put around it: blanks of every kind, ="…", a leading apostrophe.
func clean(cell string) string {
	c := strings.TrimFunc(cell, isBlank)
	if len(c) > 3 && strings.HasPrefix(c, `="`) && strings.HasSuffix(c, `"`) {
		c = strings.TrimFunc(c[2:len(c)-1], isBlank)
	}
	if len(c) > 1 && c[0] == '\'' && (c[1] >= '0' && c[1] <= '9' || c[1] == '+') {
		c = c[1:]
	}
	return c
}

// isBlank holds for every kind of space, and for the marks that editors leave unseen.
func isBlank(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '\v', '\f', 0, 0x85, 0xA0, 0x1680, 0x200B, 0x200E, 0x200F, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF:
		return true
	}
	return r >= 0x2000 && r <= 0x200A
}

// squeeze is clean with every run of blanks inside as one space.
func squeeze(cell string) string {
	c := clean(cell)
	single := true
	prev := rune(0)
	for _, r := range c {
		if isBlank(r) && (r != ' ' || prev == ' ') {
			single = false
			break
		}
		prev = r
	}
	if single {
		return c
	}
	return strings.Join(strings.FieldsFunc(c, isBlank), " ")
}
