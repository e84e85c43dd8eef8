package console

import (
	"time"

	"otklik/internal/store"
)

// Sentence says in a language why an outreach was sent, held, moved, merged or
// dropped; the API gives it beside the rule. Times are in the zone.
func (c *Console) Sentence(locale string, d store.ListedDecision, zone *time.Location) string {
	q := &request{c: c, lang: c.catalogues[tongue(locale)], dealer: store.Dealer{Zone: zone.String(), Locale: locale}, now: c.Clock.Business()}
	return q.why(d).Sentence
}
