package survey_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/internal/reply"
	"otklik/internal/survey"
)

// TestTextsThroughTheParser plays conversations as customers write them, through
// the real parser: what is read and what follows fit together.
func TestTextsThroughTheParser(t *testing.T) {
	parser, err := reply.New()
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, survey, locale string
		texts                []string
		want                 []string
	}{
		{"a low score with its story", "after-service", "ru", []string{"2. ждал 3 часа, и стук остался"},
			[]string{"save_answer:overall remark:complaint callback:low_score thank:low close"}},
		{"a slip, corrected", "after-service", "ru", []string{"1", "ой, 5, не 1"},
			[]string{"save_answer:overall callback:low_score ask:trouble", "save_answer:overall* callback_withdraw thank:good close"}},
		{"praise by name", "after-service", "ru", []string{"5 спасибо Олегу!"},
			[]string{"save_answer:overall praise thank:good close"}},
		{"a bare score, then a wish", "after-service", "zh", []string{"5分", "希望休息区有热水"},
			[]string{"save_answer:overall ask:suggestions", "save_answer:suggestions remark:suggestion thank:good close"}},
		{"out of scale, then in", "after-service", "en", []string{"11", "4"},
			[]string{"reask:overall", "save_answer:overall ask:suggestions"}},
		{"a question beside a correction after the end", "after-service", "ru", []string{"5", "кофе получше", "ой, 4, не 5. А до скольки вы работаете?"},
			[]string{"save_answer:overall ask:suggestions", "save_answer:suggestions remark:suggestion thank:good close", "save_answer:overall* inquiry(inquiry.received)"}},
		{"STOP", "after-service", "ru", []string{"СТОП"},
			[]string{"opt_out(optout.confirmed) close"}},
		{"solved, by its number", "solved", "ru", []string{"1"},
			[]string{"save_answer:solved thank:good close"}},
		{"not solved, by its number", "solved", "en", []string{"2"},
			[]string{"save_answer:solved callback:not_good thank:low close"}},
		{"not solved, in words", "solved", "zh", []string{"没有解决"},
			[]string{"save_answer:solved callback:not_good thank:low close"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := shipped(t, tt.survey)
			st := survey.Begin(d, channels.SMS, d.Draw("contact", noon))
			var got []string
			for i, text := range tt.texts {
				now := noon.Add(time.Duration(i) * time.Minute)
				q, r := survey.Target(d, st, tt.locale, channels.SMS, text, func(q *reply.Question) reply.Reading {
					return parser.Read(reply.Input{Text: text, Locale: tt.locale, Channel: "sms", Question: q, Now: now})
				})
				in := survey.Input{Reading: &r, Question: q, Channel: channels.SMS, MessageID: "m", Text: text}
				var effects []survey.Effect
				st, effects = survey.Step(d, st, in, now)
				got = append(got, brief(effects))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("effects (-want +got):\n%s", diff)
			}
		})
	}
}
