package reply

import (
	"slices"
	"strings"
)

// Parser reads replies. It is made by New, immutable afterwards and safe for concurrent use.
type Parser struct {
	lex *lexicon
}

// maxText is how much of a text is read, in bytes: a reply, not a book.
const maxText = 8 << 10

// New loads the embedded lexicons: in the compiled form where that is up to date, which takes milliseconds, else from
// the files. It fails only when a lexicon file is malformed and then names file and line.
func New() (*Parser, error) {
	if lx, ok := precompiled(lexiconFiles); ok {
		return &Parser{lex: lx}, nil
	}
	lx, err := loadLexicon(lexiconFiles)
	if err != nil {
		return nil, err
	}
	return &Parser{lex: lx}, nil
}

// rewrites are other ways to take the letters of a text that says nothing as it stands. Each gives the language of the
// result, or false where the text cannot be taken so.
var rewrites = []func(d *document, lx *lexicon, locale string) (string, bool){
	func(d *document, lx *lexicon, locale string) (string, bool) {
		return "ru", d.maybeRussian(locale) && d.fromLatinScript(lx)
	},
	func(d *document, lx *lexicon, locale string) (string, bool) { return locale, d.unglue(lx) },
	func(d *document, _ *lexicon, locale string) (string, bool) { return locale, d.denying() },
	func(d *document, lx *lexicon, locale string) (string, bool) { return locale, d.unswap(lx) },
}

// Read understands one text. It never fails: what cannot be read is IntentUnclear.
func (p *Parser) Read(in Input) Reading {
	d := p.document(in.Text, in.Locale)
	r := d.read(p, in)
	for _, rewrite := range rewrites {
		if r.Intent != IntentUnclear {
			break
		}
		again := &document{src: d.src, toks: slices.Clone(d.toks), courtesy: d.courtesy}
		if own, ok := rewrite(again, p.lex, in.Locale); ok {
			p.match(again, own)
			if second := again.read(p, in); second.Intent != IntentUnclear {
				d, r = again, second
			}
		}
	}
	d.enrich(&r, in)
	return r
}

// read is Read without the details that are the same for all questions.
func (d *document) read(p *Parser, in Input) Reading {
	r := Reading{Intent: IntentUnclear}
	r.Locale = d.language(in.Locale)
	w := d.wishes(p.lex)
	if in.Question == nil {
		d.readNothingOpen(&r, w)
	} else {
		switch in.Question.Kind {
		case KindRating, KindNPS:
			d.readRating(&r, w, *in.Question)
		case KindYesNo:
			d.readYesNo(&r, w, p, *in.Question)
		case KindChoice, KindMultiChoice:
			d.readChoice(&r, w, p, *in.Question)
		default:
			d.readText(&r, w)
		}
	}
	if (r.Intent == IntentAnswer || r.Intent == IntentUnclear) && d.inquires() {
		r.Also = append(r.Also, IntentInquiry)
	}
	return r
}

// document cuts and matches a text.
func (p *Parser) document(text, locale string) *document {
	if len(text) > maxText {
		text = text[:maxText]
	}
	text = strings.ToValidUTF8(text, "") // half a character at the cut, or a sender's broken encoding
	d := p.lex.fold.tokenize(text)
	d.spelt()
	own := locale
	if i := strings.IndexAny(own, "-_"); i >= 0 {
		own = own[:i]
	}
	if script := d.script(); own == "" || script != "" && script != own && !sameScript(script, own) {
		own = script
	}
	d.partNot(p.lex)
	p.match(&d, own)
	return &d
}

// match finds the phrases of a text in the language of its conversation.
func (p *Parser) match(d *document, own string) {
	p.lex.scan(d, own)
	if d.respell(p.lex) {
		d.mat = d.mat[:0]
		p.lex.scan(d, own)
	}
	d.markCourtesy()
}

func (d *document) markCourtesy() {
	d.courtesy = make([]bool, len(d.toks))
	for _, m := range d.mat {
		if m.tag != tagCourtesy {
			continue
		}
		for i := m.from; i < m.to; i++ {
			d.courtesy[i] = true
		}
	}
}

// readRating fills the fields of a rating answer.
func (d *document) readRating(r *Reading, w wishes, q Question) {
	low, top := q.scale()
	s := d.rating(low, top)
	for _, m := range d.mat {
		if m.tag == tagScale && s.found {
			s.cuts = append(s.cuts, [2]int{m.from, m.to})
		}
	}
	r.Comment = d.comment(s.cuts)
	if s.verbal && r.Comment != "" {
		r.Comment = d.comment(nil)
	}
	if s.corrected {
		r.Flags = append(r.Flags, FlagCorrection)
	}
	if s.found && (!s.verbal || !w.any()) {
		v := s.val
		r.Intent, r.Rating, r.Confidence, d.score = IntentAnswer, &v, s.conf, s.cuts
		r.Also = w.list()
		d.optOutDetails(r, w)
		return
	}
	if s.suggest >= low && s.suggest <= top {
		v := s.suggest
		r.Suggest = &v
	}
	r.Comment = d.comment(nil)
	d.wishOr(r, w, s.conf)
}

// readNothingOpen reads a text that answers no question.
func (d *document) readNothingOpen(r *Reading, w wishes) {
	r.Comment = d.comment(nil)
	d.wishOr(r, w, 0.3)
}

// readText takes everything that is no wish as the answer to an open question.
func (d *document) readText(r *Reading, w wishes) {
	r.Comment = d.comment(nil)
	switch {
	case w.has(IntentOptOut), w.has(IntentResume), w.has(IntentHelp), w.has(IntentWrongPerson), w.has(IntentLater):
		d.wishOr(r, w, 0)
	case w.has(IntentCallback) && d.mostly(w.callback):
		d.wishOr(r, w, 0)
	case d.questionBack(), !d.words() && r.Comment == "":
		r.Intent, r.Confidence = IntentUnclear, 0.4
	default:
		r.Intent, r.Confidence, r.Also = IntentAnswer, 0.9, w.list()
		if r.Comment == "" {
			r.Comment = trim(visible(d.src))
		}
	}
}

// words tells whether the text has any word or number at all.
func (d *document) words() bool {
	for i := range d.toks {
		if k := d.toks[i].kind; k != kindPunct && k != kindSymbol {
			return true
		}
	}
	return false
}

// wishOr makes the strongest wish the intent; without one the text is unclear.
func (d *document) wishOr(r *Reading, w wishes, conf float64) {
	all := w.list()
	if len(all) == 0 {
		r.Intent, r.Confidence = IntentUnclear, conf
		return
	}
	r.Intent, r.Also, r.Confidence = all[0], all[1:], 0.9
	d.optOutDetails(r, w)
}

func (d *document) optOutDetails(r *Reading, w wishes) {
	if !w.has(IntentOptOut) {
		return
	}
	r.Bare = w.bare
	for _, m := range d.mat {
		if m.tag != tagPurpose {
			continue
		}
		r.Bare = false
		if r.Purpose != "" && r.Purpose != m.key {
			r.Purpose = "" // two purposes: withdrawing everything is the safe reading
			return
		}
		r.Purpose = m.key
	}
}
