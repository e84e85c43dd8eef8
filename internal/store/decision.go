package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Decision is the answer that an employee entered for a reply which the program could
// not read. Nothing is kept for it besides the reply, its review and the answer: it is
// forgotten with them.
type Decision struct {
	// MessageID, Text and Channel are the reply's, Reading is what the inbox kept with it.
	MessageID, Text, Channel, Reading string
	// Locale, Survey and SurveyVersion say how the person was asked.
	Locale, Survey string
	SurveyVersion  int
	// Answer may be to another question of the survey than the reply was.
	Answer Answer
}

// Decisions lists what employees of the dealer entered after a reply was put before
// them, the oldest reply first: one row for each pair of an unread reply and an answer
// entered in its conversation.
func (s *Store) Decisions(ctx context.Context, dealerID string) ([]Decision, error) {
	ds, err := collect(ctx, s.read, scanDecision, `with unread as (
			select message_id, opened_at from task where dealer_id = $1 and kind = 'review' and message_id is not null
			union select s.message_id, t.opened_at from task t join task_step s on s.task_id = t.id where t.dealer_id = $1 and t.kind = 'review' and s.kind = 'words' and s.message_id is not null)
		select m.id, m.text, m.channel, m.reading, c.locale, c.survey, c.survey_version, a.question, a.rating, a.answer, a.choice, a.employee_id, a.at
		from unread u join message m on m.id = u.message_id join conversation c on c.id = m.conversation_id join answer a on a.conversation_id = c.id
		where m.text <> '' and m.reading <> '' and a.employee_id is not null and a.replaced_at is null and a.at >= u.opened_at order by m.id, a.id`, key(dealerID))
	if err != nil {
		return nil, fmt.Errorf("reading decisions: %w", err)
	}
	return ds, nil
}

func scanDecision(r *sql.Rows) (d Decision, err error) {
	var rating sql.NullInt64
	var employee text
	var when moment
	a := &d.Answer
	err = r.Scan(&d.MessageID, &d.Text, &d.Channel, &d.Reading, &d.Locale, &d.Survey, &d.SurveyVersion, &a.Question, &rating, &a.Answer, &a.Choice, &employee, &when)
	if rating.Valid {
		n := int(rating.Int64)
		a.Rating = &n
	}
	a.EmployeeID, a.At = string(employee), when.Time
	return d, err
}
