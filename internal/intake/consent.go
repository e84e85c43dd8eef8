package intake

import (
	"strings"
	"time"
)

// Consent is what a file says of a customer's consent to advertising.
type Consent struct {
	Given  bool
	At     time.Time // never in the future; zero only where a "no" has no date
	Source string    // how or where it was given, as written; never "" with Given
	Column string    // header of the column that says yes or no
}

// maxSource bounds the proof of a consent, in characters.
const maxSource = 200

// consent reads the three columns of a consent to advertising; nil where they say nothing that can be used. A "yes" counts
// only with what proves it: the sender of an advertisement answers for the consent (38-FZ, article 18,
// https://www.consultant.ru/document/cons_doc_LAW_58968/), and a date that nobody wrote down is none.
func (r *rowReader) consent() *Consent {
	cell := r.cell(fConsent)
	w := strings.TrimRight(fold(cell), ".!")
	yes, no := words().consentYes[w], words().consentNo[w]
	column := r.column(fConsent)
	switch {
	case yes || no:
	case w == "" || words().says(cell):
		return nil
	default:
		r.warn(column, CodeBadWord, "%q is neither yes nor no; no consent to advertising is taken", shorten(squeeze(cell), 20))
		return nil
	}
	c := &Consent{Given: yes, Source: shorten(r.word(fConsentBy), maxSource), Column: column}
	if d, ok := r.day(fConsentAt); ok && d.year != 0 {
		c.At = d.instant(r.f.opts.Zone).UTC()
	}
	if now := r.f.opts.Now; !now.IsZero() && c.At.After(now) {
		r.warn(r.column(fConsentAt), CodeBadDate, "the date of the consent is in the future; what it says of advertising is left out")
		return nil
	}
	if !yes {
		return c
	}
	var missing string
	switch {
	case c.At.IsZero() && c.Source == "":
		missing = "date and source"
	case c.At.IsZero():
		missing = "date"
	case c.Source == "":
		missing = "source"
	default:
		return c
	}
	r.warn(column, CodeNoProof, "a consent to advertising without its %s cannot be proved; it is not taken", missing)
	return nil
}
