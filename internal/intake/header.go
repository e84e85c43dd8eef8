package intake

import (
	"fmt"
	"regexp"
	"strings"
)

// match is what a header was understood as; the zero match means not at all.
type match struct {
	field string
	rank  int // lower = the better name for the field; above 100 when found inside a longer header
}

var brackets = regexp.MustCompile(`[(\[{（【][^)\]}）】]*[)\]}）】]`)

// understand reads one header by meaning. A closing or hand-over that is only planned is a promise.
func (v *vocabulary) understand(header string) match {
	m := v.named(header)
	if m.field == fHandedOver || m.field == fClosedAt {
		toks := v.tokens(header)
		if anyToken(toks, v.planned) || containsAny(strings.Join(toks, ""), v.hanPlanned) {
			m.field = fPromisedAt
		}
	}
	return m
}

// named finds the name that a header is: the whole, then without brackets or unit, then without the words that only
// name the owner, at last the longest known name inside it, unless the
// header is about a warranty, an insurance or a discount.
func (v *vocabulary) named(header string) match {
	header = squeeze(header)
	if header == "" || len(header) > 200 {
		return match{}
	}
	variants := []string{header}
	if b := squeeze(brackets.ReplaceAllString(header, " ")); b != header && b != "" {
		variants = append(variants, b)
	}
	if before, _, ok := strings.Cut(header, ","); ok && squeeze(before) != "" {
		variants = append(variants, squeeze(before))
	}
	for _, h := range variants {
		if s, ok := v.exact[tokenKey(v.tokens(h))]; ok {
			return match{field: s.field, rank: s.rank}
		}
	}
	toks := v.tokens(variants[len(variants)-1])
	joined := strings.Join(toks, "")
	staff := anyToken(toks, v.staff) || containsAny(joined, v.hanStaff)
	if staff && (anyToken(toks, v.attr) || containsAny(joined, v.hanAttr)) {
		return match{}
	}
	if !staff {
		if s, ok := v.exact[v.withoutOwner(toks)]; ok {
			return match{field: s.field, rank: s.rank + 50}
		}
	}
	if anyToken(toks, v.foreign) || containsAny(joined, v.hanForeign) {
		return match{}
	}
	return v.inside(toks, joined, staff)
}

// withoutOwner is the key of a header without the words that name customer or vehicle.
func (v *vocabulary) withoutOwner(toks []string) string {
	var rest []string
	for _, t := range toks {
		if v.owner[t] {
			continue
		}
		for _, o := range v.hanOwner {
			t = strings.TrimPrefix(t, o)
		}
		if t != "" {
			rest = append(rest, t)
		}
	}
	return tokenKey(rest)
}

// inside finds the longest known name within a header of which it is at least half.
func (v *vocabulary) inside(toks []string, joined string, staff bool) match {
	total := synonym{tokens: toks}.size()
	have := set{}
	for _, t := range toks {
		have[t] = true
	}
	for _, s := range v.parts {
		if 2*s.size() < total {
			break // sorted by size
		}
		if staff && s.field != fAdvisor && s.field != fMechanic {
			continue
		}
		if s.han != "" && strings.Contains(joined, s.han) || s.han == "" && allTokens(s.tokens, have) {
			return match{field: s.field, rank: s.rank + 100}
		}
	}
	return match{}
}

func anyToken(toks []string, s set) bool {
	for _, t := range toks {
		if s[t] {
			return true
		}
	}
	return false
}

func allTokens(toks []string, have set) bool {
	for _, t := range toks {
		if !have[t] {
			return false
		}
	}
	return true
}

func containsAny(s string, list []string) bool {
	for _, w := range list {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// headerScan is how many lines from the top may come before the header.
const headerScan = 60

// found is a candidate for the header.
type found struct {
	at      int // index in lines
	rows    int // 1, or 2 when group names stand above
	cells   []string
	matches []match
	score   int
}

// findHeader gives the line that names most fields; ok is false when none names at least two.
func findHeader(lines []line, mapping map[string]string) (best found, ok bool) {
	v := words()
	for i := 0; i < len(lines) && i < headerScan; i++ {
		if lines[i].blank() {
			continue
		}
		best = better(best, v.candidate(lines[i].cells, mapping, i, 1))
		if i+1 < len(lines) {
			if two, can := underGroups(lines[i].cells, lines[i+1].cells); can {
				c := v.candidate(two, mapping, i, 2)
				c.score-- // only when it says more than one line alone
				best = better(best, c)
			}
		}
	}
	return best, best.score >= 2
}

func better(a, b found) found {
	if b.score > a.score {
		return b
	}
	return a
}

func (v *vocabulary) candidate(cells []string, mapping map[string]string, at, rows int) found {
	c := found{at: at, rows: rows, cells: cells, matches: make([]match, len(cells))}
	seen := set{}
	filled := 0
	for i, h := range cells {
		if squeeze(h) == "" {
			continue
		}
		filled++
		m := v.understand(h)
		if f, ok := mapped(mapping, h); ok {
			m = match{field: f}
		}
		c.matches[i] = m
		if m.field != "" && !seen[m.field] {
			seen[m.field] = true
			c.score++
		}
	}
	if filled < 2 {
		c.score = 0
	}
	return c
}

// mapped looks a header up in the user's mapping; blanks and case do not matter.
func mapped(mapping map[string]string, header string) (string, bool) {
	if f, ok := mapping[header]; ok {
		return f, true
	}
	h := fold(header)
	for k, f := range mapping {
		if fold(k) == h {
			return f, true
		}
	}
	return "", false
}

// underGroups joins a header of two lines (group names above, merged cells) into one: the lower name where there is
// one, with its group's where several groups have it, else the upper. It holds only for two lines of words.
func underGroups(upper, lower []string) (cells []string, ok bool) {
	gaps, names := 0, 0
	group, grouped := "", false
	twice := map[string]int{}
	for _, l := range lower {
		twice[squeeze(l)]++
	}
	for i := 0; i < max(len(upper), len(lower)); i++ {
		var u, l string
		if i < len(upper) {
			u = squeeze(upper[i])
		}
		if i < len(lower) {
			l = squeeze(lower[i])
		}
		if looksLikeData(l) || looksLikeData(u) {
			return nil, false
		}
		if u != "" {
			group = u
		}
		switch {
		case l != "" && twice[l] > 1 && group != "": // "Closing" and "Hand-over" above "Date | Time | Date | Time"
			names++
			grouped = true
			cells = append(cells, group+" "+l)
		case l != "":
			names++
			cells = append(cells, l)
		default:
			gaps++
			cells = append(cells, u)
		}
	}
	return cells, (gaps > 0 || grouped) && names > 0
}

// looksLikeData holds for cells that no header has: three and more digits in a row, an address.
func looksLikeData(cell string) bool {
	run := 0
	for i := 0; i < len(cell); i++ {
		if cell[i] >= '0' && cell[i] <= '9' {
			if run++; run > 2 {
				return true
			}
		} else {
			run = 0
		}
	}
	return strings.Contains(cell, "@")
}

// checkMapping refuses a mapping to a field that does not exist.
func checkMapping(mapping map[string]string) error {
	known := set{}
	for _, f := range fieldNames {
		known[f] = true
	}
	for h, f := range mapping {
		if !known[f] {
			return fmt.Errorf("%w: %q for %q; the fields are %s", ErrMapping, f, h, strings.Join(fieldNames[:], ", "))
		}
	}
	return nil
}
