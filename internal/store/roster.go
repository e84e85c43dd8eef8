package store

import (
	"context"
	"slices"

	"otklik/channels"
)

// Roster is who sends for whom: dealers with their senders. It is read once at
// start; configuration changes it, not operation.
type Roster struct {
	dealers map[string]Dealer
	senders []Sender
}

// Roster reads all dealers and senders.
func (s *Store) Roster(ctx context.Context) (*Roster, error) {
	ds, err := s.Dealers(ctx)
	if err != nil {
		return nil, err
	}
	r := &Roster{dealers: make(map[string]Dealer, len(ds))}
	for _, d := range ds {
		r.dealers[d.ID] = d
	}
	r.senders, err = s.Senders(ctx)
	return r, err
}

// Dealer finds a rooftop by id.
func (r *Roster) Dealer(id string) (Dealer, bool) { d, ok := r.dealers[id]; return d, ok }

// Dealers lists all rooftops by code.
func (r *Roster) Dealers() []Dealer {
	out := make([]Dealer, 0, len(r.dealers))
	for _, d := range r.dealers {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b Dealer) int {
		if a.Code < b.Code {
			return -1
		}
		return 1
	})
	return out
}

// Sender is the address that a dealer sends from on a channel; false when the
// channel is not in use there.
func (r *Roster) Sender(dealerID string, ch channels.Kind) (string, bool) {
	for _, s := range r.senders {
		if s.DealerID == dealerID && s.Channel == ch {
			return s.Address, true
		}
	}
	return "", false
}

// On lists the dealers that use a channel at all.
func (r *Roster) On(ch channels.Kind) []string {
	var out []string
	for _, s := range r.senders {
		if s.Channel == ch {
			out = append(out, s.DealerID)
		}
	}
	return out
}
