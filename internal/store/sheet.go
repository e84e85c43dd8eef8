package store

import (
	"context"
	"fmt"
)

// TaskNumbered reads the task that has a number at a dealer, without its clocks.
func (s *Store) TaskNumbered(ctx context.Context, dealerID string, number int64) (Task, error) {
	return one(ctx, s.read, scanTask, "select "+taskCols+taskFrom+" where t.dealer_id = $1 and t.number = $2", key(dealerID), number)
}

// AnswersBeside reads the answers of conversations that have never counted: what a paper
// sheet said to a question that was answered on another channel before.
func (s *Store) AnswersBeside(ctx context.Context, conversationIDs []string) (map[string][]Answer, error) {
	out := map[string][]Answer{}
	for _, part := range chunks(conversationIDs, listRows) {
		in, args := keys(0, part)
		as, err := collect(ctx, s.read, scanAnswer, "select "+answerCols+" from answer where replaced_at = at and conversation_id in "+in+" order by at, id", args...)
		if err != nil {
			return nil, fmt.Errorf("reading answers that do not count: %w", err)
		}
		for _, a := range as {
			out[a.ConversationID] = append(out[a.ConversationID], a)
		}
	}
	return out, nil
}
