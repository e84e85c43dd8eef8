package render

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a marketer may write in braces in his own texts: the name as the person is
// addressed, and the dealer. Each language has its words for them; all of them are
// understood in every text, so that one copied into another language still works.
const (
	ownName   = "name"
	ownDealer = "dealer"
)

// ownWord is what a word in braces stands for; "" where it is unknown.
func ownWord(word string) string {
	word = strings.ToLower(strings.TrimSpace(word))
	for _, w := range shipped() {
		if of := w.Own[word]; of != "" {
			return of
		}
	}
	return ""
}

// own fills in a marketer's text. What is unknown stands as it was typed: it was
// refused before the launch. A name that is not known goes with the comma before it.
func (v *values) own(text string) string {
	if strings.IndexByte(text, '{') < 0 {
		return text
	}
	var b strings.Builder
	for {
		before, word, rest, last := cut(text)
		if last {
			return b.String() + before
		}
		b.WriteString(before)
		switch ownWord(word) {
		case ownDealer:
			b.WriteString(v.get(pDealer))
		case ownName:
			if name := v.get(pName); name != "" {
				b.WriteString(name)
				break
			}
			kept := strings.TrimRight(b.String(), " ,，、")
			b.Reset()
			b.WriteString(kept)
			if kept == "" || strings.HasSuffix(kept, "\n") {
				rest = upper(strings.TrimLeft(rest, " ,，、!！"))
			}
		default:
			b.WriteString("{" + word + "}")
		}
		text = rest
	}
}

// salute is the name before wishes that do not say it themselves.
func (v *values) salute() string {
	if v.data.Wishes == "" || says(v.data.Wishes, ownName) {
		return ""
	}
	return v.get(pName)
}

// sign is the dealer's name behind wishes and news that do not name him.
func (v *values) sign() string {
	dealer := v.get(pDealer)
	if dealer != "" && (strings.Contains(v.get(pWishes), dealer) || strings.Contains(v.get(pNews), dealer)) {
		return ""
	}
	return dealer
}

// says tells whether a marketer's text has a word that stands for something.
func says(text, of string) bool {
	return slices.ContainsFunc(ownWords(text), func(word string) bool { return ownWord(word) == of })
}

// ownWords are the words in braces of a text, as they stand.
func ownWords(text string) (out []string) {
	for {
		_, word, rest, last := cut(text)
		if last {
			return out
		}
		out, text = append(out, word), rest
	}
}

// UnknownWords are the words in braces of a marketer's text that stand for nothing.
func UnknownWords(text string) (out []string) {
	for _, word := range ownWords(text) {
		if ownWord(word) == "" && !slices.Contains(out, word) {
			out = append(out, word)
		}
	}
	return out
}

// OwnWords are those that a marketer may write in a language, sorted.
func OwnWords(locale string) []string {
	w := shipped()[base(locale)]
	if w == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(w.Own))
}

// upper begins a sentence that has lost its first word.
func upper(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(first)) + s[size:]
}
