package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"otklik/channels"
	"otklik/internal/reply"
	"otklik/internal/store"
)

// Proposal is a reply that the program could not read with the answer that an employee
// read from it, in the form of the labelled replies of internal/reply/testdata: who
// writes lexicons can put the line there. The text is the customer's.
type Proposal struct {
	ID       string         `json:"id"`
	Locale   string         `json:"locale"`
	Channel  string         `json:"channel"`
	Question reply.Question `json:"question"`
	Text     string         `json:"text"`
	Want     Wanted         `json:"want"`
	Tags     []string       `json:"tags"`
}

// Wanted is what a reply means.
type Wanted struct {
	Intent reply.Intent `json:"intent"`
	Rating *int         `json:"rating,omitempty"`
	Answer string       `json:"answer,omitempty"`
	Choice string       `json:"choice,omitempty"`
}

// Proposals lists what employees of the dealer decided about unread replies, the oldest
// reply first. An answer counts as the decision about a reply when it is to the question
// that the reply was read against. Open and multiple-choice questions are left out: what
// is typed in there is no reading of the text.
func (b *Inbox) Proposals(ctx context.Context, dealerID string) ([]Proposal, error) {
	ds, err := b.Store.Decisions(ctx, dealerID)
	if err != nil {
		return nil, fmt.Errorf("listing proposals: %w", err)
	}
	var out []Proposal
	for i := range ds {
		p, ok, err := b.proposal(ctx, &ds[i])
		if err != nil {
			return nil, fmt.Errorf("listing proposals: %w", err)
		}
		if ok {
			out = append(out, p)
		}
	}
	return out, nil
}

func (b *Inbox) proposal(ctx context.Context, d *store.Decision) (p Proposal, ok bool, err error) {
	var h heard
	if err := json.Unmarshal([]byte(d.Reading), &h); err != nil {
		return p, false, fmt.Errorf("reading of message %s: %w", d.MessageID, err)
	}
	if h.Question == "" || h.Question != d.Answer.Question {
		return p, false, nil
	}
	def, err := b.Definition(ctx, d.Survey, d.SurveyVersion)
	if err != nil {
		return p, false, err
	}
	q, known := def.Question(h.Question)
	if !known {
		return p, false, nil
	}
	asked := q.Reply(d.Locale, channels.Kind(d.Channel))
	if !slices.Contains([]reply.Kind{reply.KindRating, reply.KindNPS, reply.KindYesNo, reply.KindChoice}, asked.Kind) {
		return p, false, nil
	}
	a := &d.Answer
	return Proposal{ID: "p-" + d.MessageID, Locale: d.Locale, Channel: d.Channel, Question: asked, Text: strings.TrimSpace(d.Text),
		Want: Wanted{Intent: reply.IntentAnswer, Rating: a.Rating, Answer: a.Answer, Choice: a.Choice}, Tags: []string{"proposal"}}, true, nil
}
