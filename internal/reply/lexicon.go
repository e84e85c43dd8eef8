package reply

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

//go:embed lexicon/*.yaml
var lexiconFiles embed.FS

// tag is a section of a lexicon file.
type tag uint8

const (
	tagNumber     tag = iota // words that are numbers; key: the value
	tagGrade                 // verbal grades on a scale of five; key: the value
	tagVague                 // words that only hint at a grade; key: the hint
	tagTotal                 // words next to a number that make it the score
	tagOverall               // words that make it the overall score
	tagStar                  // units of a score: points, stars
	tagLead                  // words that belong to the naming of a score and vanish with it
	tagUnit                  // words after a number that make it something else; key: what
	tagBefore                // words before a number that make it something else; key: what
	tagSuffix                // endings glued to a number
	tagOutOf                 // N of M
	tagOutOfRev              // of M, N
	tagOr                    // N or N, N to N
	tagHalf                  // and a half
	tagScale                 // words that name the scale; key: its top
	tagTop                   // words that mean the top of the scale
	tagNotBefore             // negates what follows
	tagNotAfter              // negates what precedes
	tagHypo                  // would have been
	tagCorrection            // oops
	tagMinus                 // words that take points off
	tagConj                  // conjunctions after which a score is explained
	tagCourtesy              // greetings, thanks, fillers: no content
	tagYes
	tagNo
	tagMaybe
	tagGood // statements that mean yes to a question put positively; key: what about, "" for any
	tagBad  // statements that mean no; key: what about, "" for any
	tagAsk  // question words and questions back
	tagOptOutBare
	tagOptOut
	tagResumeBare
	tagResume
	tagHelpBare
	tagHelp
	tagCallbackBare
	tagCallback
	tagLaterBare
	tagLater
	tagWrong
	tagPurpose
	tagFlag
	tagTopic
	tagNegative
	tagThanks
	tagTitle // titles that stand with an employee's name
	tagSynonym
	tagOrdinal
	tagGuard    // kills matches of the section named by the key inside its span
	tagWhen     // words of time; key: the rule in when.go
	tagAbout    // words of a yes/no prompt that say what it asks about; key: the aspect, as with good and bad
	tagClass    // single words that phrases of the same file name together as <key>
	tagSpelling // long words of opt-outs, which are read through one slip of the pen
	tagNickname // short forms of a given name and its cases that share no beginning with it; key: the name
	tagInquiry  // questions put to us, with what leads them in and what denies them; key: where it counts, see inquires
	tagRegards  // thanks and good wishes returned: nobody has to answer them
	tagContrast // whom a number is for, where others get another one; key: them or us
	tagBound    // words that make a number the most or the least a person would give; key: where they stand, see bounded
	tagStated   // words that introduce the score itself
	tagPause    // requests not to write at present; they are no opt-out and mean later
	tagDispatch // requests not to send whom the next word names: no opt-out where that is a name
	tagCount
)

var sectionNames = [tagCount]string{
	"number", "grade", "vague", "total", "overall", "star", "lead", "unit", "before", "suffix", "outof", "outof_reversed",
	"or", "half", "scale", "top", "not_before", "not_after", "hypothetical", "correction", "minus", "conjunction", "courtesy",
	"yes", "no", "maybe", "good", "bad", "ask", "optout_bare", "optout", "resume_bare", "resume", "help_bare", "help",
	"callback_bare", "callback", "later_bare", "later", "wrong_person", "purpose", "flag", "topic", "negative", "thanks",
	"title", "synonym", "ordinal", "guard", "when", "about", "class", "spelling", "nickname",
	"inquiry", "regards", "contrast", "bound", "stated", "pause", "dispatch",
}

// term is what a phrase of the lexicon means.
type term struct {
	tag  tag
	own  bool // counts only in a conversation of its own language
	lang string
	key  string
	num  int // the key as a number, where it is one
	kill tag // for guards: the section they act on
}

// errPhrase marks a phrase of a lexicon file that cannot be compiled.
var errPhrase = errors.New("phrase not understood")

// lexicon is all files compiled into one automaton.
type lexicon struct {
	auto  automaton
	terms []term
	// Words and beginnings of words that phrases are made of, folded.
	whole, begin      map[string]symbol
	classes           map[symbol][]symbol // of a word or beginning: the classes it belongs to
	shortest, longest int                 // bytes of the shortest and longest key of begin
	fold              *folder
	// long holds single words that bear a typing error, by section and length in runes.
	long map[typoKey][][]rune
}

// shortestTypo is the number of letters from which a word bears a slip.
const shortestTypo = 6

type typoKey struct {
	tag    tag
	length int
}

