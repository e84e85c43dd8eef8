package dispatch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"otklik/channels"
	"otklik/internal/draft"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// Rules by which the dispatcher itself decides.
const (
	RuleAnswered    = "answered"
	RuleSpoke       = "spoke_recently"
	RulePhoneStep   = "phone_step"
	RulePaperStep   = "paper_step"
	RuleNoPhone     = "no_phone"
	RuleRender      = "text_cannot_be_made"
	RuleSuspended   = "sender_suspended"
	RuleNoSender    = "no_sender"
	RuleUnknown     = "definition_unknown"
	RuleTime        = "time_to_answer"
	RuleVisited     = "visited_since"
	RuleArrived     = "appointment_over"
	RuleSettled     = "prospect_settled"
	RuleCanceled    = "campaign_canceled"
	spokeWithinDays = 30
)

// InputNews is the input of a verdict that says what has become of the news beside
// wishes: NewsIncluded, or the rule by which this person gets the wishes alone (R055).
const (
	InputNews    = "news"
	NewsIncluded = "included"
)

// facts are what a batch of outreach is judged on, read in bulk.
type facts struct {
	now time.Time
	store.Facts
	sup suppressions
	// asking holds contacts whom this batch writes to for a survey.
	asking map[string]bool
	// defs are the programs, each outreach by the version that it was planned by.
	defs   map[programVersion]*program.Definition
	office *office
	// subjects are what outreach is about beside visits.
	wanted   store.WantedSubjects
	subjects store.Subjects
}

func (d *Dispatcher) facts(ctx context.Context, os []store.Outreach, now time.Time) (facts, error) {
	f := facts{now: now, asking: map[string]bool{}}
	if err := d.programs(ctx, os, &f); err != nil {
		return f, err
	}
	w := store.Wanted{Contacts: make([]string, len(os)), Since: now.AddDate(-1, 0, 0), Now: now}
	for i := range os {
		o := &os[i]
		w.Contacts[i] = o.ContactID
		d.wantTact(&w, o)
		def, step, _ := f.step(o)
		if step.Phone() {
			w.Calls = append(w.Calls, o.ContactID)
		}
		want(&f.wanted, def, o, &step)
		if o.VisitID == "" {
			if step.Unless == program.UnlessAnswered {
				w.Asked = append(w.Asked, o.ID)
			}
			continue
		}
		w.Visits = append(w.Visits, o.VisitID)
		if step.Unless == program.UnlessAnswered {
			w.Surveys = append(w.Surveys, o.VisitID)
		}
	}
	var err error
	if f.Facts, err = d.Store.Facts(ctx, w); err != nil {
		return f, err
	}
	f.sup = suppressed(f.Suppressions)
	f.subjects, err = d.Store.Subjects(ctx, f.wanted)
	return f, err
}

// evaluate judges claimed outreach: what goes out now, and what does not, with the
// verdict.
func (d *Dispatcher) evaluate(ctx context.Context, os []store.Outreach) ([]*item, []store.Verdict, error) {
	machine := d.Clock.Machine()
	f, err := d.facts(ctx, os, d.Clock.Business())
	if err != nil {
		return nil, nil, err
	}
	items := make([]*item, 0, len(os))
	var verdicts []store.Verdict
	for i := range os {
		o := &os[i]
		it, v := d.judge(o, &f)
		if v != nil {
			d.Metrics.decided(v.Verdict, v.Rule)
			verdicts = append(verdicts, *v)
			continue
		}
		if o.Purpose.Capped() {
			// Counts for the next outreach to the same person in this batch.
			f.asking[o.ContactID] = true
			f.Sent[o.ContactID] = append([]store.PastSend{{Purpose: o.Purpose, At: f.now}}, f.Sent[o.ContactID]...)
			it.judged = f.now
		}
		it.claimed, it.seen = machine, machine
		items = append(items, it)
	}
	return items, verdicts, nil
}

func held(o *store.Outreach, rule string, until time.Time, inputs map[string]string) *store.Verdict {
	return &store.Verdict{Outreach: *o, State: outreach.Held, Verdict: "hold", Rule: rule, Until: until, Inputs: encode(inputs)}
}

