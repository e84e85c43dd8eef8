package dispatch

import (
	"context"
	"math"
	"time"

	"otklik/channels"
	"otklik/internal/ratelimit"
	"otklik/internal/store"
)

// Pace is how many messages a second a dealer's sender of a channel may be handed, of
// SMS how many segments; 0 where nothing bounds it.
func (d *Dispatcher) Pace(ctx context.Context, dealer store.Dealer, ch channels.Kind) (float64, error) {
	book := d.Limits
	if book == nil {
		return 0, nil
	}
	if d.Overrides != nil {
		over, err := d.Overrides(ctx)
		if err != nil {
			return 0, err
		}
		book = book.With(over)
	}
	sender, _ := d.Roster.Sender(dealer.ID, ch)
	of := "channel:" + string(ch)
	if _, own := book.Limit(store.SenderPause(ch, sender)); own {
		of = store.SenderPause(ch, sender) // senders are named as for pauses
	}
	least := math.Inf(1)
	for _, name := range []string{of, store.DealerPause(dealer.Code), "global"} {
		if l, ok := book.Limit(name); ok {
			least = min(least, perSecond(l))
		}
	}
	if math.IsInf(least, 1) {
		return 0, nil
	}
	return least, nil
}

func perSecond(l ratelimit.Limit) float64 {
	n, per := l.Units()
	if n == 0 || per == 0 {
		return math.Inf(1) // lifted
	}
	return float64(n) * float64(time.Second) / float64(per)
}
