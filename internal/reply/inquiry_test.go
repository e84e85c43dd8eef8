package reply

import (
	"slices"
	"strings"
	"testing"
)

// TestInquiry: a question put to us is noticed without a question mark too, beside a score as well as alone; what tells of
// a question is none.
func TestInquiry(t *testing.T) {
	p := parser(t)
	one, five, ten := 1, 5, 10
	for _, c := range []struct {
		locale, text string
		rating       *int
		asks         bool
	}{
		{"ru", "до скольки работаете", nil, true},
		{"ru", "а вы до скольки сегодня", nil, true},
		{"ru", "сколько стоит то-5", nil, true},
		{"ru", "Здравствуйте, сколько будет стоить замена масла", nil, true},
		{"ru", "то-5 сколько стоит", nil, true},
		{"ru", "во сколько можно забрать машину", nil, true},
		{"ru", "когда закрываетесь", nil, true},
		{"ru", "Подскажите, можно записаться на ТО", nil, true},
		{"ru", "работаете в воскресенье", nil, true},
		{"ru", "5, а до скольки работаете", &five, true},
		{"ru", "5 до скольки вы работаете", &five, true},
		{"ru", "5. Всё отлично, а когда можно приехать на ТО", &five, true},
		{"ru", "1, не сказали сколько стоит работа", &one, false},
		{"ru", "1, не сказали, сколько стоит работа", &one, false},
		{"ru", "непонятно, до скольки вы работаете, 1", &one, false},
		{"ru", "когда забирал машину, была грязная, 1", &one, false},
		{"ru", "5, работаете отлично", &five, false},
		{"ru", "сколько можно ждать! 1", &one, false},
		{"en", "when do you close", nil, true},
		{"en", "How much is an oil change", nil, true},
		{"en", "5, what time do you open tomorrow", &five, true},
		{"en", "10 and can i book for friday", &ten, true},
		{"en", "1, they didn't say how much it is", &one, false},
		{"en", "5, when i came it was ready", &five, false},
		{"en", "you do good work, 5", &five, false},
		{"zh", "几点关门", nil, true},
		{"zh", "你们几点关门", nil, true},
		{"zh", "保养多少钱", nil, true},
		{"zh", "5分，你们周六上班吗", &five, true},
		{"zh", "5，请问什么时候能取车", &five, true},
		{"zh", "1分，多少钱都没说清楚", &one, false},
		{"zh", "花了多少钱都不值，1", &one, false},
	} {
		q := &Question{Kind: KindRating, Min: 1, Max: 5}
		if c.rating == &ten {
			q.Max = 10
		}
		r := p.Read(Input{Text: c.text, Locale: c.locale, Question: q})
		want := IntentUnclear
		if c.rating != nil {
			want = IntentAnswer
		}
		if r.Has(IntentInquiry) != c.asks || r.Intent != want || num(r.Rating) != num(c.rating) {
			t.Errorf("%q: %s %s also %v, want %s %s, asks %v", c.text, r.Intent, num(r.Rating), r.Also, want, num(c.rating), c.asks)
		}
	}
}

// TestNoInquiryBesideScores: no reply of the corpora that has a score and no question mark asks anything, and none whose
// own wish is another.
func TestNoInquiryBesideScores(t *testing.T) {
	p := parser(t)
	for _, name := range []string{"corpus.jsonl", "heldout.jsonl"} {
		rated, asks := 0, 0
		for _, s := range loadCorpus(t, "testdata/"+name) {
			r := p.Read(s.input())
			if !r.Has(IntentInquiry) {
				continue
			}
			asks++
			if name == "corpus.jsonl" {
				t.Logf("%s %q asks", s.ID, s.Text)
			}
			marked := strings.ContainsAny(s.Text, "?？")
			if labels := append([]label{s.Want}, s.Accept...); !marked && slices.ContainsFunc(labels, func(l label) bool { return l.Rating != nil || l.Answer != "" }) {
				rated++
			}
		}
		t.Logf("%s: %d inquiries, false beside an answer: %d", name, asks, rated)
		if rated > 0 {
			t.Errorf("%s: %d answered replies are taken for inquiries", name, rated)
		}
	}
}
