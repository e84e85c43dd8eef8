package reply

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
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
	tagGood // statements that mean yes to a question put positively
	tagBad  // statements that mean no
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
	tagGuard // kills matches of the section named by the key inside its span
	tagWhen  // words of time; key: the rule in when.go
	tagCount
)

var sectionNames = [tagCount]string{
	"number", "grade", "vague", "total", "overall", "star", "lead", "unit", "before", "suffix", "outof", "outof_reversed",
	"or", "half", "scale", "top", "not_before", "not_after", "hypothetical", "correction", "minus", "conjunction", "courtesy",
	"yes", "no", "maybe", "good", "bad", "ask", "optout_bare", "optout", "resume_bare", "resume", "help_bare", "help",
	"callback_bare", "callback", "later_bare", "later", "wrong_person", "purpose", "flag", "topic", "negative", "thanks",
	"title", "synonym", "ordinal", "guard", "when",
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

// node is a state of the phrase tree; words are kept whole or as a beginning.
type node struct {
	whole    map[string]*node
	begin    map[string]*node
	shortest int // bytes of the shortest key of begin
	longest  int
	digits   *node
	gap      *node
	terms    []term
}

// errPhrase marks a phrase of a lexicon file that cannot be compiled.
var errPhrase = errors.New("phrase not understood")

// lexicon is all files compiled into one tree.
type lexicon struct {
	root  node
	fold  *folder
	langs []string
	// long holds single words of six letters or more that bear a typing error, by length in runes.
	long map[int][]typo
}

type typo struct {
	word []rune
	term term
}

func loadLexicon(files fs.FS) (*lexicon, error) {
	lx := &lexicon{fold: newFolder(), long: map[int][]typo{}}
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
		if err := lx.file(name, data); err != nil {
			return nil, err
		}
	}
	return lx, nil
}

// file adds one lexicon: sections that hold either a block of phrases or a map from key to such a block.
func (lx *lexicon) file(name string, data []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return fmt.Errorf("lexicon %s: %w", name, err)
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		return fmt.Errorf("lexicon %s: want a map of sections", name)
	}
	lang := strings.TrimSuffix(path.Base(name), ".yaml")
	lx.langs = append(lx.langs, lang)
	body := doc.Content[0].Content
	for i := 0; i < len(body); i += 2 {
		t, ok := sectionOf(body[i].Value)
		if !ok {
			return fmt.Errorf("lexicon %s:%d: unknown section %q", name, body[i].Line, body[i].Value)
		}
		if err := lx.section(name, lang, t, body[i+1]); err != nil {
			return err
		}
	}
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

func (lx *lexicon) section(name, lang string, t tag, n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return lx.phrases(name, n, term{tag: t, lang: lang}, n.Value)
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
		if err := lx.phrases(name, block, tm, block.Value); err != nil {
			return err
		}
	}
	return nil
}

func (lx *lexicon) phrases(name string, n *yaml.Node, tm term, block string) error {
	for _, line := range strings.Split(block, "\n") {
		if i := strings.Index(line, " #!"); i >= 0 { // a remark inside a block
			line = line[:i]
		}
		for _, phrase := range splitPhrases(line) {
			own := strings.HasPrefix(phrase, "!")
			tm.own = own
			for _, plain := range expand(strings.TrimPrefix(phrase, "!")) {
				if err := lx.add(plain, tm); err != nil {
					return fmt.Errorf("lexicon %s:%d: %q: %w", name, n.Line, phrase, err)
				}
			}
		}
	}
	return nil
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

// add compiles one phrase. A word ending in * matches words that begin so, ".." up to three words, "#" a number.
func (lx *lexicon) add(phrase string, tm term) error {
	at, words := &lx.root, 0
	fields := strings.Fields(phrase)
	for len(fields) > 0 && fields[len(fields)-1] == ".." { // a gap at the end says nothing
		fields = fields[:len(fields)-1]
	}
	for _, field := range fields {
		switch field {
		case "..":
			at = child(&at.gap)
			continue
		case "#":
			at = child(&at.digits)
			words++
			continue
		}
		stem := strings.HasSuffix(field, "*")
		d := lx.fold.tokenize(strings.TrimSuffix(field, "*"))
		if len(d.toks) == 0 {
			return errPhrase
		}
		for i, t := range d.toks {
			if t.kind == kindPunct && t.joint {
				continue
			}
			at = at.step(t.text, stem && i == len(d.toks)-1)
			words++
		}
		if !stem && len(d.toks) == 1 && !strings.Contains(phrase, " ") && !tm.own {
			lx.addTypo(d.toks[0].text, tm)
		}
	}
	if words == 0 {
		return errPhrase
	}
	at.terms = append(at.terms, tm)
	return nil
}

// addTypo remembers a long rare word that people often misspell: opt-out keywords and verbal grades only.
func (lx *lexicon) addTypo(word string, tm term) {
	if tm.tag != tagOptOutBare && tm.tag != tagGrade {
		return
	}
	if n := utf8.RuneCountInString(word); n >= 6 {
		lx.long[n] = append(lx.long[n], typo{[]rune(word), tm})
	}
}

func child(n **node) *node {
	if *n == nil {
		*n = &node{}
	}
	return *n
}

func (n *node) step(word string, stem bool) *node {
	m := &n.whole
	if stem {
		m = &n.begin
		if n.shortest == 0 || len(word) < n.shortest {
			n.shortest = len(word)
		}
		n.longest = max(n.longest, len(word))
	}
	if *m == nil {
		*m = map[string]*node{}
	}
	next := (*m)[word]
	if next == nil {
		next = &node{}
		(*m)[word] = next
	}
	return next
}
