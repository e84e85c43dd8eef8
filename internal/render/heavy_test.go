//go:build heavy

package render

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"otklik/internal/survey"
)

func anyone(t *rapid.T) *Data {
	s := func(label string) string { return hostile.Draw(t, label) }
	zone, at := time.UTC, time.Date(2026, 3, 28, 23, 59, 0, 0, time.UTC)
	d := &Data{
		Dealer:  Dealer{Name: s("dealer"), Phone: s("phone"), Address: s("address"), Locale: "ru"},
		Person:  Person{Given: s("given"), Patronymic: s("patronymic"), Family: s("family"), Full: s("full"), Gender: rapid.SampledFrom([]string{"", "male", "female"}).Draw(t, "gender")},
		Praised: []string{s("praised")}, Liked: []survey.Option{{Label: map[string]string{"": s("liked")}}}, Words: s("words"), Employee: s("employee"),
		FormURL: s("form"), UnsubscribeURL: s("unsubscribe"), Token: s("token"), First: rapid.Bool().Draw(t, "first"),
		Zone: zone, Now: at,
	}
	d.Vehicle.Model, d.Vehicle.Plate = s("model"), s("plate")
	d.Vehicle.Years, d.Appointment.Request, d.Consultant, d.News = rapid.IntRange(0, 130).Draw(t, "years"), s("request"), s("consultant"), s("news")
	d.Wishes = s("wishes")
	d.Holiday = map[string]string{"": s("holiday")}
	d.Visit.Order, d.Visit.Advisor, d.Visit.Works = s("order"), s("advisor"), rapid.SliceOfN(hostile, 0, 7).Draw(t, "works")
	d.Callback.Owner, d.Callback.Solution = s("owner"), s("solution")
	moment := func(label string) time.Time {
		if rapid.Bool().Draw(t, label+" known") {
			return at.Add(time.Duration(rapid.IntRange(-1000, 1000).Draw(t, label)) * time.Hour)
		}
		return time.Time{}
	}
	d.Visit.Date, d.Callback.Due, d.Callback.Next = moment("date"), moment("due"), moment("next")
	d.Appointment.At, d.Promised, d.LastContact = moment("appointment"), moment("promised"), moment("last contact")
	return d
}

// both executes a text in both ways.
func both(t *rapid.T, x *text, v *values) {
	fast, fastErr := x.appendTo(nil, v)
	slow, slowErr := (&text{template: x.template}).appendTo(nil, v)
	if (fastErr == nil) != (slowErr == nil) || fastErr != nil && !errors.Is(fastErr, ErrMissing) {
		t.Fatalf("compiled: %v; text/template: %v", fastErr, slowErr)
	}
	if fastErr == nil && oneStop(fast) != oneStop(slow) {
		t.Fatalf("compiled: %q; text/template: %q", fast, slow)
	}
}

// oneStop makes one full stop of several: text/template knows nothing of sentences that
// end behind initials (TestOneFullStop).
func oneStop(b []byte) string {
	s := string(b)
	for strings.Contains(s, "..") {
		s = strings.ReplaceAll(s, "..", ".")
	}
	return s
}

func TestHeavyCompiledTextsAreTextTemplates(t *testing.T) {
	r := shippedRenderer(t)
	rapid.Check(t, func(t *rapid.T) {
		d := anyone(t)
		question := hostile.Draw(t, "question")
		for _, w := range r.words {
			everyText(r, func(_ string, x *text, scale *survey.Question) {
				v := &values{words: w, data: d, scale: scale}
				v.set(pQuestion, question)
				both(t, x, v)
			})
		}
	})
}
