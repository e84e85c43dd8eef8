package email

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// parsedFile is a line of parse-email; its names are fixed (docs: interfaces).
type parsedFile struct {
	File    string        `json:"file"`
	Kind    MailKind      `json:"kind"`
	Text    *string       `json:"text"`
	Rating  *int          `json:"rating"`
	Intent  *string       `json:"intent"`
	Bounced []parsedEntry `json:"bounced"`
}

type parsedEntry struct {
	Address string      `json:"address"`
	Status  *string     `json:"status"`
	Class   BounceClass `json:"class"`
}

// ParseFiles reads each file as a raw mail and writes a JSON line about it, in
// order. read understands a reply's text as an answer on 1..5; it is given by
// the caller because channels know nothing of answers. bad says of each file that
// could not be read or holds no mail why; err is a failure of w.
func ParseFiles(paths []string, w io.Writer, read func(text string) (rating *int, intent string)) (bad []error, err error) {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for _, path := range paths {
		line := parsedFile{File: path, Kind: Unreadable, Bounced: []parsedEntry{}}
		if raw, err := os.ReadFile(path); err != nil {
			bad = append(bad, err)
		} else if line.fill(Parse(raw), read); line.Kind == Unreadable {
			bad = append(bad, fmt.Errorf("%s: this is no mail", path))
		}
		if err := out.Encode(line); err != nil {
			return bad, fmt.Errorf("writing a line: %w", err)
		}
	}
	return bad, nil
}

func (l *parsedFile) fill(m Mail, read func(string) (*int, string)) {
	l.Kind = m.Kind
	if m.Kind == Reply {
		rating, intent := read(m.Text)
		l.Text, l.Rating, l.Intent = &m.Text, rating, &intent
	}
	for _, b := range m.Bounced {
		entry := parsedEntry{Address: b.Address, Class: b.Class}
		if b.Status != "" {
			entry.Status = &b.Status
		}
		l.Bounced = append(l.Bounced, entry)
	}
}