func dropped(o *store.Outreach, rule string, inputs map[string]string) *store.Verdict {
	return &store.Verdict{Outreach: *o, State: outreach.Dropped, Verdict: "drop", Rule: rule, Inputs: encode(inputs)}
}

// encode writes inputs as json.Marshal does, which takes ten times as long for the
// few short words that nearly all of them are; "" for none.
func encode(inputs map[string]string) string {
	if len(inputs) == 0 {
		return ""
	}
	var few [8]string
	names := few[:0]
	for name := range inputs {
		names = append(names, name)
	}
	slices.Sort(names)
	var room [256]byte
	b := room[:0]
	for i, name := range names {
		if i == 0 {
			b = append(b, '{')
		} else {
			b = append(b, ',')
		}
		b = appendJSON(append(appendJSON(b, name), ':'), inputs[name])
	}
	return string(append(b, '}'))
}

// appendJSON appends a string.
func appendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, _ := json.Marshal(s) // never fails for a string
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// judge decides one outreach: exactly one of the results is set. The item refers to o,
// which gets the verdict.
func (d *Dispatcher) judge(o *store.Outreach, f *facts) (*item, *store.Verdict) {
	def, step, ok := f.step(o)
	if !ok {
		return nil, held(o, RuleUnknown, f.now.Add(time.Hour), map[string]string{"program": o.Program, "step": o.Step})
	}
	if v := f.needless(o, def, &step); v != nil {
		return nil, v
	}
	if step.Phone() {
		return nil, d.judgeCall(o, def, &step, f)
	}
	if step.Paper() {
		return nil, d.judgeSheet(o, def, &step, f)
	}
	it, in, v := d.weigh(o, def, step, f)
	if v != nil {
		return nil, v
	}
	verdict := d.Policy.Decide(in)
	if v := f.withheld(o, verdict); v != nil {
		return nil, v
	}
	if it.news != nil {
		if verdict.Inputs == nil {
			verdict.Inputs = map[string]string{}
		}
		verdict.Inputs[InputNews] = NewsIncluded
		if it.news.Kind != policy.Send {
			verdict.Inputs[InputNews] = it.news.Rule
		}
	}
	o.Rule, o.Inputs, it.until = verdict.Rule, encode(verdict.Inputs), verdict.Until
	r := &it.to
	it.lane, it.address = d.laneOf(r.Channel, r.Sender, r.Dealer.ID, r.Address), r.Address
	return it, nil
}

// weigh says to whom and about what a message would be, and what policy has to know of
// it; the verdict is set instead where the person cannot be reached.
func (d *Dispatcher) weigh(o *store.Outreach, def *program.Definition, step program.Step, f *facts) (*item, policy.Input, *store.Verdict) {
	it := &item{outreach: o, step: step, priority: o.Priority, purpose: o.Purpose}
	in, v := d.choose(o, step, f, &it.to)
	if v != nil {
		return nil, in, v
	}
	d.about(o, f, def, it, &in)
	in.Late = policy.Late(step.Late)
	return it, in, nil
}

// withheld is what policy's verdict makes of a message that does not leave now; nil for
// one that does.
func (f *facts) withheld(o *store.Outreach, v policy.Verdict) *store.Verdict {
	switch v.Kind {
	case policy.Send:
		return nil
	case policy.Ask:
		return f.asked(o, v)
	case policy.Hold:
		return held(o, v.Rule, v.Until, v.Inputs)
	default:
		return dropped(o, v.Rule, v.Inputs)
	}
}

// timeToAnswer is how long a survey that has just left is waited for before the
// person is called: most answers come within two hours (provider-and-law facts 5.7).
const timeToAnswer = 6 * time.Hour

// patience is until when a person who has just been asked is left to answer; never
// so long that the call would miss its deadline.
func (f *facts) patience(o *store.Outreach) time.Time {
	asked := time.Time{}
	if f.asking[o.ContactID] {
		asked = f.now
	}
	for _, s := range f.Sent[o.ContactID] {
		if s.At.After(asked) {
			asked = s.At
		}
	}
	if asked.IsZero() {
		return asked
	}
	until, last := asked.Add(timeToAnswer), o.DeadlineAt.Add(-2*time.Hour)
	if until.After(last) {
		return last
	}
	return until
}

