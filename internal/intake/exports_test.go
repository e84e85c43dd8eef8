package intake

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/ianaindex"
)

// export is one file of testdata/exports: options, the export as text, and what a careful person would read in it.
type export struct {
	name, text, want string
	opts             map[string]string
}

func loadExport(t *testing.T, path string) export {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(data), "-- export --\n")
	text, want, ok := strings.Cut(rest, "-- want --\n")
	if !ok {
		t.Fatalf("%s: no export or no expectation", path)
	}
	e := export{name: filepath.Base(path), text: text, want: want, opts: map[string]string{
		"encoding": "utf-8", "newline": "lf", "zone": "Europe/Moscow", "country": "RU", "locale": "ru", "kind": "visits",
	}}
	for l := range strings.Lines(head) {
		if k, v, ok := strings.Cut(strings.TrimSpace(l), ": "); ok && !strings.HasPrefix(l, "#") {
			e.opts[k] = v
		}
	}
	return e
}

// bytes are the export as the dealer's system wrote it.
func (e export) bytes(t *testing.T) []byte {
	t.Helper()
	text := strings.ReplaceAll(e.text, "\n", map[string]string{"lf": "\n", "crlf": "\r\n", "cr": "\r"}[e.opts["newline"]])
	switch name := e.opts["encoding"]; name {
	case "utf-8":
		return []byte(text)
	case "utf-8-sig":
		return append(slices.Clone(bom8), text...)
	case "utf-16le":
		data, err := encode(text, enc16LE)
		if err != nil {
			t.Fatal(err)
		}
		return data
	default:
		enc, err := ianaindex.IANA.Encoding(name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := enc.NewEncoder().Bytes([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
}

// show gives a record's fields as the expectations write them.
func show(r Row) map[string]string {
	rec := r.Record
	c := rec.Customer
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format("2006-01-02T15:04Z")
	}
	out := map[string]string{
		"name": c.Family + "/" + c.Given + "/" + c.Patronymic, "family": c.Family, "company": c.CompanyName,
		"phones": strings.Join(c.Phones, ","), "emails": strings.Join(c.Emails, ","),
		"closed": stamp(rec.ClosedAt), "handed": stamp(rec.HandedOverAt), "promised": stamp(rec.PromisedAt),
		"works": strings.Join(rec.Works, ";"), "advisor": rec.Advisor, "mechanic": rec.Mechanic, "dept": rec.Department,
		"vin": rec.Vehicle.VIN, "plate": rec.Vehicle.Plate, "model": rec.Vehicle.Model, "mileage": strconv.Itoa(rec.Vehicle.Mileage),
		"repeat": map[bool]string{true: "yes", false: "no"}[rec.Repeat],
	}
	if c.Gender != "" {
		out["gender"] = c.Gender[:1] + ":" + c.GenderSource
	}
	if rec.Total.Valid {
		out["total"] = fmt.Sprintf("%d %s", rec.Total.Minor, rec.Total.Currency)
	}
	out["unreachable"] = map[bool]string{true: "yes", false: "no"}[len(c.Phones)+len(c.Emails) == 0]
	return out
}

// Exports as dealer systems of several countries write them, with what a careful person reads in them.
func TestExports(t *testing.T) {
	paths, err := filepath.Glob("testdata/exports/*.txt")
	if err != nil || len(paths) < 30 {
		t.Fatalf("%d exports: %v", len(paths), err)
	}
	for _, path := range paths {
		e := loadExport(t, path)
		t.Run(strings.TrimSuffix(e.name, ".txt"), func(t *testing.T) {
			o := Options{Kind: Kind(e.opts["kind"]), Country: e.opts["country"], Locale: e.opts["locale"], Zone: zone(t, e.opts["zone"]),
				Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
			f, err := Read(context.Background(), e.name, bytes.NewReader(e.bytes(t)), o)
			if err != nil {
				t.Fatal(err)
			}
			joined := Join(f.Rows)
			for l := range strings.Lines(e.want) {
				e.check(t, f, joined, strings.TrimSpace(l))
			}
			refusedAgain(t, f, o)
		})
	}
}

func (e export) check(t *testing.T, f *File, joined []Row, want string) {
	t.Helper()
	var rows, refused, line int
	if n, _ := fmt.Sscanf(want, "read %d refused %d", &rows, &refused); n == 2 {
		got := 0
		for _, r := range f.Rows {
			if r.Refused() {
				got++
			}
		}
		if len(f.Rows) != rows || got != refused {
			t.Errorf("read %d refused %d, want %s; understood %v", len(f.Rows), got, want, f.Fields)
		}
		return
	}
	if n, _ := fmt.Sscanf(want, "refused line %d", &line); n == 1 {
		if !slices.ContainsFunc(f.Rows, func(r Row) bool { return r.Line == line && r.Refused() }) {
			t.Errorf("line %d was not refused", line)
		}
		return
	}
	order, rest, _ := strings.Cut(want, " | ")
	at := slices.IndexFunc(joined, func(r Row) bool { return !r.Refused() && r.Record.Order == order })
	if at < 0 {
		t.Errorf("no order %q; understood %v", order, f.Fields)
		return
	}
	got := show(joined[at])
	for field := range strings.SplitSeq(rest, " | ") {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch {
		case value == "-" && got[key] == "", value == "*" && got[key] != "":
		case got[key] != value:
			t.Errorf("%s: %s %q, want %q", order, key, got[key], value)
		}
	}
}

// refusedAgain: the file of refused rows is read as the export was and refuses the same rows for the same reasons.
func refusedAgain(t *testing.T, f *File, o Options) {
	t.Helper()
	var b bytes.Buffer
	n, err := f.WriteRefused(&b)
	if err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		return
	}
	again, err := Read(context.Background(), "refused.csv", &b, o)
	if err != nil {
		t.Fatalf("the refused rows cannot be read again: %v", err)
	}
	if len(again.Rows) != n {
		t.Errorf("%d rows were refused, %d come back", n, len(again.Rows))
	}
}

// Headers that dealer systems are known to write.
func TestKnownHeaders(t *testing.T) {
	data, err := os.ReadFile("testdata/headers.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for l := range strings.Lines(string(data)) {
		field, list, ok := strings.Cut(strings.TrimSpace(l), ": ")
		if !ok || strings.HasPrefix(l, "#") {
			continue
		}
		if field == "-" {
			field = ""
		}
		for h := range strings.SplitSeq(list, "|") {
			n++
			if got := words().understand(h).field; got != field {
				t.Errorf("%q is understood as %q, want %q", h, got, field)
			}
		}
	}
	if n < 500 {
		t.Errorf("only %d headers", n)
	}
}
