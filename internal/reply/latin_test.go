package reply

import "testing"

// TestCyrillic writes Russian in Latin letters in Cyrillic again, as far as the lexicons know the words.
func TestCyrillic(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for latin, want := range map[string]string{
		"nomer": "номер", "moy": "мой", "menya": "меня", "eto": "это", "otstante": "отстаньте", "ubrat": "убрать",
		"otpisatsya": "отписаться", "horosho": "хорошо", "4etyre": "четыре",
	} {
		if got, ok := p.lex.cyrillic(latin); got != want || !ok {
			t.Errorf("%s: %q (known: %t), want %q", latin, got, ok, want)
		}
	}
	if got, ok := p.lex.cyrillic("straightforward"); ok {
		t.Errorf("an English word is taken for %q", got)
	}
}

// TestLatinLettersOfOthers: texts in other languages are not read as Russian.
func TestLatinLettersOfOthers(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	q := &Question{Kind: KindRating, Min: 1, Max: 5}
	for _, text := range []string{"is the car ready", "no idea what this is", "who do you mean"} {
		if r := p.Read(Input{Text: text, Locale: "ru", Question: q}); r.Intent == IntentAnswer || r.Intent == IntentOptOut {
			t.Errorf("%q is read as %s", text, r.Intent)
		}
	}
}

// TestGlued parts words without spaces between them, and none that a lexicon has or that is not all words.
func TestGlued(t *testing.T) {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{"непишитемнебольше": 4, "dontmessagemeagain": 4, "отлично": 1, "абракадабрище": 1, "transmission": 1} {
		d := p.lex.fold.tokenize(text)
		d.unglue(p.lex)
		if len(d.toks) != want {
			t.Errorf("%s: %d words, want %d", text, len(d.toks), want)
		}
	}
}