// choose takes the first channel of the ladder that the person can be reached on
// and may be written to, fills in the recipient, and says what policy has to know.
func (d *Dispatcher) choose(o *store.Outreach, step program.Step, f *facts, r *draft.Recipient) (policy.Input, *store.Verdict) {
	dealer, ok := d.Roster.Dealer(o.DealerID)
	r.Contact = f.Contacts[o.ContactID]
	c := &r.Contact
	if !ok || c.ID == "" {
		return policy.Input{}, dropped(o, RuleUnknown, nil)
	}
	r.Dealer, r.Visit, r.First, r.Now = dealer, f.Visits[o.VisitID], !f.Written[c.ID], f.now
	in := policy.Input{Now: f.now, Purpose: o.Purpose, Country: dealer.Country, Zone: r.Zone(), Deadline: o.DeadlineAt, Past: pastOf(f.Sent[c.ID])}
	if r.Visit.ID != "" {
		in.Relationship = "order " + r.Visit.Order
	}
	tactOf(&in, c, &r.Visit, f.Tact[c.ID])
	refused, missing := "", channels.Kind("")
	for _, ch := range behind(ladder(step.Channels, c.Preferred), o.Channel) {
		sender, on := d.Roster.Sender(dealer.ID, ch)
		on = on && d.Channels[ch] != nil
		for _, a := range c.Addresses {
			if a.Channel != ch {
				continue
			}
			reason := f.sup.reason(ch, a.Value, o.Purpose)
			if reason == "" && !on {
				missing = cmp.Or(missing, ch)
				continue
			}
			if reason == "" {
				r.Channel, r.Address, r.Sender = ch, a.Value, sender
				in.Channel, in.Consent = ch, word(f.Consents[c.ID], dealer.ID, o.Purpose, ch)
				return in, nil
			}
			refused = reason
		}
	}
	if missing != "" && refused == "" && f.now.Before(o.DeadlineAt) {
		// Somebody has forgotten a variable, or a sender is not entered yet: what is due
		// is not thrown away for it.
		until := later(f.now.Add(time.Minute), earlier(f.now.Add(time.Hour), o.DeadlineAt))
		return in, held(o, RuleNoSender, until, map[string]string{"channel": string(missing), "until": until.In(dealer.Location()).Format(time.RFC3339)})
	}
	switch refused {
	case "":
		return in, dropped(o, policy.RuleNoChannel, nil)
	case store.OptedOut:
		return in, dropped(o, policy.RuleOptedOut, map[string]string{"reason": refused})
	}
	return in, dropped(o, policy.RuleAddress, map[string]string{"reason": refused})
}

// ladder are a step's channels in the order in which they are tried: the one that the
// person has asked for first (R040), where the step uses it.
func ladder(of []channels.Kind, preferred channels.Kind) []channels.Kind {
	i := slices.Index(of, preferred)
	if i <= 0 {
		return of
	}
	return slices.Concat([]channels.Kind{preferred}, of[:i], of[i+1:])
}

// behind is what of a ladder is left after a channel on which the person could not be
// reached; all of it where none was tried.
func behind(of []channels.Kind, tried channels.Kind) []channels.Kind {
	return of[slices.Index(of, tried)+1:]
}

func pastOf(sent []store.PastSend) []policy.PastSend {
	out := make([]policy.PastSend, len(sent))
	for i, s := range sent {
		out[i] = policy.PastSend{Purpose: s.Purpose, At: s.At}
	}
	return out
}

// word is the newest consent recorded for a purpose on a channel at a dealer.
func word(cs []store.Consent, dealerID string, p outreach.Purpose, ch channels.Kind) policy.Consent {
	out := policy.NoWord
	for _, c := range cs { // oldest first
		if bears(&c, dealerID, p, ch) {
			out = policy.Withdrawn
			if c.Given {
				out = policy.Given
			}
		}
	}
	return out
}

