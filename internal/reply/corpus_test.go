package reply

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// label is what a corpus says a reply means.
type label struct {
	Intent  Intent   `json:"intent"`
	Rating  *int     `json:"rating"`
	Answer  string   `json:"answer"`
	Choice  string   `json:"choice"`
	Comment *string  `json:"comment"`
	Also    []Intent `json:"also"`
}

// sample is one labelled reply in the format of the shared corpus.
type sample struct {
	ID       string   `json:"id"`
	Locale   string   `json:"locale"`
	Channel  string   `json:"channel"`
	Question Question `json:"question"`
	Text     string   `json:"text"`
	Want     label    `json:"want"`
	Accept   []label  `json:"accept"`
}

func (s sample) input() Input {
	return Input{Text: s.Text, Locale: s.Locale, Channel: s.Channel, Question: &s.Question}
}

func loadCorpus(tb testing.TB, path string) []sample {
	tb.Helper()
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var out []sample
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var s sample
		if err := json.Unmarshal(sc.Bytes(), &s); err != nil {
			tb.Fatalf("%s: %v", path, err)
		}
		out = append(out, s)
	}
	return out
}

// tally counts the way score.py of the shared corpus does.
type tally struct {
	total, right, wrongRating, lostRating, missedOptOut, falseOptOut, comments, commentsOK, empty, emptyOK, also, alsoOK int
}

func (t *tally) accuracy() float64 { return 100 * float64(t.right) / float64(max(t.total, 1)) }

func (t *tally) add(tb testing.TB, s sample, r Reading) {
	labels := append([]label{s.Want}, s.Accept...)
	rated := s.Question.Kind == KindRating || s.Question.Kind == KindNPS
	ok := slices.ContainsFunc(labels, func(l label) bool { return agrees(r, l, s.Question.Kind) })
	t.total++
	if ok {
		t.right++
	} else {
		tb.Logf("%s %s %q: got %s rating=%s answer=%q choice=%q also=%v, want %s rating=%s answer=%q choice=%q", s.ID, s.Question.Kind, s.Text,
			r.Intent, num(r.Rating), r.Answer, r.Choice, r.Also, s.Want.Intent, num(s.Want.Rating), s.Want.Answer, s.Want.Choice)
	}
	if rated {
		allowed := slices.ContainsFunc(labels, func(l label) bool { return num(l.Rating) == num(r.Rating) })
		if !allowed && r.Rating != nil {
			t.wrongRating++
			tb.Logf("%s: WRONG RATING", s.ID)
		}
		if !allowed && r.Rating == nil {
			t.lostRating++
		}
	}
	out := func(l label) bool { return l.Intent == IntentOptOut || slices.Contains(l.Also, IntentOptOut) }
	if out(s.Want) && !r.Has(IntentOptOut) {
		if !ok {
			t.missedOptOut++
			tb.Logf("%s: MISSED OPT-OUT", s.ID)
		}
	}
	if r.Has(IntentOptOut) && !slices.ContainsFunc(labels, out) {
		t.falseOptOut++
		tb.Logf("%s: FALSE OPT-OUT", s.ID)
	}
	if len(s.Want.Also) > 0 {
		t.also++
		if !slices.ContainsFunc(s.Want.Also, func(i Intent) bool { return !r.Has(i) }) {
			t.alsoOK++
		}
	}
	t.comment(tb, s, r)
}

func (t *tally) comment(tb testing.TB, s sample, r Reading) {
	if s.Want.Comment == nil {
		return
	}
	w, p := letters(*s.Want.Comment), letters(r.Comment)
	good := w == p || w != "" && p != "" && (strings.Contains(p, w) || strings.Contains(w, p) && 10*len(p) >= 6*len(w))
	if w == "" {
		t.empty++
		if good {
			t.emptyOK++
		}
	} else {
		t.comments++
		if good {
			t.commentsOK++
		}
	}
	if !good {
		tb.Logf("%s %q: comment %q, want %q", s.ID, s.Text, r.Comment, *s.Want.Comment)
	}
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, norm.NFKC.String(s))
}

func num(v *int) string {
	if v == nil {
		return "-"
	}
	b, _ := json.Marshal(*v)
	return string(b)
}

func agrees(r Reading, l label, k Kind) bool {
	if r.Intent != l.Intent {
		return false
	}
	switch {
	case k == KindRating || k == KindNPS:
		return num(r.Rating) == num(l.Rating)
	case l.Intent != IntentAnswer:
		return true
	case k == KindYesNo:
		return r.Answer == l.Answer
	case k == KindChoice:
		return r.Choice == l.Choice
	}
	return true
}

func score(t *testing.T, path string) tally {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	var got tally
	for _, s := range loadCorpus(t, path) {
		got.add(t, s, p.Read(s.input()))
	}
	t.Logf("%s: %d replies, accuracy %.1f %%, wrong ratings %d, lost ratings %d, missed opt-outs %d, false opt-outs %d, comments %d/%d, none wanted %d/%d, also %d/%d",
		filepath.Base(path), got.total, got.accuracy(), got.wrongRating, got.lostRating, got.missedOptOut, got.falseOptOut,
		got.commentsOK, got.comments, got.emptyOK, got.empty, got.alsoOK, got.also)
	return got
}

// TestCorpus reads the project's own labelled replies.
func TestCorpus(t *testing.T) {
	got := score(t, "testdata/corpus.jsonl")
	if got.total < 400 {
		t.Errorf("%d replies, want at least 400", got.total)
	}
	check(t, got, 98.5, 0)
}

// TestDevSample reads the sample that the acceptance corpus comes with; it is no part of this repository.
func TestDevSample(t *testing.T) {
	shared := os.Getenv("OTKLIK_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(shared, "replies", "dev_sample.jsonl")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no shared sample (set OTKLIK_SHARED): %v", err)
	}
	check(t, score(t, path), 98, 0)
}

func check(t *testing.T, got tally, accuracy float64, wrong int) {
	t.Helper()
	if got.accuracy() < accuracy {
		t.Errorf("accuracy %.1f %%, want %.1f %%", got.accuracy(), accuracy)
	}
	if got.wrongRating > wrong {
		t.Errorf("%d wrong ratings, want at most %d", got.wrongRating, wrong)
	}
	if got.missedOptOut+got.falseOptOut > 0 {
		t.Errorf("%d missed and %d false opt-outs, want none", got.missedOptOut, got.falseOptOut)
	}
	if got.commentsOK*100 < got.comments*98 || got.emptyOK*100 < got.empty*98 {
		t.Errorf("comments %d of %d, none wanted %d of %d; want 98 %%", got.commentsOK, got.comments, got.emptyOK, got.empty)
	}
	if got.alsoOK*100 < got.also*95 {
		t.Errorf("wishes beside the score %d of %d", got.alsoOK, got.also)
	}
}
