package survey_test

import (
	"testing"

	"otklik/channels"
	"otklik/internal/survey"
)

// TestPaperAfterAnotherAnswer: what a sheet says to a question that has an answer from
// another channel is kept beside it and changes nothing, but that a low answer brings
// somebody to call and new words go where they belong.
func TestPaperAfterAnotherAnswer(t *testing.T) {
	d := shipped(t, "after-service")
	paper := func(f map[string]survey.Value) survey.Input {
		return survey.Input{Form: f, Channel: channels.Paper}
	}
	for name, tt := range map[string]struct {
		before survey.Input
		sheet  map[string]survey.Value
		want   string
		stands int
	}{
		"the same":      {rated(5, ""), map[string]survey.Value{"overall": {Rating: num(5)}}, "second_mode:overall thank:good close", 5},
		"better":        {rated(2, ""), map[string]survey.Value{"overall": {Rating: num(5)}}, "second_mode:overall thank:low close", 2},
		"still good":    {rated(5, ""), map[string]survey.Value{"overall": {Rating: num(4)}}, "second_mode:overall thank:good close", 5},
		"low":           {rated(5, ""), map[string]survey.Value{"overall": {Rating: num(2)}}, "second_mode:overall callback:low_score thank:low close", 5},
		"low twice":     {rated(2, ""), map[string]survey.Value{"overall": {Rating: num(1)}}, "second_mode:overall thank:low close", 2},
		"more is known": {rated(5, ""), map[string]survey.Value{"overall": {Rating: num(5)}, "suggestions": {Text: "кофе"}}, "second_mode:overall save_answer:suggestions remark:suggestion thank:good close", 5},
		"paper alone": {paper(map[string]survey.Value{"overall": {Rating: num(4)}}), map[string]survey.Value{"overall": {Rating: num(5)}},
			"save_answer:overall*", 5},
	} {
		t.Run(name, func(t *testing.T) {
			st, got := play(d, channels.SMS, tt.before, paper(tt.sheet))
			if got[1] != tt.want {
				t.Errorf("got  %s\nwant %s", got[1], tt.want)
			}
			if a := st.Answers["overall"]; a.Rating == nil || *a.Rating != tt.stands {
				t.Errorf("%+v stands", a)
			}
		})
	}
}