// bears tells whether a word is about a purpose on a channel. Consent to ads is the
// dealer's to whom it was given, and no START gives it; a bare STOP withdraws it on every
// channel, those that come to be known later included (invariant 3).
func bears(c *store.Consent, dealerID string, p outreach.Purpose, ch channels.Kind) bool {
	on := c.Channel == ch || c.Channel == ""
	switch {
	case p != outreach.Ad:
		return on && (c.Purpose == string(p) || c.Purpose == store.AllPurposes)
	case c.Purpose == store.AllPurposes:
		return !c.Given
	case c.Purpose != string(p) || !on:
		return false
	}
	return c.DealerID == dealerID || c.DealerID == "" || !c.Given && c.How != store.ByImport
}

// made is what compose makes of an outreach, in one piece.
type made struct {
	begun        store.Begun
	conversation store.Conversation
}

// compose makes the message and the conversation of an outreach.
func (d *Dispatcher) compose(ctx context.Context, it *item) (*store.Begun, error) {
	o, r := it.outreach, &it.to
	if it.step.Survey == "" {
		return d.plain(ctx, it)
	}
	def, ok := d.Survey(it.step.Survey)
	if !ok {
		return nil, fmt.Errorf("survey %q is not known", it.step.Survey)
	}
	r.Token = draft.NewToken()
	position, err := d.position(def, r.Channel, o.ContactID, r.Now.In(r.Dealer.Location()))
	if err != nil {
		return nil, err
	}
	m, err := d.first(it, def)
	if err != nil {
		return nil, err
	}
	conv := store.Conversation{ID: d.Store.NewID(), DealerID: o.DealerID, ContactID: o.ContactID, OutreachID: o.ID, VisitID: o.VisitID, Survey: def.ID, SurveyVersion: def.Version,
		Locale: r.LocaleOr(), Channel: r.Channel, Address: r.Address, State: store.ConversationOpen, Position: position, Version: 1, Token: r.Token}
	m.ID, m.OutreachID, m.ConversationID = d.Store.NewID(), o.ID, conv.ID
	m.Purpose, m.Priority, m.State, m.ClaimToken, m.ValidUntil = o.Purpose, o.Priority, outreach.Sending, o.ClaimToken, o.DeadlineAt
	out := &made{begun: store.Begun{Message: m, Outreach: o, JudgedAt: it.judged}, conversation: conv}
	out.begun.Conversation = &out.conversation
	return &out.begun, nil
}

// first makes the message that opens a conversation: an invitation, or a greeting with
// the survey's first question behind it (R053).
func (d *Dispatcher) first(it *item, def *survey.Definition) (store.Message, error) {
	if it.step.Message != "" {
		return d.Drafter.Greeting(it.step.Message, def, it.to, nil)
	}
	return d.Drafter.Invite(def, it.to, nil)
}

// plain makes a message that asks nothing.
func (d *Dispatcher) plain(ctx context.Context, it *item) (*store.Begun, error) {
	o := it.outreach
	id := d.Store.NewID()
	var err error
	if it.to.Link, err = d.Store.Link(ctx, id); err != nil {
		return nil, err
	}
	m, err := d.Drafter.Shared(it.step.Message, it.to, nil)
	if err != nil {
		return nil, err
	}
	m.ID, m.OutreachID = id, o.ID
	m.Purpose, m.Priority, m.State, m.ClaimToken, m.ValidUntil = o.Purpose, o.Priority, outreach.Sending, o.ClaimToken, o.DeadlineAt
	return &store.Begun{Message: m, Outreach: o, JudgedAt: it.judged}, nil
}

// opening names the position in which conversations of a survey begin on a channel.
type opening struct {
	hash    string
	channel channels.Kind
}

// position is where a conversation begins: encoded once for all, unless each person
// is asked questions of his own.
func (d *Dispatcher) position(def *survey.Definition, ch channels.Kind, contact string, at time.Time) (string, error) {
	key := opening{def.Hash, ch}
	if p, ok := d.openings.Load(key); ok {
		return p.(string), nil
	}
	p, err := json.Marshal(survey.Begin(def, ch, def.Draw(contact, at)))
	if err != nil {
		return "", fmt.Errorf("encoding a position: %w", err)
	}
	if len(def.Split) == 0 {
		d.openings.Store(key, string(p))
	}
	return string(p), nil
}
