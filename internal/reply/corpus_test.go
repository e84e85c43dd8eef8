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
	Tags     []string `json:"tags"`
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
	blind                                                                                                                bool // counts only: no text is printed
}

func (t *tally) logf(tb testing.TB, format string, args ...any) {
	if !t.blind {
		tb.Helper()
		tb.Logf(format, args...)
	}
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
		t.logf(tb, "%s %s %q: got %s rating=%s answer=%q choice=%q also=%v, want %s rating=%s answer=%q choice=%q", s.ID, s.Question.Kind, s.Text,
			r.Intent, num(r.Rating), r.Answer, r.Choice, r.Also, s.Want.Intent, num(s.Want.Rating), s.Want.Answer, s.Want.Choice)
	}
	if rated {
		allowed := slices.ContainsFunc(labels, func(l label) bool { return num(l.Rating) == num(r.Rating) })
		if !allowed && r.Rating != nil {
			t.wrongRating++
			t.logf(tb, "%s: WRONG RATING", s.ID)
		}
		if !allowed && r.Rating == nil {
			t.lostRating++
		}
	}
	out := func(l label) bool { return l.Intent == IntentOptOut || slices.Contains(l.Also, IntentOptOut) }
	if out(s.Want) && !r.Has(IntentOptOut) {
		if !ok {
			t.missedOptOut++
			t.logf(tb, "%s: MISSED OPT-OUT", s.ID)
		}
	}
	if r.Has(IntentOptOut) && !slices.ContainsFunc(labels, out) {
		t.falseOptOut++
		t.logf(tb, "%s: FALSE OPT-OUT", s.ID)
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
		t.logf(tb, "%s %q: comment %q, want %q", s.ID, s.Text, r.Comment, *s.Want.Comment)
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

func score(t *testing.T, path string, blind bool) tally {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	got := tally{blind: blind}
	for _, s := range loadCorpus(t, path) {
		got.add(t, s, p.Read(s.input()))
	}
	t.Logf("%s: %d replies, accuracy %.1f %%, wrong ratings %d, lost ratings %d, missed opt-outs %d, false opt-outs %d, comments %d/%d, none wanted %d/%d, also %d/%d",
		filepath.Base(path), got.total, got.accuracy(), got.wrongRating, got.lostRating, got.missedOptOut, got.falseOptOut,
		got.commentsOK, got.comments, got.emptyOK, got.empty, got.alsoOK, got.also)
	return got
}

// TestFiguresTrain reads the labelled replies that rules and lexicons may be made from.
func TestFiguresTrain(t *testing.T) {
	got := score(t, "testdata/corpus.jsonl", false)
	if got.total < 2000 {
		t.Errorf("%d replies, want at least 2000", got.total)
	}
	check(t, got, 99.5, 0)
}

// TestFiguresHeldOut reads replies that no rule was made from; testdata/README.md has the rule about misses.
// The bounds are what has been reached, a little below: they are raised, never lowered.
func TestFiguresHeldOut(t *testing.T) {
	got := score(t, "testdata/heldout.jsonl", true)
	if got.total < 1124 {
		t.Errorf("%d replies, want at least 1124", got.total)
	}
	if got.accuracy() < heldOutAccuracy || got.wrongRating > heldOutWrong || got.missedOptOut > heldOutMissed || got.falseOptOut > heldOutFalse {
		t.Errorf("accuracy %.1f %%, %d wrong ratings, %d missed and %d false opt-outs; want %.1f %%, at most %d, %d and %d",
			got.accuracy(), got.wrongRating, got.missedOptOut, got.falseOptOut, heldOutAccuracy, heldOutWrong, heldOutMissed, heldOutFalse)
	}
	if got.commentsOK*100 < got.comments*98 || got.emptyOK*100 < got.empty*96 {
		t.Errorf("comments %d of %d, none wanted %d of %d; want 98 %% and 96 %%", got.commentsOK, got.comments, got.emptyOK, got.empty)
	}
}

const (
	heldOutAccuracy = 99.5
	heldOutWrong    = 0
	heldOutMissed   = 0
	heldOutFalse    = 0
)

// TestFiguresFlags compares flags and named employees with the tags of the corpus.
func TestFiguresFlags(t *testing.T) {
	p := parser(t)
	var staff []string
	for _, s := range loadCorpus(t, "testdata/corpus.jsonl") {
		for _, tag := range s.Tags {
			if name, ok := strings.CutPrefix(tag, "name:"); ok {
				staff = append(staff, name)
			}
		}
	}
	for _, flag := range []string{FlagLegal, FlagSafety, FlagSoldCar, FlagCorrection, FlagPraise, "name"} {
		hit, miss, extra := 0, 0, 0
		for _, s := range loadCorpus(t, "testdata/corpus.jsonl") {
			if len(s.Tags) == 0 {
				continue
			}
			in := s.input()
			in.Employees = staff
			r := p.Read(in)
			want, got := slices.Contains(s.Tags, flag), r.Flagged(flag)
			if flag == "name" {
				want, got = slices.ContainsFunc(s.Tags, func(tag string) bool { return strings.HasPrefix(tag, "name:") }), len(r.Praise) > 0
			}
			switch {
			case want && got:
				hit++
			case want:
				miss++
				t.Logf("%s %q lacks %s", s.ID, s.Text, flag)
			case got:
				extra++
				t.Logf("%s %q has %s %v", s.ID, s.Text, flag, r.Praise)
			}
		}
		t.Logf("%s: recall %d of %d, precision %d of %d", flag, hit, hit+miss, hit, hit+extra)
	}
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
	check(t, score(t, path, false), 98, 0)
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
