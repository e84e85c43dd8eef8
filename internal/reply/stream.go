package reply

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// line is one input of the command `otklik parse`.
type line struct {
	ID        *string   `json:"id"`
	Locale    string    `json:"locale"`
	Channel   string    `json:"channel"`
	Question  *Question `json:"question"`
	Text      *string   `json:"text"`
	Now       time.Time `json:"now"`
	Zone      string    `json:"zone"`
	Employees []string  `json:"employees"`
}

// output is one prediction.
type output struct {
	ID         string    `json:"id"`
	Intent     Intent    `json:"intent"`
	Rating     *int      `json:"rating"`
	Answer     *string   `json:"answer"`
	Choice     *string   `json:"choice"`
	Choices    []string  `json:"choices,omitempty"`
	Comment    string    `json:"comment"`
	Also       []Intent  `json:"also"`
	Flags      []string  `json:"flags"`
	Topics     []string  `json:"topics"`
	Praise     []string  `json:"praise,omitempty"`
	Confidence float64   `json:"confidence"`
	Suggest    *int      `json:"suggest,omitempty"`
	Purpose    string    `json:"purpose,omitempty"`
	Locale     string    `json:"locale,omitempty"`
	When       *Interval `json:"when"`
}

type badLine struct {
	ID    *string `json:"id"`
	Error string  `json:"error"`
}

var errNoID, errNoText = errors.New("no id"), errors.New("no text")

// Stream is the command `otklik parse`: one JSON object a line in, one a line out (../replies/README.md). A bad line
// gives {"id":null,"error":…} and is counted; err is only about reading and writing.
func (p *Parser) Stream(r io.Reader, w io.Writer) (bad int, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	out := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	first := true
	for {
		raw, readErr := in.ReadBytes('\n')
		if first {
			raw = trimBOM(raw)
			first = false
		}
		if !blank(raw) {
			if !p.streamLine(enc, raw, &err) {
				bad++
			}
			if err != nil {
				return bad, fmt.Errorf("writing a reading: %w", err)
			}
		}
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			return bad, errors.Join(fmt.Errorf("reading replies: %w", readErr), out.Flush())
		}
	}
	if err := out.Flush(); err != nil {
		return bad, fmt.Errorf("writing readings: %w", err)
	}
	return bad, nil
}

func (p *Parser) streamLine(enc *json.Encoder, raw []byte, err *error) bool {
	in, problem := decode(raw)
	if problem != nil {
		*err = enc.Encode(badLine{Error: problem.Error()})
		return false
	}
	*err = enc.Encode(encode(*in.ID, p.Read(Input{Text: *in.Text, Locale: in.Locale, Channel: in.Channel, Question: in.Question,
		Now: in.Now, Zone: zoneOf(in.Zone), Employees: in.Employees})))
	return true
}

func decode(raw []byte) (line, error) {
	var in line
	if err := json.Unmarshal(raw, &in); err != nil {
		return in, fmt.Errorf("not a reply: %w", err)
	}
	switch {
	case in.ID == nil:
		return in, errNoID
	case in.Text == nil:
		return in, errNoText
	}
	if in.Zone != "" && zoneOf(in.Zone) == nil {
		return in, fmt.Errorf("unknown zone %q", in.Zone)
	}
	return in, nil
}

func encode(id string, r Reading) output {
	o := output{ID: id, Intent: r.Intent, Rating: r.Rating, Choices: r.Choices, Comment: r.Comment, Also: r.Also, Flags: r.Flags,
		Topics: r.Topics, Praise: r.Praise, Confidence: r.Confidence, Suggest: r.Suggest, Purpose: r.Purpose, Locale: r.Locale, When: r.When}
	if r.Answer != "" {
		o.Answer = &r.Answer
	}
	if r.Choice != "" {
		o.Choice = &r.Choice
	}
	if o.Also == nil {
		o.Also = []Intent{}
	}
	if o.Flags == nil {
		o.Flags = []string{}
	}
	if o.Topics == nil {
		o.Topics = []string{}
	}
	return o
}

func trimBOM(b []byte) []byte {
	if len(b) >= 3 && b[0] == 0xEF && b[1] == 0xBB && b[2] == 0xBF {
		return b[3:]
	}
	return b
}

func blank(b []byte) bool {
	for _, c := range b {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}
