package intake

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	enc16 "golang.org/x/text/encoding/unicode"
)

// The names of File.Encoding.
const (
	encUTF8    = "utf-8"
	encUTF8BOM = "utf-8-bom"
	enc16LE    = "utf-16le"
	enc16BE    = "utf-16be"
	enc1251    = "windows-1251"
	enc1252    = "windows-1252"
	encKOI8    = "koi8-r"
	enc866     = "cp866"
	encGB      = "gb18030"
	encXLSX    = "xlsx"
)

var bom8 = []byte("\xEF\xBB\xBF")

// encodingOf gives the coder of a name; nil means UTF-8 as it is.
func encodingOf(name string) encoding.Encoding {
	switch name {
	case enc16LE:
		return enc16.UTF16(enc16.LittleEndian, enc16.UseBOM)
	case enc16BE:
		return enc16.UTF16(enc16.BigEndian, enc16.UseBOM)
	case enc1251:
		return charmap.Windows1251
	case enc1252:
		return charmap.Windows1252
	case encKOI8:
		return charmap.KOI8R
	case enc866:
		return charmap.CodePage866
	case encGB:
		return simplifiedchinese.GB18030
	}
	return nil
}

// decode tells the encoding by the content and gives the text.
func decode(data []byte) (text, name string, err error) {
	if kind := foreign(data); kind != "" {
		return "", "", fmt.Errorf("%w: this is %s; export CSV or XLSX", ErrEncoding, kind)
	}
	switch {
	case bytes.HasPrefix(data, bom8):
		return strings.ToValidUTF8(string(data[3:]), "\uFFFD"), encUTF8BOM, nil
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE, 0, 0}), bytes.HasPrefix(data, []byte{0, 0, 0xFE, 0xFF}):
		return "", "", fmt.Errorf("%w: UTF-32; save the file as UTF-8", ErrEncoding)
	case bytes.HasPrefix(data, []byte{0xFF, 0xFE}):
		return decodeAs(data, enc16LE)
	case bytes.HasPrefix(data, []byte{0xFE, 0xFF}):
		return decodeAs(data, enc16BE)
	}
	if name := bare16(data); name != "" {
		return decodeAs(data, name)
	}
	if controls(data) {
		return "", "", fmt.Errorf("%w: control bytes, no text; looked for UTF-8, UTF-16, windows-1251, koi8-r, GB18030, XLSX",
			ErrEncoding)
	}
	if text, ok := asUTF8(data); ok {
		return text, encUTF8, nil
	}
	name = bestEncoding(sample(data))
	if name == "" {
		return "", "", fmt.Errorf("%w: no text in UTF-8, windows-1251, koi8-r or GB18030", ErrEncoding)
	}
	return decodeAs(data, name)
}

func decodeAs(data []byte, name string) (string, string, error) {
	text, err := encodingOf(name).NewDecoder().Bytes(data)
	if err != nil {
		return "", "", fmt.Errorf("%w: decoding %s: %w", ErrEncoding, name, err)
	}
	return string(text), name, nil
}

// foreign names a file that is no text at all by its first bytes.
func foreign(data []byte) string {
	for magic, what := range map[string]string{
		"\xD0\xCF\x11\xE0": "an old Excel workbook (.xls)", "%PDF": "a PDF", "\x89PNG": "a picture", "\xFF\xD8\xFF": "a picture",
		"GIF8": "a picture", "\x1F\x8B": "a gzip archive", "Rar!": "a RAR archive", "7z\xBC\xAF": "a 7z archive",
		"{\\rtf": "an RTF document",
	} {
		if bytes.HasPrefix(data, []byte(magic)) {
			return what
		}
	}
	head := strings.ToLower(string(bytes.TrimSpace(bytes.TrimPrefix(data[:min(len(data), 256)], bom8))))
	for begin, what := range map[string]string{
		"<html": "a web page", "<!doctype html": "a web page", "<table": "a web page", "<?xml": "an XML file", "[{": "JSON", "{\"": "JSON",
	} {
		if strings.HasPrefix(head, begin) {
			return what
		}
	}
	return ""
}

// bare16 tells UTF-16 without a mark by its zero bytes.
func bare16(data []byte) string {
	n := min(len(data), 4096) &^ 1
	if n < 8 {
		return ""
	}
	var even, odd int
	for i := 0; i < n; i += 2 {
		if data[i] == 0 {
			even++
		}
		if data[i+1] == 0 {
			odd++
		}
	}
	var name string
	switch {
	case odd*10 >= n/2 && even == 0:
		name = enc16LE
	case even*10 >= n/2 && odd == 0:
		name = enc16BE
	default:
		return ""
	}
	if text, _, err := decodeAs(data[:n], name); err != nil || controls([]byte(text)) {
		return ""
	}
	return name
}

// controls holds when the bytes have more control characters than a text ever has.
func controls(data []byte) bool {
	n := 0
	head := bytes.TrimRight(data[:min(len(data), 64<<10)], "\x00\x1a") // how old programs fill the last block
	for _, b := range head {
		if b < 0x20 && b != '\n' && b != '\r' && b != '\t' && b != '\f' && b != '\v' && b != 0x1A {
			n++
		}
	}
	return n*200 > len(head)
}

// asUTF8 accepts UTF-8 with a rare broken byte, so that one bad cell does not turn the whole file into another encoding.
func asUTF8(data []byte) (string, bool) {
	if utf8.Valid(data) {
		return string(data), true
	}
	good, bad := 0, 0
	for i := 0; i < len(data); {
		if data[i] < 0x80 {
			i++
			continue
		}
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
		i += n
	}
	if good < 50*bad {
		return "", false
	}
	return strings.ToValidUTF8(string(data), "\uFFFD"), true
}

