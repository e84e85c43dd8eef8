package reply

import "strings"

// script gives the language that the letters alone prove, "ru" for plain Cyrillic, "" for plain Latin.
func (d *document) script() string {
	han, cyr, latin := 0, 0, 0
	kk, uk, ru, tr := false, false, false, false
	for _, r := range d.src {
		switch {
		case r >= 0x4E00 && r <= 0x9FFF:
			han++
		case r >= 0x400 && r < 0x530:
			cyr++
			kk = kk || strings.ContainsRune("әғқңөұүһӘҒҚҢӨҰҮҺ", r)
			uk = uk || strings.ContainsRune("їєґЇЄҐ", r)
			ru = ru || strings.ContainsRune("ыэъёЫЭЪЁ", r)
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= 0xC0 && r < 0x250:
			latin++
			tr = tr || strings.ContainsRune("ğışĞİŞ", r)
		}
	}
	switch {
	case han > 0 && 3*han >= cyr+latin:
		return "zh"
	case cyr > latin && kk:
		return "kk"
	case cyr > latin && uk && !ru:
		return "uk"
	case cyr > latin:
		return "ru"
	case tr:
		return "tr"
	}
	return ""
}

// sameScript tells whether two languages are written with letters that alone do not tell them apart.
func sameScript(script, locale string) bool {
	return script == "ru" && (locale == "kk" || locale == "uk")
}

// language gives the language of the text: by its letters, then by whose words were recognised, then by the hint.
func (d *document) language(hint string) string {
	if i := strings.IndexAny(hint, "-_"); i >= 0 {
		hint = hint[:i]
	}
	script := d.script()
	if script != "" && script != "ru" {
		return script
	}
	var best string
	score := map[string]int{}
	letters := false
	for i := range d.toks {
		letters = letters || d.toks[i].kind == kindWord
	}
	if !letters {
		return ""
	}
	for _, m := range d.mat {
		if (script == "ru") == (m.lang == "ru" || m.lang == "uk" || m.lang == "kk") {
			score[m.lang] += m.to - m.from
		}
	}
	if script == "ru" {
		score["ru"]++
	}
	for _, l := range []string{hint, "ru", "en", "de", "fr", "tr", "uk", "kk"} {
		if score[l] > score[best] || best == "" && score[l] > 0 {
			best = l
		}
	}
	return best
}
