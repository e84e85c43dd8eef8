package console

import (
	"time"

	"otklik/internal/store"
)

// Sentence says in a language why an outreach was sent, held, moved, merged or
// dropped; the API gives it beside the rule. Times are in the zone; a language
// that the console does not speak gives English.
func (c *Console) Sentence(locale string, d store.ListedDecision, zone *time.Location) string {
	cat, ok := c.catalogues[tongue(locale)]
	if !ok {
		cat = c.catalogues["en"]
	}
	q := &request{c: c, lang: cat, dealer: store.Dealer{Zone: zone.String(), Locale: locale}, now: c.Clock.Business()}
	return q.why(d).Sentence
}
