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
)

// answeredCalls ends the calls that were waiting for these answers, whatever channel the
// answers came by: who has answered is not asked by phone as well (R023), and no sheet is
// printed for him; one that is out may come back and is typed in.
func (e *entry) answeredCalls() error {
	waited := func(t *store.Task) bool {
		return t.Reason == callback.ReasonNoAnswer && t.DealerID == e.conv.DealerID && t.VisitID == e.conv.VisitID && (t.VisitID != "" || SurveyOf(*t) == e.conv.Survey)
	}
	if err := callback.EndCalls(e.ctx, e.tx, e.conv.ContactID, callAnswered, waited, e.now); err != nil {
		return err
	}
	return callback.EndSheets(e.ctx, e.tx, e.conv.ContactID, callAnswered, func(t *store.Task) bool { return t.ID != e.taskID && waited(t) }, e.now)
}

// refusedCalls ends the survey calls to a number on which surveys are refused, or which
// is somebody else's (invariant 3: in any state).
func (e *entry) refusedCalls(outcome, purpose string) error {
	if e.in.Channel != channels.SMS || purpose != "" && purpose != string(outreach.Survey) {
		return nil
	}
	return callback.EndCallsTo(e.ctx, e.tx, e.in.From, outcome, "", e.now)
}
