package intake

import (
	"bytes"
	"fmt"
	"io"
	"sort"
	"strings"
)

// Refuse marks a row that the caller cannot use (an unknown dealer, an order of somebody else in the store), with the
// other lines that Join put into it, so that WriteRefused writes all of them.
func (f *File) Refuse(row Row, column, code, reason string) {
	for _, r := range append([]Row{row}, row.Joined...) {
		i := sort.Search(len(f.Rows), func(i int) bool { return f.Rows[i].Line >= r.Line })
		if i == len(f.Rows) || f.Rows[i].Line != r.Line {
			continue
		}
		f.Rows[i].Record = nil
		f.Rows[i].Problems = append(f.Rows[i].Problems, Problem{Line: r.Line, Column: column, Code: code, Reason: reason, Refused: true})
	}
}

// Warn notes what the database says against a part of a row; the row is kept.
func (f *File) Warn(row Row, column, code, reason string) {
	i := sort.Search(len(f.Rows), func(i int) bool { return f.Rows[i].Line >= row.Line })
	if i < len(f.Rows) && f.Rows[i].Line == row.Line {
		f.Rows[i].Problems = append(f.Rows[i].Problems, Problem{Line: row.Line, Column: column, Code: code, Reason: reason})
	}
}

// WriteRefused writes the refused rows with the file's header, encoding and delimiter, and the reasons in a last column
// otklik_error. The result can be mended and imported as it is. A workbook's rows are written as CSV in UTF-8. It
// writes nothing when no row was refused.
func (f *File) WriteRefused(w io.Writer) (n int, err error) {
	delim := f.Delimiter
	if delim == "" {
		delim = ","
		if f.opts.Locale == "ru" {
			delim = ";" // what a Russian spreadsheet opens
		}
	}
	eol := "\n"
	if f.crlf || f.Encoding == encXLSX {
		eol = "\r\n"
	}
	var b strings.Builder
	put := func(cells []string, last string) {
		for i := range f.Header {
			if i < len(cells) {
				b.WriteString(quote(cells[i], delim))
			}
			b.WriteString(delim)
		}
		for _, c := range cells[min(len(f.Header), len(cells)):] { // a shifted row keeps its cells
			b.WriteString(quote(c, delim) + delim)
		}
		b.WriteString(quote(last, delim) + eol)
	}
	put(f.Header, errorColumn)
	for _, row := range f.Rows {
		if !row.Refused() {
			continue
		}
		put(row.Raw, reasons(row.Problems))
		n++
	}
	if n == 0 {
		return 0, nil
	}
	data, err := encode(b.String(), f.Encoding)
	if err != nil {
		return 0, fmt.Errorf("writing refused rows: %w", err)
	}
	if _, err := io.Copy(w, bytes.NewReader(data)); err != nil {
		return 0, fmt.Errorf("writing refused rows: %w", err)
	}
	return n, nil
}

// reasons are the problems of a row in one cell, those that refused it first.
func reasons(problems []Problem) string {
	var first, rest []string
	for _, p := range problems {
		s := p.Column + ": " + p.Reason
		if p.Refused {
			first = append(first, s)
		} else {
			rest = append(rest, s)
		}
	}
	return strings.Join(append(first, rest...), "; ")
}

func quote(cell, delim string) string {
	if strings.ContainsAny(cell, delim+"\"\r\n") || cell != strings.TrimSpace(cell) {
		return `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
	}
	return cell
}