func loadLexicon(files fs.FS) (*lexicon, error) {
	lx := &lexicon{whole: map[string]symbol{}, begin: map[string]symbol{}, classes: map[symbol][]symbol{}, fold: newFolder(), long: map[typoKey][][]rune{}}
	b := &builder{words: map[string][]symbol{}, known: map[string]uint32{}, tails: map[string]uint32{}}
	names, err := fs.Glob(files, "lexicon/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("listing lexicons: %w", err)
	}
	sort.Strings(names)
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("reading lexicon: %w", err)
		}
		if err := lx.file(b, name, data); err != nil {
			return nil, err
		}
	}
	lx.auto = b.build()
	return lx, nil
}

// file adds one lexicon: sections that hold either a block of phrases or a map from key to such a block.
func (lx *lexicon) file(b *builder, name string, data []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("lexicon %s: %w", name, err)
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return fmt.Errorf("lexicon %s: want a map of sections", name)
	}
	lang, _, _ := strings.Cut(strings.TrimSuffix(path.Base(name), ".yaml"), "-")
	body := doc.Content[0].Content
	for i := 0; i < len(body); i += 2 {
		t, ok := sectionOf(body[i].Value)
		if !ok {
			return fmt.Errorf("lexicon %s:%d: unknown section %q", name, body[i].Line, body[i].Value)
		}
		if err := lx.section(b, name, lang, t, body[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// class gives the symbol of the class that the words of this file's phrases call <name>.
func (lx *lexicon) class(lang, name string) symbol {
	return lx.symbol("<"+lang+":"+name+">", false)
}

// classWord puts a word or the beginning of one into a class.
func (lx *lexicon) classWord(b *builder, word, lang, name string) error {
	syms := lx.word(b, lang, word)
	if len(syms) != 1 {
		return errPhrase
	}
	lx.classes[syms[0]] = append(lx.classes[syms[0]], lx.class(lang, name))
	return nil
}

func sectionOf(name string) (tag, bool) {
	for i, s := range sectionNames {
		if s == name {
			return tag(i), true
		}
	}
	return 0, false
}

func (lx *lexicon) section(b *builder, name, lang string, t tag, n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return lx.phrases(b, name, n, term{tag: t, lang: lang}, n.Value)
	}
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("lexicon %s:%d: want a block of phrases or a map", name, n.Line)
	}
	for i := 0; i < len(n.Content); i += 2 {
		key, block := n.Content[i], n.Content[i+1]
		tm := term{tag: t, lang: lang, key: key.Value}
		for _, c := range key.Value {
			if c < '0' || c > '9' {
				break
			}
			tm.num = tm.num*10 + int(c-'0')
		}
		if t == tagGuard {
			kill, ok := sectionOf(key.Value)
			if !ok {
				return fmt.Errorf("lexicon %s:%d: guard of unknown section %q", name, key.Line, key.Value)
			}
			tm.kill = kill
		}
		if err := lx.phrases(b, name, block, tm, block.Value); err != nil {
			return err
		}
	}
	return nil
}

func (lx *lexicon) phrases(b *builder, name string, n *yaml.Node, tm term, block string) error {
	if strings.Contains(n.LineComment, ",") { // outside a block " #" begins a comment, which would swallow phrases
		return fmt.Errorf("lexicon %s:%d: %q: %w", name, n.Line, n.LineComment, errPhrase)
	}
	for _, line := range strings.Split(block, "\n") {
		if i := strings.Index(line, " #!"); i >= 0 { // a remark inside a block
			line = line[:i]
		}
		for _, phrase := range splitPhrases(line) {
			tm.own = strings.HasPrefix(phrase, "!")
			if err := lx.phrase(b, strings.TrimPrefix(phrase, "!"), tm); err != nil {
				return fmt.Errorf("lexicon %s:%d: %q: %w", name, n.Line, phrase, err)
			}
		}
	}
	return nil
}

// phrase compiles one phrase. A word ending in * matches words that begin so, ".." up to three words, "#" a number,
// "<car>" a word of that class, which stands above the phrase in the file.
func (lx *lexicon) phrase(b *builder, text string, tm term) error {
	if tm.tag == tagClass {
		for _, word := range expand(text) {
			if err := lx.classWord(b, word, tm.lang, tm.key); err != nil {
				return err
			}
		}
		return nil
	}
	at := lx.intern(tm)
	for _, parts := range cut(text) {
		slots, err := lx.slots(b, parts, tm.lang)
		if err != nil {
			return err
		}
		b.add(slots, at)
		if !tm.own && len(parts) == 1 {
			for _, word := range parts[0] {
				lx.addTypo(word, tm)
			}
		}
	}
	return nil
}

// slots compiles the parts of a phrase; a gap goes to the part after it, one at the end says nothing.
func (lx *lexicon) slots(b *builder, parts [][]string, lang string) ([]slot, error) {
	var out []slot
	var gap []symbol
	words := false
	for _, part := range parts {
		if len(part) == 1 && part[0] == ".." {
			gap = append(gap, symbolGap)
			continue
		}
		var s slot
		for _, alt := range part {
			syms, err := lx.symbols(b, alt, lang)
			if err != nil {
				return nil, err
			}
			words = words || len(syms) > 0
			s.alts = append(s.alts, slices.Concat(gap, syms))
		}
		out, gap = append(out, s), nil
	}
	if !words {
		return nil, errPhrase
	}
	return out, nil
}

// symbols compiles words without alternatives; gaps at the end are left out.
func (lx *lexicon) symbols(b *builder, text, lang string) ([]symbol, error) {
	fields := strings.Fields(strings.ReplaceAll(text, "..", " .. "))
	for len(fields) > 0 && fields[len(fields)-1] == ".." {
		fields = fields[:len(fields)-1]
	}
	var out []symbol
	for _, field := range fields {
		switch field {
		case "..":
			out = append(out, symbolGap)
		case "#":
			out = append(out, symbolDigits)
		default:
			word := lx.word(b, lang, field)
			if len(word) == 0 {
				return nil, errPhrase
			}
			out = append(out, word...)
		}
	}
	if len(out) == 0 {
		return nil, errPhrase
	}
	return out, nil
}

// splitPhrases cuts at commas outside brackets.
func splitPhrases(line string) []string {
	var out []string
	for _, p := range strings.Split(line, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// expand writes out the alternatives: "не пиши[|те]" stands for two phrases, "[мне]? не надо" for two.
func expand(p string) []string {
	open := strings.IndexByte(p, '[')
	if open < 0 {
		return []string{p}
	}
	end := open + strings.IndexByte(p[open:], ']')
	if end < open {
		return []string{p}
	}
	rest := p[end+1:]
	choices := strings.Split(p[open+1:end], "|")
	if strings.HasPrefix(rest, "?") {
		rest = rest[1:]
		choices = append(choices, "")
	}
	var out []string
	tails := expand(rest)
	for _, c := range choices {
		for _, t := range tails {
			out = append(out, p[:open]+c+t)
		}
	}
	return out
}

// intern gives the index of a term; a block of phrases shares one or two.
func (lx *lexicon) intern(tm term) uint32 {
	n := len(lx.terms)
	for i := n - 1; i >= 0 && i >= n-2; i-- {
		if lx.terms[i] == tm {
			return uint32(i)
		}
	}
	lx.terms = append(lx.terms, tm)
	return uint32(n)
}

// word gives the symbols of what stands between two spaces of a phrase: one, more with hyphens or in Chinese, none when
// it cannot be read.
func (lx *lexicon) word(b *builder, lang, field string) []symbol {
	if name, ok := strings.CutPrefix(field, "<"); ok {
		sym, ok := lx.whole["<"+lang+":"+name]
		if !ok {
			return nil
		}
		return []symbol{sym}
	}
	if known, ok := b.words[field]; ok {
		return known
	}
	plain, stem := strings.CutSuffix(field, "*")
	d := lx.fold.tokenize(plain)
	var out []symbol
	for i, t := range d.toks {
		if t.kind == kindPunct && t.joint {
			continue
		}
		out = append(out, lx.symbol(t.text, stem && i == len(d.toks)-1))
	}
	b.words[field] = out
	return out
}

// symbol gives the symbol of a word or the beginning of one.
func (lx *lexicon) symbol(word string, stem bool) symbol {
	m := lx.whole
	if stem {
		m = lx.begin
	}
	sym, ok := m[word]
	if ok {
		return sym
	}
	sym = symbolFirst + symbol(len(lx.whole)+len(lx.begin))
	if stem {
		lx.beginning(strings.Clone(word), sym)
	} else {
		lx.whole[strings.Clone(word)] = sym
	}
	return sym
}

// beginning keeps the beginning of words.
func (lx *lexicon) beginning(word string, sym symbol) {
	if lx.shortest == 0 || len(word) < lx.shortest {
		lx.shortest = len(word)
	}
	lx.longest = max(lx.longest, len(word))
	lx.begin[word] = sym
}

// addTypo remembers a long rare word that people often misspell: opt-out keywords and verbal grades only.
func (lx *lexicon) addTypo(text string, tm term) {
	if tm.tag != tagOptOutBare && tm.tag != tagGrade && tm.tag != tagSpelling || strings.ContainsAny(text, "*<#") {
		return
	}
	d := lx.fold.tokenize(text)
	if len(d.toks) != 1 {
		return
	}
	word := d.toks[0].text
	if n := utf8.RuneCountInString(word); n >= shortestTypo {
		k := typoKey{tm.tag, n}
		lx.long[k] = append(lx.long[k], []rune(word))
	}
}
