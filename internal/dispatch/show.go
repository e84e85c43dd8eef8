package dispatch

import (
	"context"
	"time"

	"otklik/internal/store"
)

// Shown is what a message would be if it were made now.
type Shown struct {
	// Message has neither an id nor a conversation; without a text none can be made.
	Message store.Message
	// Locale is the language it is written in.
	Locale string
	// Against is what keeps it from leaving now; nil for nothing.
	Against *store.Verdict
}

// Show makes the message of an outreach for a person who decides whether it goes, with
// the text, the channel and the language in which it would leave now. It changes
// nothing; a survey's link in it leads nowhere.
func (d *Dispatcher) Show(ctx context.Context, o store.Outreach) (Shown, error) {
	d.init()
	f, err := d.facts(ctx, []store.Outreach{o}, d.Clock.Business())
	if err != nil {
		return Shown{}, err
	}
	def, step, ok := f.step(&o)
	if !ok || step.Phone() || step.Paper() {
		return Shown{Against: held(&o, RuleUnknown, f.now.Add(time.Hour), nil)}, nil
	}
	it, in, v := d.weigh(&o, def, step, &f)
	if v != nil {
		return Shown{Against: v}, nil
	}
	b, err := d.compose(ctx, it)
	if err != nil {
		return Shown{Against: held(&o, RuleRender, f.now.Add(time.Hour), map[string]string{"error": err.Error()})}, nil //nolint:nilerr // whoever decides reads why
	}
	b.Message.ID, b.Message.ConversationID = "", ""
	out := Shown{Message: b.Message, Locale: it.to.LocaleOr(), Against: f.needless(&o, def, &step)}
	if out.Against == nil {
		out.Against = f.withheld(&o, d.Policy.Decide(in))
	}
	return out, nil
}
