package outlook

import (
	"cmp"
	"context"
	"slices"
	"time"

	"otklik/internal/outreach"
	"otklik/internal/program"
)

// Tally is what one program has on one day. Planned is not judged yet: consents, caps,
// quiet hours and tact decide when it is due.
type Tally struct {
	Program string
	Planned, Done,
	// Unknown are those of unknown gender, who are listed for checking (R052); Dropped what
	// else will not go or has not gone.
	Unknown, Dropped int
}

// All is how many people it is about.
func (t Tally) All() int { return t.Planned + t.Done }

// Days counts a dealer's outreach by day, day i being [cuts[i], cuts[i+1]): what stands
// and has been, and what dates will lead to. Nobody is looked at singly.
func (o *Outlook) Days(ctx context.Context, dealerID string, cuts []time.Time) ([][]Tally, error) {
	out := make([][]Tally, len(cuts)-1)
	at := func(day int, id string) *Tally {
		i, found := slices.BinarySearchFunc(out[day], id, func(t Tally, id string) int { return cmp.Compare(t.Program, id) })
		if !found {
			out[day] = slices.Insert(out[day], i, Tally{Program: id})
		}
		return &out[day][i]
	}
	stand, err := o.Store.DayCounts(ctx, dealerID, cuts)
	if err != nil {
		return nil, err
	}
	for _, c := range stand {
		t := at(c.Day, c.Program)
		switch c.State {
		case outreach.Done:
			t.Done += c.N
		case outreach.Dropped:
			t.drop(c.Rule, c.N)
		case outreach.Merged, outreach.Superseded: // it stands in another one
		default:
			t.Planned += c.N
		}
	}
	if now := o.Clock.Business(); cuts[len(cuts)-1].After(now) {
		ahead, err := o.Planner.Count(ctx, dealerID, cuts, now)
		if err != nil {
			return nil, err
		}
		for _, c := range ahead {
			if t := at(c.Day, c.Program); c.Rule == "" {
				t.Planned += c.N
			} else {
				t.drop(c.Rule, c.N)
			}
		}
	}
	return out, nil
}

func (t *Tally) drop(rule string, n int) {
	if rule == program.RuleGenderUnknown {
		t.Unknown += n
	} else {
		t.Dropped += n
	}
}
