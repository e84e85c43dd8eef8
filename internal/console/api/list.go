package api

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"otklik/internal/intake"
	"otklik/internal/store"
)

// query narrows a list; what is left out does not. The store gives up to 500 rows
// at once and is asked for one more than the page holds.
type query struct {
	Order  string `query:"order" maxLength:"100" doc:"Order number." example:"ЗН-000123"`
	Phone  string `query:"phone" maxLength:"60" doc:"The customer's telephone number, in any form." example:"+79000000001"`
	Dealer string `query:"dealer" maxLength:"100" doc:"The dealer's code; the token's own is the default and the only one allowed." example:"main"`
	Cursor string `query:"cursor" maxLength:"100" doc:"The next of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"100" doc:"Items a page."`
}

// page is a part of a list, newest first.
type page[T any] struct {
	Items []T     `json:"items" nullable:"false"`
	Next  *string `json:"next" doc:"Pass it as cursor for the next page; null at the end." example:"019abf00-0000-7000-8000-000000000002"`
}

type output[T any] struct{ Body page[T] }

type message struct {
	ID         string    `json:"id" format:"uuid" example:"019abf00-0000-7000-8000-000000000003"`
	Direction  string    `json:"direction" enum:"in,out" example:"out"`
	Channel    string    `json:"channel" doc:"sms, email, telegram, phone, paper or form." example:"sms"`
	State      string    `json:"state" doc:"queued, sending, sent, delivered, undelivered, failed, unknown, expired, canceled; received for what came in." example:"delivered"`
	Text       string    `json:"text" example:"Как всё прошло? Ответьте числом от 1 до 5."`
	At         time.Time `json:"at" doc:"When it was made or received, with the dealer's offset." example:"2026-11-22T18:45:00+03:00"`
	ProviderID string    `json:"provider_id" doc:"The provider's id; empty while there is none." example:"SM00000000000000000000000000000001"`
	Order      string    `json:"order" doc:"The order it is about; empty where it is about none." example:"ЗН-000123"`
	Program    string    `json:"program" doc:"The program that sent it; empty where none did." example:"after-service"`
}

type response struct {
	ID      string   `json:"id" format:"uuid" example:"019abf00-0000-7000-8000-000000000004"`
	Order   string   `json:"order" example:"ЗН-000123"`
	Survey  string   `json:"survey" example:"after-service"`
	Answers []answer `json:"answers" nullable:"false"`
}

type answer struct {
	Question string    `json:"question" example:"satisfaction"`
	Rating   *int      `json:"rating" doc:"null where the question asks for none." example:"2"`
	Answer   string    `json:"answer" doc:"yes or no, or the customer's words where the question is an open one." example:""`
	Choice   string    `json:"choice" doc:"What was chosen." example:""`
	Comment  string    `json:"comment" doc:"What the customer added." example:"ждал 3 часа"`
	Channel  string    `json:"channel" doc:"By what it came." example:"sms"`
	At       time.Time `json:"at" example:"2026-11-22T19:02:11+03:00"`
}

type callback struct {
	ID     string    `json:"id" format:"uuid" example:"019abf00-0000-7000-8000-000000000005"`
	Order  string    `json:"order" example:"ЗН-000123"`
	State  string    `json:"state" enum:"open,claimed,asked,closed,withdrawn" example:"open"`
	Reason string    `json:"reason" doc:"Why it was opened." example:"low_score"`
	Words  string    `json:"words" doc:"The customer's own words, unedited." example:"2. ждал 3 часа"`
	Owner  string    `json:"owner" doc:"Who has it; empty while nobody does." example:"Смирнова А."`
	DueAt  time.Time `json:"due_at" example:"2026-11-23T19:02:11+03:00"`
}

type decision struct {
	ID      string     `json:"id" format:"uuid" example:"019abf00-0000-7000-8000-000000000006"`
	Order   string     `json:"order" example:"ЗН-000123"`
	Program string     `json:"program" example:"after-service"`
	Verdict string     `json:"verdict" doc:"send, hold, move, merge, drop or task." example:"hold"`
	Rule    string     `json:"rule" doc:"The rule's name." example:"quiet_hours"`
	Until   *time.Time `json:"until" doc:"When it is looked at again; null where it is not." example:"2026-11-23T10:00:00+03:00"`
	Text    string     `json:"text" doc:"The decision in a sentence, in the dealer's language." example:"Отложено до 10:00: у получателя тихие часы."`
}

// asked is a query understood.
type asked struct {
	order, address, after string
	limit                 int
	zone                  *time.Location
	locale                string
	dealerID              string
}

