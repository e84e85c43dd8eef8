package inbox

import (
	"fmt"
	"slices"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// prefer keeps how the person wants to be reached (R040), with its proof: the words of
// the question, and the message, page or employee that it came by. Who wants nothing has
// said no to greetings, on every channel.
func (e *entry) prefer(f survey.Effect) error {
	c := store.Consent{ContactID: e.contact.ID, DealerID: e.dealer.ID, Purpose: string(outreach.Greeting), At: e.now, How: "message", EmployeeID: e.employeeID,
		TextVersion: fmt.Sprintf("%s/%s version %d, %s", e.def.ID, f.Question, e.def.Version, e.locale())}
	switch {
	case e.employeeID != "":
		c.How = "console"
	case e.quiet:
		c.How = "form"
	default:
		c.MessageID = e.msg.ID
	}
	if f.Value != survey.NoChannel {
		c.Channel, c.Given = channels.Kind(f.Value), true
		e.tx.Prefer(e.contact.ID, c.Channel, e.now)
		return e.tx.AddConsent(e.ctx, c)
	}
	e.tx.Prefer(e.contact.ID, "", e.now)
	for _, ch := range []channels.Kind{channels.SMS, channels.Email, channels.Telegram, channels.Phone} {
		c.Channel = ch
		if err := e.tx.AddConsent(e.ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// Known are the names that are those of employees. A colleague whom nobody has entered
// is named as the customer wrote him, in whatever case, which no sentence of ours fits.
func Known(names []string, staff []store.Employee) []string {
	var out []string
	for _, n := range names {
		if slices.ContainsFunc(staff, func(e store.Employee) bool { return e.Name == n }) {
			out = append(out, n)
		}
	}
	return out
}