// sample takes the lines that hold bytes above ASCII, up to 64 KB: only they tell encodings apart.
func sample(data []byte) []byte {
	const limit = 64 << 10
	var out []byte
	for len(data) > 0 && len(out) < limit {
		end := bytes.IndexByte(data, '\n') + 1
		if end == 0 {
			end = len(data)
		}
		for _, b := range data[:end] {
			if b >= 0x80 {
				out = append(out, data[:end]...)
				break
			}
		}
		data = data[end:]
	}
	return out
}

// bestEncoding weighs every candidate's text by how much it reads like one; "" when none does.
func bestEncoding(data []byte) string {
	best, bestScore := "", 0.15
	for _, c := range []struct {
		name  string
		score func(string) float64
	}{{enc1251, cyrillicScore}, {encKOI8, cyrillicScore}, {enc866, cyrillicScore}, {encGB, hanScore}, {enc1252, latinScore}} {
		text, err := encodingOf(c.name).NewDecoder().Bytes(data)
		if err != nil {
			continue
		}
		s := c.score(string(text)) + knownHeaders(string(text))
		if s > bestScore {
			best, bestScore = c.name, s
		}
	}
	return best
}

// knownHeaders adds weight for every cell near the top that is a known header beyond ASCII: the surest sign for a file
// of few rows.
func knownHeaders(text string) float64 {
	v := words()
	n := 0
	for i, l := range strings.SplitN(text, "\n", 12) {
		if i == 11 {
			break
		}
		for _, cell := range strings.FieldsFunc(l, func(r rune) bool { return r == ';' || r == ',' || r == '\t' || r == '|' }) {
			if len(cell) < 80 && strings.IndexFunc(cell, func(r rune) bool { return r >= 0x80 }) >= 0 {
				if _, ok := v.exact[tokenKey(v.tokens(cell))]; ok {
					n++
				}
			}
		}
	}
	return min(float64(n)*0.2, 1)
}

// cyrillicScore is about 1 for Russian text, near or below 0 for other text read as Cyrillic: frequent letters count
// more than rare ones, a capital behind a small letter and any odd sign count against it.
func cyrillicScore(text string) float64 {
	var sum float64
	n := 0
	prev := rune(0)
	for _, r := range text {
		if r < 0x80 {
			prev = r
			continue
		}
		n++
		switch {
		case strings.ContainsRune("оеаинтсрвлкмдпу", unicode.ToLower(r)):
			sum++
		case strings.ContainsRune("яыьгзбчйхжшюцщэфъё", unicode.ToLower(r)):
			sum += 0.4
		case strings.ContainsRune("«»№—–“”…\u00A0’", r):
			sum += 0.5
		case unicode.Is(unicode.Cyrillic, r):
		default:
			sum -= 2
		}
		if unicode.IsUpper(r) && unicode.IsLower(prev) && prev >= 0x80 {
			sum -= 1.5
		}
		prev = r
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// hanScore is about 1 for Chinese text: the frequent half of the characters (level 1 of GB 2312, lead bytes B0–D7)
// makes nearly all of it, while Cyrillic bytes fall on rare ones and break off.
func hanScore(text string) float64 {
	var sum float64
	n := 0
	enc := simplifiedchinese.GBK.NewEncoder()
	for _, r := range text {
		if r < 0x80 {
			continue
		}
		n++
		switch {
		case r == utf8.RuneError:
			sum -= 4
		case unicode.Is(unicode.Han, r):
			b, err := enc.Bytes([]byte(string(r)))
			switch {
			case err != nil:
				sum--
			case len(b) == 2 && b[0] >= 0xB0 && b[0] <= 0xD7 && b[1] >= 0xA1:
				sum++
			default:
				sum -= 0.5
			}
		case unicode.Is(unicode.Cyrillic, r): // GB has Russian letters too, two bytes each
			sum += 0.5
		case r >= 0x3000 && r <= 0x303F, r >= 0xFF00 && r <= 0xFFEF, strings.ContainsRune("·“”‘’…—￥℃", r):
			sum += 0.5
		default:
			sum--
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// latinScore is above 0 only where accented letters stand alone among ASCII letters (José, Müller).
func latinScore(text string) float64 {
	var sum float64
	n := 0
	r := []rune(text)
	for i, c := range r {
		if c < 0x80 {
			continue
		}
		n++
		switch {
		case unicode.IsLetter(c):
			if i > 0 && r[i-1] >= 0x80 && unicode.IsLetter(r[i-1]) || i+1 < len(r) && r[i+1] >= 0x80 && unicode.IsLetter(r[i+1]) {
				sum--
			} else if i > 0 && r[i-1] < 0x80 && unicode.IsLetter(r[i-1]) || i+1 < len(r) && r[i+1] < 0x80 && unicode.IsLetter(r[i+1]) {
				sum += 0.9
			}
		case strings.ContainsRune("€’‘“”–—©®°\u00A0£…", c):
			sum += 0.4
		default:
			sum--
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// encode writes text in the named encoding; what it cannot hold becomes its replacement character.
func encode(text, name string) ([]byte, error) {
	if name == encUTF8BOM || name == encXLSX {
		return append(append([]byte(nil), bom8...), text...), nil
	}
	e := encodingOf(name)
	if e == nil {
		return []byte(text), nil
	}
	out, err := encoding.ReplaceUnsupported(e.NewEncoder()).Bytes([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("encoding %s: %w", name, err)
	}
	return out, nil
}