func (r *request) asked(q *query) (asked, error) {
	x := asked{order: squeeze(q.Order), limit: q.Limit, zone: r.zone, locale: r.dealer.Locale, dealerID: r.dealer.ID}
	if err := r.forDealer(q.Dealer); err != nil {
		return x, err
	}
	var bad invalid
	if q.Phone != "" {
		if x.address = queriedPhone(q.Phone, r.dealer.Country); x.address == "" {
			bad.add("query.phone", "is not a telephone number")
		}
	}
	if q.Cursor != "" {
		// Only the plain form: PostgreSQL takes no other, and would fail.
		id, err := uuid.Parse(q.Cursor)
		if err != nil || len(q.Cursor) != len(uuid.Nil.String()) {
			bad.add("query.cursor", "is not the next of a page")
		}
		x.after = id.String()
	}
	return x, bad.orNil()
}

// queriedPhone is a number as it is stored, "" when it is none. A plus sign that
// was not escaped arrives as a blank.
func queriedPhone(raw, region string) string {
	if strings.HasPrefix(raw, " ") {
		raw = "+" + strings.TrimSpace(raw)
	}
	good, bad := intake.Phone(squeeze(raw), region)
	if len(good) == 0 || len(bad) > 0 {
		return ""
	}
	return good[0]
}

// filter asks for one item more than the page holds, to know whether it is the
// last.
func (x asked) filter() store.Filter {
	return store.Filter{DealerID: x.dealerID, Order: x.order, Address: x.address, After: x.after, Limit: x.limit + 1}
}

// paged cuts a page out of what the store gave, and puts it into wire shapes.
func paged[S, T any](x asked, found []S, id func(S) string, shape func(S) T) *output[T] {
	out := &output[T]{Body: page[T]{Items: make([]T, 0, min(len(found), x.limit))}}
	for i, s := range found {
		if i == x.limit {
			last := id(found[i-1])
			out.Body.Next = &last
			break
		}
		out.Body.Items = append(out.Body.Items, shape(s))
	}
	return out
}

func (a *API) listMessages(ctx context.Context, r *request, q *query) (*output[message], error) {
	x, err := r.asked(q)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.ListMessages(ctx, x.filter())
	if err != nil {
		return nil, err
	}
	return paged(x, found, func(m store.ListedMessage) string { return m.ID }, func(m store.ListedMessage) message {
		return message{m.ID, m.Direction, string(m.Channel), string(m.State), m.Text, m.At.In(x.zone), m.ProviderID, m.Order, m.Program}
	}), nil
}

func (a *API) listResponses(ctx context.Context, r *request, q *query) (*output[response], error) {
	x, err := r.asked(q)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.ListResponses(ctx, x.filter())
	if err != nil {
		return nil, err
	}
	return paged(x, found, func(c store.ListedResponse) string { return c.Conversation.ID }, func(c store.ListedResponse) response {
		out := response{c.Conversation.ID, c.Order, c.Conversation.Survey, make([]answer, 0, len(c.Answers))}
		for _, w := range c.Answers {
			out.Answers = append(out.Answers, answer{w.Question, w.Rating, w.Answer, w.Choice, w.Comment, string(w.Channel), w.At.In(x.zone)})
		}
		return out
	}), nil
}

func (a *API) listCallbacks(ctx context.Context, r *request, q *query) (*output[callback], error) {
	x, err := r.asked(q)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.Tasks(ctx, store.TaskFilter{DealerID: x.dealerID, Kind: store.TaskCallback, Order: x.order, Address: x.address, After: x.after, Limit: x.limit + 1})
	if err != nil {
		return nil, err
	}
	return paged(x, found, func(t store.Task) string { return t.ID }, func(t store.Task) callback {
		return callback{t.ID, t.Order, t.State, t.Reason, t.Words, t.OwnerName, t.DueAt.In(x.zone)}
	}), nil
}

func (a *API) listDecisions(ctx context.Context, r *request, q *query) (*output[decision], error) {
	x, err := r.asked(q)
	if err != nil {
		return nil, err
	}
	found, err := a.Store.ListDecisions(ctx, x.filter())
	if err != nil {
		return nil, err
	}
	return paged(x, found, func(d store.ListedDecision) string { return d.ID }, func(d store.ListedDecision) decision {
		out := decision{ID: d.ID, Order: d.Order, Program: d.Program, Verdict: d.Verdict, Rule: d.Rule, Text: a.Sentence(x.locale, d, x.zone)}
		if !d.Until.IsZero() {
			until := d.Until.In(x.zone)
			out.Until = &until
		}
		return out
	}), nil
}
