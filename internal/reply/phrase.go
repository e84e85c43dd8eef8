package reply

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// cut takes a phrase of a lexicon file apart: the parts that follow each other, each with its alternatives. A part that may
// be left out gives two phrases. Brackets that touch letters are alternatives of a word ("пиши[|те]"), others of a part.
func cut(text string) [][][]string {
	all := [][][]string{nil}
	for _, field := range fields(text) {
		for _, part := range pieces(field) {
			plain, optional := strings.CutSuffix(part, "?")
			optional = optional && strings.HasSuffix(plain, "]")
			if !optional {
				plain = part
			}
			alts := expandAll(plain)
			n := len(all)
			for i := range n {
				if optional {
					all = append(all, append([][]string(nil), all[i]...))
				}
				all[i] = append(all[i], alts)
			}
		}
	}
	out := all[:0]
	for _, parts := range all {
		if len(parts) > 0 {
			out = append(out, parts)
		}
	}
	return out
}

// expandAll writes out the alternatives of a part, the empty one left out.
func expandAll(part string) []string {
	var out []string
	for _, alt := range expand(part) {
		if alt = strings.TrimSpace(alt); alt != "" {
			out = append(out, alt)
		}
	}
	return out
}

// fields cuts at spaces outside brackets and around gaps.
func fields(text string) []string {
	var out []string
	depth, from := 0, 0
	flush := func(to int) {
		if to > from {
			out = append(out, text[from:to])
		}
	}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '[':
			depth++
		case text[i] == ']':
			depth--
		case depth > 0:
		case text[i] == ' ':
			flush(i)
			from = i + 1
		case strings.HasPrefix(text[i:], ".."):
			flush(i)
			out = append(out, "..")
			from, i = i+2, i+1
		}
	}
	flush(len(text))
	return out
}

// pieces cuts a field at brackets that stand by themselves or beside Chinese characters.
func pieces(field string) []string {
	open := strings.IndexByte(field, '[')
	if open < 0 {
		return []string{field}
	}
	var out []string
	for rest := field; rest != ""; {
		open := strings.IndexByte(rest, '[')
		if open < 0 {
			return append(out, rest)
		}
		end := open + strings.IndexByte(rest[open:], ']') + 1
		if end <= open {
			return []string{field}
		}
		if end < len(rest) && rest[end] == '?' {
			end++
		}
		before, _ := utf8.DecodeLastRuneInString(rest[:open])
		after, _ := utf8.DecodeRuneInString(rest[end:])
		if open > 0 && !unicode.Is(unicode.Han, before) || end < len(rest) && after != '[' && !unicode.Is(unicode.Han, after) {
			return []string{field}
		}
		if open > 0 {
			out = append(out, rest[:open])
		}
		out, rest = append(out, rest[open:end]), rest[end:]
	}
	return out
}
