// Package callback owns the tasks that a person must do: their clocks, their steps
// with evidence, who may close them and when. A callback closes only with a planned
// next contact and the customer's own confirmation, or with a manager's recorded
// reason (invariant 7). It decides nothing about when messages leave: what it tells
// the customer is queued for the dispatcher.
package callback

import (
	"errors"
	"slices"
	"time"

	"otklik/internal/store"
	"otklik/internal/survey"
)

// What the desk refuses; the console turns each into a sentence.
var (
	// ErrNotConfirmed: the customer has not said that it is solved.
	ErrNotConfirmed = errors.New("the customer has not confirmed that it is solved")
	// ErrNoNextContact: no next contact is planned (R047).
	ErrNoNextContact = errors.New("no next contact is planned")
	// ErrNotOwner: another employee holds the task, or nobody does.
	ErrNotOwner = errors.New("the task is not yours")
	// ErrUnreachable: the customer has no channel on which he could be asked.
	ErrUnreachable = errors.New("the customer cannot be asked on any channel")
	// ErrNotAllowed: the role does not allow it.
	ErrNotAllowed = errors.New("not allowed for this role")
	// ErrClosed: the task is closed or withdrawn.
	ErrClosed = errors.New("the task is closed")
)

// Kinds of clock with their spans.
const (
	// ClockSolution: the customer is told whether and how it is solved (R044).
	ClockSolution = "solution"
	// ClockDecision: the complaint is decided (R100).
	ClockDecision = "decision"
	// ClockInquiry: a written inquiry is answered (R099).
	ClockInquiry = "inquiry"

	solutionWithin = 24 * time.Hour
	decisionWithin = 7 * 24 * time.Hour
	inquiryWithin  = 2 * time.Hour
)

// Kinds of step in a task's history.
const (
	StepClaimed   = "claimed"
	StepReleased  = "released"
	StepTaken     = "taken_over"
	StepWritten   = "written"
	StepReached   = "reached"
	StepNoAnswer  = "no_answer"
	StepLater     = "later"
	StepWrong     = "wrong_number"
	StepSolution  = "solution"
	StepConsent   = "consent"
	StepRefused   = "refused"
	StepAsked     = "asked"
	StepConfirmed = "confirmed"
	StepReopened  = "reopened"
	StepClosed    = "closed"
	StepWithdrawn = "withdrawn"
	StepWords     = "words"
	StepSurvey    = "survey"
	StepPrinted   = "printed"
	StepNumber    = "number"
)

// Reasons of tasks beside those of surveys.
const (
	ReasonInquiry = "inquiry"
	// ReasonNoAnswer: a survey call that an answer on any channel makes needless.
	ReasonNoAnswer = "no_answer"
	ReasonUnclear  = "unclear"
	// ReasonWhich: the words fit several surveys, and which is meant is not known yet.
	ReasonWhich = "which"
	// ReasonAttachment: a photo or a file came without words.
	ReasonAttachment = "attachment"
)

// Clocks are the deadlines of a callback from the moment it became known.
func Clocks(now time.Time) []store.Clock {
	return []store.Clock{{Kind: ClockSolution, DueAt: now.Add(solutionWithin)}, {Kind: ClockDecision, DueAt: now.Add(decisionWithin)}}
}

// InquiryClocks are the deadlines of a written question.
func InquiryClocks(now time.Time) []store.Clock {
	return []store.Clock{{Kind: ClockInquiry, DueAt: now.Add(inquiryWithin)}}
}

// New is a callback that an effect of a survey opens.
func New(e survey.Effect, c store.Conversation, v store.Visit, now time.Time) store.Task {
	t := store.Task{DealerID: c.DealerID, Kind: store.TaskCallback, ContactID: c.ContactID, VisitID: c.VisitID, ConversationID: c.ID, Reason: string(e.Reason), Severity: int(e.Severity),
		Words: e.Words, Department: v.Department, SourceParty: "client", WayIn: string(c.Channel), Clocks: Clocks(now)}
	t.DueAt = t.Clocks[0].DueAt
	if v.Repeat {
		t.Severity = max(t.Severity, int(survey.High)) // repeat repair first in every queue (R133)
	}
	return t
}

// CallBetween makes a call due in the time that the customer named: not before from, and
// by to. The clocks stay: a deadline that comes first is red all the same.
func CallBetween(t *store.Task, from, to time.Time) {
	t.CallFrom, t.DueAt = from, from
	if to.After(from) {
		t.DueAt = to
	}
}

// Working hours within which a promise to call makes sense.
const (
	workFrom = 9
	workTo   = 20
)

// WorkBy is the moment to name for a deadline: one that falls into the night is
// named as the end of the working day before it (requirements.md 1.7).
func WorkBy(due time.Time, zone *time.Location) time.Time {
	l := due.In(zone)
	switch {
	case l.Hour() < workFrom:
		return time.Date(l.Year(), l.Month(), l.Day()-1, workTo, 0, 0, 0, zone)
	case l.Hour() >= workTo:
		return time.Date(l.Year(), l.Month(), l.Day(), workTo, 0, 0, 0, zone)
	}
	return l
}

// Promise is the moment by which a person is told that somebody calls or answers: WorkBy,
// or, where that has passed already, two hours later within the working day (R070).
func Promise(due, now time.Time, zone *time.Location) time.Time {
	if by := WorkBy(due, zone); by.After(now) {
		return by
	}
	l := now.In(zone)
	switch {
	case l.Hour() < workFrom:
		l = time.Date(l.Year(), l.Month(), l.Day(), workFrom, 0, 0, 0, zone)
	case !l.Add(inquiryWithin).Before(time.Date(l.Year(), l.Month(), l.Day(), workTo, 0, 0, 0, zone)):
		l = time.Date(l.Year(), l.Month(), l.Day()+1, workFrom, 0, 0, 0, zone)
	}
	return l.Add(inquiryWithin)
}

// Responsible names who answers for a dealer's surveys (R005): the operator who
// speaks the customer's language, else the first of es; "" when there is none.
func Responsible(es []store.Employee, locale string) string {
	first := ""
	for _, e := range es {
		switch {
		case !e.Active || !slices.Contains(e.Roles, store.RoleOperator):
		case e.Locale == locale:
			return e.Name
		case first == "":
			first = e.Name
		}
	}
	return first
}
