package callback

import (
	"context"
	"fmt"
	"slices"
	"time"

	"otklik/channels"
	"otklik/internal/store"
)

// EndStranger is how a survey call ends to a number that is somebody else's.
const EndStranger = "wrong_person"

// EndCalls ends those of a contact's survey calls that nobody has taken. Whoever has taken
// one may be speaking with the customer: it stays his, and its sheet shows what is answered.
func EndCalls(ctx context.Context, tx Book, contactID, outcome string, is func(*store.Task) bool, now time.Time) error {
	return endOpen(ctx, tx, contactID, store.TaskSurveyCall, outcome, is, now)
}

// endOpen ends the tasks of a kind that a contact has and nobody has taken.
func endOpen(ctx context.Context, tx Book, contactID, kind, outcome string, is func(*store.Task) bool, now time.Time) error {
	ts, err := tx.OpenTasksOf(ctx, contactID, kind)
	if err != nil {
		return err
	}
	for i := range ts {
		if ts[i].State != store.TaskOpen || !is(&ts[i]) {
			continue
		}
		if err := Finish(ctx, tx, ts[i], outcome, "", now); err != nil {
			return err
		}
	}
	return nil
}

// EndCallsTo ends the survey calls to a number that nobody has taken, whoever has it, but
// for one task ("" for none). Who has another number is called on that where this one turns
// out to be a stranger's.
func EndCallsTo(ctx context.Context, tx Book, number, outcome, but string, now time.Time) error {
	ids, err := tx.ContactsAt(ctx, channels.SMS, number)
	if err != nil {
		return err
	}
	for _, id := range ids {
		c, err := tx.Contact(ctx, id)
		if err != nil {
			return err
		}
		numbers, err := tx.Numbers(ctx, c)
		if err != nil {
			return err
		}
		if outcome == EndStranger && beside(numbers, number) || outcome != EndStranger && Dialled(numbers) != number {
			continue
		}
		if err := EndCalls(ctx, tx, id, outcome, func(t *store.Task) bool { return t.ID != but }, now); err != nil {
			return err
		}
	}
	return nil
}

// beside tells whether there is a number beside one that is not somebody else's.
func beside(numbers []store.Number, one string) bool {
	return slices.ContainsFunc(numbers, func(n store.Number) bool { return !n.Wrong && n.Value != one })
}

// stranger keeps the number that was called from being used, as the word of its owner
// would, and ends the other calls to it; store.RightNumber takes it back. left tells
// whether the customer can be called on another.
func stranger(ctx context.Context, tx *store.Tx, t *store.Task, e store.Employee, number string, now time.Time) (left bool, err error) {
	if t.ContactID == "" {
		return false, nil
	}
	c, err := tx.Contact(ctx, t.ContactID)
	if err != nil {
		return false, fmt.Errorf("reading whose number is wrong: %w", err)
	}
	numbers, err := tx.Numbers(ctx, c)
	if err != nil || len(numbers) == 0 {
		return false, err
	}
	if number == "" {
		number = Dialled(numbers)
	}
	if !slices.ContainsFunc(numbers, func(n store.Number) bool { return n.Value == number }) {
		return false, ErrOutcome
	}
	left = beside(numbers, number)
	if err := tx.StrangersNumber(ctx, number, now); err != nil {
		return false, err
	}
	if err := tx.Audit(ctx, t.DealerID, e.ID, "wrong_number", "contact", c.ID, number, now); err != nil {
		return false, fmt.Errorf("recording a wrong number: %w", err)
	}
	return left, EndCallsTo(ctx, tx, number, EndStranger, t.ID, now)
}

// Dialled is the number that a person is called on: the first that is not somebody else's,
// else the first; "" where he has none.
func Dialled(numbers []store.Number) string {
	for _, n := range numbers {
		if !n.Wrong {
			return n.Value
		}
	}
	if len(numbers) == 0 {
		return ""
	}
	return numbers[0].Value
}
