package render_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/internal/render"
)

// TestWhich: subjects are told apart by the visit, else by the survey's title, else by
// the order, and can be named in other words.
func TestWhich(t *testing.T) {
	r := renderer(t)
	day := func(d int) time.Time { return time.Date(2026, 3, d, 12, 0, 0, 0, moscow(t)) }
	now := day(20)
	csi, solved := map[string]string{"ru": "Индекс", "en": "Index", "zh": "指数"}, map[string]string{"ru": "Вопрос решён?", "en": "Is it solved?", "zh": "问题解决了吗？"}
	for _, tt := range []struct {
		name       string
		of         []render.Subject
		ru, en, zh string
	}{
		{"two cars", []render.Subject{{Model: "Vesta", Date: day(12)}, {Model: "Largus", Date: day(14)}}, "Vesta (12 марта)|Largus (14 марта)", "Vesta (March 12)|Largus (March 14)", "3月12日Vesta|3月14日Largus"},
		{"one car twice", []render.Subject{{Model: "Vesta", Date: day(12)}, {Model: "Vesta", Date: day(14)}}, "Vesta (12 марта)|Vesta (14 марта)", "Vesta (March 12)|Vesta (March 14)", "3月12日Vesta|3月14日Vesta"},
		{"no model", []render.Subject{{Date: day(12)}, {Model: "Vesta"}}, "12 марта|Vesta", "March 12|Vesta", "3月12日|Vesta"},
		{"one visit", []render.Subject{{Title: csi, Model: "Vesta", Date: day(12)}, {Title: solved, Model: "Vesta", Date: day(12)}}, "Индекс|Вопрос решён?", "Index|Is it solved?", "指数|问题解决了吗？"},
		{"no visit", []render.Subject{{Title: csi}, {Title: solved, Model: "Vesta", Date: day(12)}}, "Индекс|Вопрос решён?", "Index|Is it solved?", "指数|问题解决了吗？"},
		{"two visits of a day", []render.Subject{{Title: csi, Model: "Vesta", Date: day(12), Order: "1001"}, {Title: csi, Model: "Vesta", Date: day(12), Order: "1002"}}, "Vesta (12 марта) 1001|Vesta (12 марта) 1002", "Vesta (March 12) 1001|Vesta (March 12) 1002", "3月12日Vesta 1001|3月12日Vesta 1002"},
	} {
		q := r.Which(tt.of, moscow(t), now)
		for locale, want := range map[string]string{"ru": tt.ru, "en": tt.en, "zh": tt.zh} {
			var got []string
			for i, o := range q.Options {
				got = append(got, o.Label[locale])
				if o.ID != fmt.Sprint(i+1) || tt.of[i].Model != "" && !slices.Contains(o.Also[locale], tt.of[i].Model) {
					t.Errorf("%s: option %+v", tt.name, o)
				}
			}
			if strings.Join(got, "|") != want {
				t.Errorf("%s in %s: got %q, want %q", tt.name, locale, got, want)
			}
		}
	}
}
