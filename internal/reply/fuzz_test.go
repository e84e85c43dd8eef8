package reply

import (
	"reflect"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzRead feeds arbitrary texts to every kind of question: no panic, the same reading twice, a rating inside the
// scale, a valid comment.
func FuzzRead(f *testing.F) {
	p, err := New()
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"2. ждал 3 часа, и стук остался", "5️⃣", "\u200fSTOP\u200e", "3½", "٥", "打5分，谢谢小王", "5/5 4.5 12.03.2026 +7 (701) 000-22-33", "\xff5\xfe", "☆☆★", "-", "''''0", "1)\n2)\n3)"} {
		f.Add(s, uint8(0))
	}
	for _, c := range loadCorpus(f, "testdata/corpus.jsonl") {
		f.Add(c.Text, uint8(len(c.Text)))
	}
	now := time.Date(2026, 3, 12, 10, 0, 0, 0, time.UTC)
	questions := []*Question{nil, {Kind: KindRating}, {Kind: KindNPS}, {Kind: KindYesNo, Prompt: "1 - да, 2 - нет"},
		{Kind: KindChoice, Options: []Option{{ID: "a", Labels: []string{"Звонок"}}, {ID: "b", Labels: []string{"短信", "SMS"}}}},
		{Kind: KindMultiChoice, Options: []Option{{ID: "a", Labels: []string{""}}, {ID: "b"}}}, {Kind: KindText}, {Kind: "other"}}
	f.Fuzz(func(t *testing.T, text string, pick uint8) {
		q := questions[int(pick)%len(questions)]
		in := Input{Text: text, Locale: "ru", Question: q, Now: now, Employees: []string{"Олег Ким", "王伟"}}
		r := p.Read(in)
		if again := p.Read(in); !reflect.DeepEqual(r, again) {
			t.Fatalf("two readings of %q: %+v and %+v", text, r, again)
		}
		if !utf8.ValidString(r.Comment) {
			t.Fatalf("comment of %q is not valid: %q", text, r.Comment)
		}
		if r.Confidence < 0 || r.Confidence > 1 {
			t.Fatalf("confidence %v", r.Confidence)
		}
		if r.Rating != nil {
			if low, top := q.scale(); *r.Rating < low || *r.Rating > top {
				t.Fatalf("rating %d of %q is outside the scale", *r.Rating, text)
			}
		}
		if r.When != nil && !r.When.To.After(r.When.From) {
			t.Fatalf("interval of %q: %v", text, r.When)
		}
	})
}
