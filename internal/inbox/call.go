package inbox

import (
	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/outreach"
	"otklik/internal/store"
)

// How a survey call ends that nobody makes any more.
const (
	callAnswered = "answered"
	callRefused  = "opted_out"
	callStranger = "wrong_person"
)

// answeredCalls ends the calls that were waiting for these answers, whatever channel the
// answers came by: who has answered is not asked by phone as well (R023).
func (e *entry) answeredCalls() error {
	return e.endCalls(e.conv.ContactID, callAnswered, func(t *store.Task) bool {
		return t.Reason == callback.ReasonNoAnswer && t.DealerID == e.conv.DealerID && t.VisitID == e.conv.VisitID && (t.VisitID != "" || SurveyOf(*t) == e.conv.Survey)
	})
}

// refusedCalls ends the survey calls to a number on which surveys are refused, or which
// is somebody else's (invariant 3: in any state).
func (e *entry) refusedCalls(outcome, purpose string) error {
	if e.in.Channel != channels.SMS || purpose != "" && purpose != string(outreach.Survey) {
		return nil
	}
	ids, err := e.tx.ContactsAt(e.ctx, e.in.Channel, e.in.From)
	if err != nil {
		return err
	}
	for _, id := range ids {
		c, err := e.tx.Contact(e.ctx, id)
		if err != nil {
			return err
		}
		if c.On(channels.Phone) != e.in.From {
			continue
		}
		if err := e.endCalls(id, outcome, func(*store.Task) bool { return true }); err != nil {
			return err
		}
	}
	return nil
}

// endCalls ends a contact's survey calls that nobody has taken. Whoever has taken one may
// be speaking with the customer: it stays his, and its sheet shows what is answered.
func (e *entry) endCalls(contactID, outcome string, is func(*store.Task) bool) error {
	ts, err := e.tx.OpenTasksOf(e.ctx, contactID, store.TaskSurveyCall)
	if err != nil {
		return err
	}
	for i := range ts {
		if ts[i].State != store.TaskOpen || !is(&ts[i]) {
			continue
		}
		if err := callback.Finish(e.ctx, e.tx, ts[i], outcome, "", e.now); err != nil {
			return err
		}
	}
	return nil
}
