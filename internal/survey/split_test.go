package survey_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/internal/survey"
)

// month is the first day of the nth month from January 2026.
func month(n int) time.Time { return time.Date(2026, time.Month(1+n), 1, 9, 0, 0, 0, time.UTC) }

func customer(n int) string { return fmt.Sprintf("019a-%06d", n) }

func TestCSIHasFiveFactorsAndSixteenElements(t *testing.T) {
	got := map[string]int{}
	for _, q := range shipped(t, "csi").Questions {
		if q.Set == "elements" {
			got[q.Factor]++
		}
	}
	want := map[string]int{"initiation": 3, "advisor": 3, "facility": 4, "handover": 3, "quality": 3} // R125-R129
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDrawIsTheSameForAPersonAllMonth(t *testing.T) {
	d := shipped(t, "csi")
	for i := range 100 {
		first := d.Draw(customer(i), month(0))
		late := d.Draw(customer(i), month(0).AddDate(0, 0, 30))
		if len(first) != 3 || !slices.Equal(first, late) || !slices.IsSortedFunc(first, order(d)) {
			t.Fatalf("%v and, later in the month, %v: want three in the definition's order", first, late)
		}
		if next := d.Draw(customer(i), month(1)); slices.Equal(first, next) {
			t.Fatalf("%v again in the next month", next)
		}
	}
	if got := shipped(t, "nps").Draw("x", noon); got != nil {
		t.Errorf("%v drawn from a questionnaire that is not split", got)
	}
}

// TestTenPrinciplesAreAsked: after a service each of the nine principles that a customer
// can tell of has its question, on every wide channel five or six questions are asked of
// one person, and over eight months he meets all of those that are asked in turn.
func TestTenPrinciplesAreAsked(t *testing.T) {
	d := shipped(t, "after-service")
	asked := map[string]bool{}
	for _, ch := range []channels.Kind{channels.Form, channels.Phone, channels.Paper} {
		for m := range 8 {
			st := survey.Begin(d, ch, d.Draw("contact", month(m)))
			n := 0
			for _, q := range st.Sheet(d, ch) {
				asked[q.ID] = true
				if !q.Conditional() {
					n++
				}
			}
			if n != 6 {
				t.Errorf("%s asks %d questions in month %d", ch, n, m)
			}
		}
	}
	for principle, of := range map[int][]string{1: {"slot"}, 2: {"mobility"}, 3: {"on_time"}, 4: {"inspected"}, 5: {"price", "permission"}, 6: {"informed"}, 7: {"fixed"}, 8: {"explained"}, 9: {"accompanied"}} {
		for _, id := range of {
			if !asked[id] {
				t.Errorf("principle %d: %q is not asked", principle, id)
			}
		}
	}
	st := survey.Begin(d, channels.Telegram, d.Draw("contact", noon))
	taps := 0
	for st.Question != "" && taps < 10 {
		q, _ := d.Question(st.Question)
		value := map[survey.Kind]string{survey.Rating: "5", survey.YesNo: "yes", survey.Text: survey.Skip}[q.Kind]
		if q.Kind == survey.Choice {
			value = q.Options[0].ID
		}
		st, _ = survey.Step(d, st, tapped(q.ID, value), noon)
		taps++
	}
	if taps != 6 {
		t.Errorf("%d taps in Telegram", taps)
	}
}

func order(d *survey.Definition) func(a, b string) int {
	at := func(id string) int {
		return slices.IndexFunc(d.Questions, func(q survey.Question) bool { return q.ID == id })
	}
	return func(a, b string) int { return at(a) - at(b) }
}

// TestAPersonMeetsEveryElementEquallyOften: also where only one answers, no element
// is left out, and none comes again before nearly all have come.
func TestAPersonMeetsEveryElementEquallyOften(t *testing.T) {
	d := shipped(t, "csi")
	for i := range 50 {
		count := map[string]int{}
		for m := range 16 {
			for _, id := range d.Draw(customer(i), month(m)) {
				count[id]++
			}
			if m == 4 && len(count) != 15 {
				t.Fatalf("%d elements in five months, want 15: %v", len(count), count)
			}
		}
		for id, n := range count {
			if n != 3 || len(count) != 16 {
				t.Fatalf("%s was asked %d times in 16 months, want 3 of each of 16: %v", id, n, count)
			}
		}
	}
}

// TestElementsAreFarApart: a person's three questions are about different factors.
func TestElementsAreFarApart(t *testing.T) {
	d := shipped(t, "csi")
	for i := range 200 {
		factors := map[string]bool{}
		ids := d.Draw(customer(i), month(i%12))
		for _, id := range ids {
			q, _ := d.Question(id)
			factors[q.Factor] = true
		}
		if len(factors) != 3 {
			t.Fatalf("%v are of %d factors, want 3", ids, len(factors))
		}
	}
}

// TestEveryElementGetsItsShareOfTheMonth simulates two years: of all who are asked,
// and of the tenth who answer, each element has a sixteenth of the answers, as far as
// chance allows: within six standard deviations.
func TestEveryElementGetsItsShareOfTheMonth(t *testing.T) {
	d := shipped(t, "csi")
	for _, tt := range []struct {
		name             string
		asked, answering int // one of so many answers
	}{{"all answer", 1500, 1}, {"one of ten answers", 3000, 10}, {"forty answers", 400, 10}} {
		t.Run(tt.name, func(t *testing.T) {
			years := map[string]int{}
			for m := range 24 {
				count, answers := map[string]int{}, 0
				for i := range tt.asked {
					if (i*7919+m)%tt.answering != 0 {
						continue
					}
					for _, id := range d.Draw(customer(m*100_000+i), month(m)) {
						count[id]++
						years[id]++
						answers++
					}
				}
				// Binomial with p = 1/16: six standard deviations on either side.
				mean := float64(answers) / 16
				bound := 36 * mean * 13 / 16
				for _, q := range d.Questions {
					if x := float64(count[q.ID]) - mean; q.Set == "elements" && x*x > bound {
						t.Errorf("month %d: %s has %d of %d answers, want about %.0f", m, q.ID, count[q.ID], answers, mean)
					}
				}
			}
			if len(years) != 16 {
				t.Errorf("%d elements were asked in two years", len(years))
			}
		})
	}
}

// TestSplitIsAskedOnceWhateverTheChannel: what was drawn stays, and what was answered
// on one channel is not asked on the next.
func TestSplitIsAskedOnceWhateverTheChannel(t *testing.T) {
	d := shipped(t, "csi")
	drawn := d.Draw("contact", noon)
	st := survey.Begin(d, channels.Telegram, drawn)
	var asked []string
	for _, value := range []string{"5", "4"} {
		var effects []survey.Effect
		st, effects = survey.Step(d, st, tapped(st.Question, value), noon)
		for _, e := range effects {
			if e.Kind == survey.Ask {
				asked = append(asked, e.Question)
			}
		}
	}
	if diff := cmp.Diff(drawn[:2], asked); diff != "" {
		t.Errorf("asked by taps (-want +got):\n%s", diff)
	}
	var shown []string
	for _, q := range st.Sheet(d, channels.Form) {
		if q.Set != "" {
			shown = append(shown, q.ID)
		}
	}
	if diff := cmp.Diff(drawn, shown); diff != "" {
		t.Errorf("shown on the form (-want +got):\n%s", diff)
	}
}

func TestExpectation(t *testing.T) {
	d := shipped(t, "csi")
	st := survey.Begin(d, channels.Telegram, d.Draw("contact", noon))
	for _, v := range []string{"5", "4", "4", "4"} {
		st, _ = survey.Step(d, st, tapped(st.Question, v), noon)
	}
	if st.Question != "expectation" {
		t.Fatalf("%s is open, want the expectation", st.Question)
	}
	_, effects := survey.Step(d, st, tapped("expectation", "worse"), noon)
	if got, want := brief(effects), "save_answer:expectation callback:not_good ask:trouble"; got != want {
		t.Errorf("worse: got %s, want %s", got, want)
	}
	_, effects = survey.Step(d, st, tapped("expectation", "better"), noon)
	if got, want := brief(effects), "save_answer:expectation ask:suggestions"; got != want {
		t.Errorf("better: got %s, want %s", got, want)
	}
	_, effects = survey.Step(d, st, tapped("expectation", "best"), noon)
	if got, want := brief(effects), "refuse:expectation"; got != want {
		t.Errorf("best: got %s, want %s", got, want)
	}
}

func TestLowElements(t *testing.T) {
	d := shipped(t, "csi")
	drawn := d.Draw("contact", noon)
	for value, want := range map[int]bool{1: true, 2: true, 3: true, 4: false, 5: false} {
		st, _ := survey.Step(d, survey.Begin(d, channels.Form, drawn), survey.Input{Channel: channels.Form, Form: map[string]survey.Value{drawn[0]: {Rating: num(value)}}}, noon)
		if st.Flagged != want {
			t.Errorf("an element at %d: flagged is %v", value, st.Flagged)
		}
	}
}
