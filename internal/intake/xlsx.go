package intake

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// maxUnzipped bounds what a workbook may unfold to: a small archive can hold gigabytes of blanks.
const maxUnzipped = 1 << 30

// workbook reads the first sheet that has a header.
func (f *File) workbook(data []byte) (t *table, err error) {
	defer func() {
		if p := recover(); p != nil { // the library is not made for hostile files; one must not end an import of several
			t, err = nil, fmt.Errorf("%w: broken workbook: %v", ErrEncoding, p)
		}
	}()
	x, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{
		RawCellValue: true, UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxUnzipped,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: broken workbook: %w", ErrEncoding, err)
	}
	defer func() { _ = x.Close() }()
	from1904 := false
	if p, err := x.GetWorkbookProps(); err == nil && p.Date1904 != nil {
		from1904 = *p.Date1904
	}
	var first []line
	filled := false
	for _, sheet := range x.GetSheetList() {
		lines, err := sheetLines(x, sheet)
		if err != nil {
			return nil, fmt.Errorf("reading the sheet %q: %w", sheet, err)
		}
		for _, l := range lines {
			filled = filled || !l.blank()
		}
		if h, ok := findHeader(lines, f.opts.Mapping); ok {
			f.Sheet = sheet
			t := f.below(lines, h)
			t.plainNumbers(from1904)
			return t, nil
		}
		if first == nil {
			first = lines
		}
	}
	if !filled {
		return nil, ErrEmpty
	}
	return nil, f.noHeader(first)
}

func sheetLines(x *excelize.File, sheet string) ([]line, error) {
	rows, err := x.Rows(sheet)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var lines []line
	for no := 1; rows.Next(); no++ {
		cells, err := rows.Columns()
		if err != nil {
			return nil, err
		}
		lines = append(lines, line{no: no, cells: cells})
	}
	return lines, rows.Error()
}

// plainNumbers rewrites what a workbook stores in its own way: day numbers in date columns as ISO dates, and
// 7.9161234567E+10 or 45000.0 in the others as whole numbers.
func (t *table) plainNumbers(from1904 bool) {
	for i := range t.lines {
		for at, c := range t.lines[i].cells {
			if c == "" || c[0] < '0' || c[0] > '9' {
				continue
			}
			field := ""
			if at < len(t.matches) {
				field = t.matches[at].field
			}
			t.lines[i].cells[at] = plainNumber(c, field, from1904)
		}
	}
}

func plainNumber(c, field string, from1904 bool) string {
	if isDateField(field) {
		n, err := strconv.ParseFloat(c, 64)
		if err != nil || n >= 110000 || strings.ContainsAny(c, "eE") || n >= 1 && n < 367 && field != fBirthday {
			return c
		}
		if n < 1 { // a time of day alone
			d := fromSerial(n, false)
			return fmt.Sprintf("%02d:%02d:%02d", d.h, d.m, d.s)
		}
		return fromSerial(n, from1904).text()
	}
	if !strings.ContainsAny(c, "eE") && !strings.HasSuffix(c, ".0") || len(c) > 24 {
		return c
	}
	n, err := strconv.ParseFloat(c, 64)
	if err != nil || n != float64(int64(n)) || n > 1e15 {
		return c
	}
	return strconv.FormatInt(int64(n), 10)
}
