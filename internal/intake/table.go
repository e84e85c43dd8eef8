package intake

import (
	"bytes"
	"fmt"
	"strings"
)

// table is a file cut into lines, with the header found.
type table struct {
	lines   []line // data lines below the header, blank ones included
	matches []match
}

// table reads the container: workbook or text, and fills the file's description.
func (f *File) table(data []byte) (*table, error) {
	if len(bytes.TrimSpace(bytes.TrimPrefix(data, bom8))) == 0 {
		return nil, ErrEmpty
	}
	if err := checkMapping(f.opts.Mapping); err != nil {
		return nil, err
	}
	if bytes.HasPrefix(data, []byte("PK\x03\x04")) {
		f.Encoding = encXLSX
		return f.workbook(data)
	}
	if no := longLine(data); no > 0 {
		return nil, fmt.Errorf("%w: line %d is longer than %d KB; this is no table", ErrTooLarge, no, maxLine>>10)
	}
	text, enc, err := decode(data)
	if err != nil {
		return nil, err
	}
	if strings.TrimFunc(text, isBlank) == "" {
		return nil, ErrEmpty
	}
	f.Encoding = enc
	f.crlf = strings.Contains(text, "\r\n")
	head, delim, ok := sniffDelimiter(text, f.opts.Mapping)
	if !ok {
		return nil, f.noHeader(split(text, delim, headerScan))
	}
	f.Delimiter = string(delim)
	return f.below(split(text, delim, 0), head), nil
}

// maxLine bounds a physical line in bytes. No table has such rows, and cut into cells one could fill the memory.
const maxLine = 256 << 10

// longLine is the number of the first line that is too long, 0 when there is none.
func longLine(data []byte) int {
	for no := 1; len(data) > maxLine; no++ {
		end := bytes.IndexByte(data[:maxLine], '\n')
		if end < 0 {
			end = bytes.IndexByte(data[:maxLine], '\r')
		}
		if end < 0 {
			return no
		}
		data = data[end+1:]
	}
	return 0
}

// sniffDelimiter takes the delimiter under which most headers are understood.
func sniffDelimiter(text string, mapping map[string]string) (best found, delim byte, ok bool) {
	list := delimiters[:]
	if d, ok := directive(text); ok {
		list = []byte{d}
	}
	delim = list[0]
	for _, d := range list {
		h, found := findHeader(split(text, d, headerScan+1), mapping)
		if found && (!ok || h.score > best.score) {
			best, delim, ok = h, d, true
		}
	}
	return best, delim, ok
}

// below sets the header and gives what stands under it.
func (f *File) below(lines []line, h found) *table {
	f.Header = make([]string, len(h.cells))
	for i, c := range h.cells {
		f.Header[i] = squeeze(c)
		if strings.EqualFold(f.Header[i], errorColumn) {
			f.skip = i
		}
	}
	f.HeaderLine = lines[h.at].no
	t := &table{lines: lines[h.at+h.rows:], matches: h.matches}
	if f.skip >= 0 {
		f.Header = append(f.Header[:f.skip:f.skip], f.Header[f.skip+1:]...)
		t.matches = append(t.matches[:f.skip:f.skip], t.matches[f.skip+1:]...)
		for i := range t.lines {
			if c := t.lines[i].cells; f.skip < len(c) {
				t.lines[i].cells = append(c[:f.skip:f.skip], c[f.skip+1:]...)
			}
		}
	}
	return t
}

// noHeader says what was looked for and what the first lines hold.
func (f *File) noHeader(lines []line) error {
	first := ""
	for _, l := range lines {
		if !l.blank() {
			first = fmt.Sprintf("; the first line is %q", shorten(strings.Join(l.cells, " | "), 80))
			break
		}
	}
	return fmt.Errorf("%w: no line among the first %d names %s%s", ErrHeader, headerScan, lookedFor(f.opts.Kind), first)
}

// lookedFor names the columns without which a kind cannot be read.
func lookedFor(k Kind) string {
	date := map[Kind]string{
		Visits: "closing or hand-over date", Deliveries: "hand-over date", Appointments: "appointment time", Prospects: "date of the contact",
	}[k]
	switch k {
	case Visits:
		return "order number, customer and " + date
	case Customers:
		return "customer and an address or id"
	default:
		return "customer and " + date
	}
}

func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}
