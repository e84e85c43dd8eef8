package reply

import (
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// compiled is what loadLexicon makes of the lexicon files, so that a start takes milliseconds. It begins with their
// hash: one that was made of other files is not used. `make lexicon` makes it anew.
//
//go:embed lexicon/compiled.bin
var compiled string

// hashOf is the hash of all lexicon files, names included.
func hashOf(files fs.FS) (string, error) {
	names, err := fs.Glob(files, "lexicon/*.yaml")
	if err != nil {
		return "", fmt.Errorf("listing lexicons: %w", err)
	}
	h := sha256.New()
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return "", fmt.Errorf("reading lexicon: %w", err)
		}
		fmt.Fprintf(h, "%s %d\n", name, len(data))
		h.Write(data)
	}
	return string(h.Sum(nil)), nil
}

// encoder writes a lexicon: numbers as varints, texts with their length before them.
type encoder struct{ out []byte }

func (e *encoder) num(n int) { e.out = binary.AppendUvarint(e.out, uint64(n)) }

func (e *encoder) text(s string) {
	e.num(len(s))
	e.out = append(e.out, s...)
}

func (e *encoder) flag(b bool) {
	if b {
		e.num(1)
	} else {
		e.num(0)
	}
}

// encode is the opposite of decodeLexicon.
func (lx *lexicon) encode() []byte {
	e := &encoder{}
	e.num(len(lx.terms))
	for _, t := range lx.terms {
		e.num(int(t.tag))
		e.flag(t.own)
		e.text(t.lang)
		e.text(t.key)
		e.num(t.num)
		e.num(int(t.kill))
	}
	e.words(lx)
	e.num(len(lx.classes))
	for _, word := range slices.Sorted(maps.Keys(lx.classes)) {
		e.num(int(word))
		e.num(len(lx.classes[word]))
		for _, class := range lx.classes[word] {
			e.num(int(class))
		}
	}
	e.num(len(lx.long))
	for _, k := range slices.SortedFunc(maps.Keys(lx.long), func(a, b typoKey) int {
		return slices.Compare([]int{int(a.tag), a.length}, []int{int(b.tag), b.length})
	}) {
		e.num(int(k.tag))
		e.num(k.length)
		e.num(len(lx.long[k]))
		for _, word := range lx.long[k] {
			e.text(string(word))
		}
	}
	e.automaton(&lx.auto)
	return e.out
}

// words writes whole and begin in the order of their symbols, which have no gaps.
func (e *encoder) words(lx *lexicon) {
	words := make([]string, len(lx.whole)+len(lx.begin))
	for w, sym := range lx.whole {
		words[sym-symbolFirst] = w
	}
	stems := make([]bool, len(words))
	for w, sym := range lx.begin {
		words[sym-symbolFirst], stems[sym-symbolFirst] = w, true
	}
	e.num(len(lx.whole))
	e.num(len(lx.begin))
	for i, w := range words {
		e.flag(stems[i])
		e.text(w)
	}
}

func (e *encoder) automaton(a *automaton) {
	e.num(int(a.root))
	for _, n := range [...]int{len(a.states), len(a.edges), len(a.ends), len(a.links)} {
		e.num(n)
	}
	var last state
	for _, s := range a.states {
		e.num(int(s.edge - last.edge))
		e.num(int(s.end - last.end))
		e.num(int(s.link - last.link))
		last = s
	}
	for _, x := range a.edges {
		e.num(int(x.sym))
		e.num(int(x.to))
	}
	for _, x := range a.ends {
		e.num(int(x))
	}
	for _, x := range a.links {
		e.num(int(x))
	}
}

// decoder reads what an encoder wrote. What it reads was made by this program and is covered by a test: a damaged
// file panics.
type decoder struct {
	in string
	at int
}

func (d *decoder) num() int {
	n, shift := uint64(0), 0
	for {
		b := d.in[d.at]
		d.at++
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return int(n)
		}
		shift += 7
	}
}

func (d *decoder) u32() uint32 { return uint32(d.num()) }

func (d *decoder) text() string {
	n := d.num()
	d.at += n
	return d.in[d.at-n : d.at]
}

func (d *decoder) flag() bool { return d.num() == 1 }

// decodeLexicon gives the lexicon that encode wrote. Its texts are parts of the input.
func decodeLexicon(in string) *lexicon {
	d := &decoder{in: in}
	lx := &lexicon{fold: newFolder()}
	lx.terms = make([]term, d.num())
	for i := range lx.terms {
		lx.terms[i] = term{tag: tag(d.num()), own: d.flag(), lang: d.text(), key: d.text(), num: d.num(), kill: tag(d.num())}
	}
	d.words(lx)
	n := d.num()
	lx.classes = make(map[symbol][]symbol, n)
	for range n {
		word := symbol(d.num())
		classes := make([]symbol, d.num())
		for i := range classes {
			classes[i] = symbol(d.num())
		}
		lx.classes[word] = classes
	}
	n = d.num()
	lx.long = make(map[typoKey][][]rune, n)
	for range n {
		k := typoKey{tag: tag(d.num()), length: d.num()}
		words := make([][]rune, d.num())
		for i := range words {
			words[i] = []rune(d.text())
		}
		lx.long[k] = words
	}
	lx.auto = d.automaton()
	return lx
}

func (d *decoder) words(lx *lexicon) {
	whole, begin := d.num(), d.num()
	lx.whole, lx.begin = make(map[string]symbol, whole), make(map[string]symbol, begin)
	for i := range whole + begin {
		if d.flag() {
			lx.beginning(d.text(), symbolFirst+symbol(i))
		} else {
			lx.whole[d.text()] = symbolFirst + symbol(i)
		}
	}
}

func (d *decoder) automaton() automaton {
	a := automaton{root: d.u32(), states: make([]state, d.num()), edges: make([]edge, d.num()), ends: make([]uint32, d.num()), links: make([]uint32, d.num())}
	var last state
	for i := range a.states {
		last = state{last.edge + d.u32(), last.end + d.u32(), last.link + d.u32()}
		a.states[i] = last
	}
	for i := range a.edges {
		a.edges[i] = edge{symbol(d.num()), d.u32()}
	}
	for i := range a.ends {
		a.ends[i] = d.u32()
	}
	for i := range a.links {
		a.links[i] = d.u32()
	}
	return a
}

// precompiled gives the lexicon of the files without reading them, where the compiled form is of these very files.
func precompiled(files fs.FS) (*lexicon, bool) {
	hash, err := hashOf(files)
	if err != nil {
		return nil, false
	}
	body, ok := strings.CutPrefix(compiled, hash)
	if !ok {
		return nil, false
	}
	return decodeLexicon(body), true
}
