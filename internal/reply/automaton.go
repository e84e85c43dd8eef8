package reply

import (
	"encoding/binary"
	"slices"
)

// symbol is what one position of a phrase can be: a word, the beginning of a word, any number, or a gap.
type symbol uint32

const (
	symbolGap    symbol = iota // up to widestGap words; never the symbol of a token
	symbolDigits               // a number in digits
	symbolFirst                // the first that stands for a word
)

// automaton recognises all phrases of the lexicons at once. Its states lie in flat arrays and share their endings, so that
// a phrase with many alternatives costs little and an idle program holds nothing a collector has to follow.
type automaton struct {
	states []state
	edges  []edge
	ends   []uint32 // indexes of terms
	links  []uint32 // states that a phrase can go on with as well
	root   uint32
}

// state owns the edges, ends and links from its own first to that of its successor.
type state struct{ edge, end, link uint32 }

type edge struct {
	sym symbol
	to  uint32
}

func (a *automaton) edgesOf(s uint32) []edge { return a.edges[a.states[s].edge:a.states[s+1].edge] }

func (a *automaton) endsOf(s uint32) []uint32 { return a.ends[a.states[s].end:a.states[s+1].end] }

func (a *automaton) linksOf(s uint32) []uint32 { return a.links[a.states[s].link:a.states[s+1].link] }

// follow gives the state behind the symbol among the edges of one. A state is never followed by the root, which stands for
// none.
func follow(es []edge, sym symbol) (uint32, bool) {
	if len(es) < 8 {
		for i := range es {
			if es[i].sym == sym {
				return es[i].to, true
			}
		}
		return 0, false
	}
	lo, hi := 0, len(es) // by hand: every token asks at the root, which has thousands
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if es[mid].sym < sym {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(es) || es[lo].sym != sym {
		return 0, false
	}
	return es[lo].to, true
}

// gap gives the state behind a gap, which is always the first edge.
func (a *automaton) gap(s uint32) (uint32, bool) {
	if es := a.edgesOf(s); len(es) > 0 && es[0].sym == symbolGap {
		return es[0].to, true
	}
	return 0, false
}

// slot is one place of a phrase with what can stand there.
type slot struct {
	alts [][]symbol
}

// way is one alternative of a slot and what follows it: a term that ends there, or the state of the next slot.
type way struct {
	syms []symbol
	to   uint32
	end  bool
}

// builder turns phrases into an automaton from their ends up, so that equal states become one. The first slots of all
// phrases share one tree; what follows is built once for each ending and linked.
type builder struct {
	heads []way
	out   automaton
	words map[string][]symbol // what lexicon.word made of a word
	known map[string]uint32   // states by what they lead to
	tails map[string]uint32   // states by the slots they stand for
	key   []byte
}

// add takes a phrase; the slots are not empty and the last has no gap at its end.
func (b *builder) add(slots []slot, term uint32) {
	to, end := term, true
	for i := len(slots) - 1; i > 0; i-- {
		to, end = b.tail(slots[i], to, end), false
	}
	for _, alt := range slots[0].alts {
		b.heads = append(b.heads, way{alt, to, end})
	}
}

// tail gives the state before a slot.
func (b *builder) tail(s slot, to uint32, end bool) uint32 {
	b.key = binary.LittleEndian.AppendUint32(b.key[:0], to)
	if end {
		b.key = append(b.key, 1)
	}
	for _, alt := range s.alts {
		for _, sym := range alt {
			b.key = binary.LittleEndian.AppendUint32(b.key, uint32(sym))
		}
		b.key = append(b.key, 0xFF)
	}
	if st, ok := b.tails[string(b.key)]; ok {
		return st
	}
	key := string(b.key)
	ways := make([]way, 0, len(s.alts))
	for _, alt := range s.alts {
		ways = append(ways, way{alt, to, end})
	}
	st := b.tree(ways)
	b.tails[key] = st
	return st
}

func (b *builder) tree(ways []way) uint32 {
	slices.SortStableFunc(ways, func(x, y way) int { return slices.Compare(x.syms, y.syms) })
	return b.state(ways, 0)
}

func (b *builder) build() automaton {
	o := &b.out
	o.root = b.tree(b.heads)
	o.states = append(o.states, state{uint32(len(o.edges)), uint32(len(o.ends)), uint32(len(o.links))})
	return automaton{slices.Clip(o.states), slices.Clip(o.edges), slices.Clip(o.ends), slices.Clip(o.links), o.root}
}

// state makes the state that all the ways, sorted and alike in their first depth symbols, lead to.
func (b *builder) state(ws []way, depth int) uint32 {
	var ends, links []uint32
	for ; len(ws) > 0 && len(ws[0].syms) == depth; ws = ws[1:] {
		switch {
		case ws[0].end:
			ends = append(ends, ws[0].to)
		case !slices.Contains(links, ws[0].to):
			links = append(links, ws[0].to)
		}
	}
	var edges []edge
	for len(ws) > 0 {
		sym := ws[0].syms[depth]
		n := 1
		for n < len(ws) && ws[n].syms[depth] == sym {
			n++
		}
		edges = append(edges, edge{sym, b.state(ws[:n], depth+1)})
		ws = ws[n:]
	}
	return b.shared(edges, ends, links)
}

func (b *builder) shared(edges []edge, ends, links []uint32) uint32 {
	b.key = b.key[:0]
	for _, e := range edges {
		b.key = binary.LittleEndian.AppendUint32(b.key, uint32(e.sym))
		b.key = binary.LittleEndian.AppendUint32(b.key, e.to)
	}
	for _, list := range [...][]uint32{ends, links} {
		b.key = append(b.key, 0xFF)
		for _, e := range list {
			b.key = binary.LittleEndian.AppendUint32(b.key, e)
		}
	}
	if s, ok := b.known[string(b.key)]; ok {
		return s
	}
	o := &b.out
	s := uint32(len(o.states))
	b.known[string(b.key)] = s
	o.states = append(o.states, state{uint32(len(o.edges)), uint32(len(o.ends)), uint32(len(o.links))})
	o.edges = append(o.edges, edges...)
	o.ends = append(o.ends, ends...)
	o.links = append(o.links, links...)
	return s
}
