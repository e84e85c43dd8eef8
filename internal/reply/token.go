package reply

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

type tokenKind uint8

const (
	kindWord tokenKind = iota
	kindHan
	kindNum
	kindPunct
	kindSymbol
)

// token is one word, Chinese character, run of digits, punctuation mark or symbol. text is folded for matching;
// start and end are byte offsets in document.src, so that comments keep the person's own spelling.
type token struct {
	text       string
	start, end int
	val        int // of a number; -1 when it is too long to be one
	kind       tokenKind
	space      bool // white space or the beginning stands before it
	upper      bool // begins with a capital
	caps       bool // all capitals
	joint      bool // a hyphen between two words or numbers without spaces
	digits     int
}

// document is a text cut into tokens.
type document struct {
	src  string
	toks []token
	mat  []match
	// Per token: covered by courtesy words, which carry no content.
	courtesy []bool
	// score is where the score stands.
	score [][2]int
}

// folder turns runes into the form in which words are compared: lower case, no diacritics on Latin letters,
// Kazakh letters as people write them on a Russian keyboard, ё as е.
type folder struct {
	latin [0x250]string
}

func newFolder() *folder {
	f := &folder{}
	for r := rune(0x80); r < 0x250; r++ {
		if !unicode.IsLetter(r) {
			continue
		}
		base, _ := utf8.DecodeRuneInString(norm.NFKD.String(string(r)))
		f.latin[r] = string(unicode.ToLower(base))
	}
	for r, s := range map[rune]string{'ß': "ss", 'ı': "i", 'İ': "i", 'æ': "ae", 'Æ': "ae", 'œ': "oe", 'Œ': "oe", 'ø': "o", 'Ø': "o", 'ł': "l", 'đ': "d"} {
		f.latin[r] = s
	}
	return f
}

var cyrillicFold = map[rune]rune{
	'ё': 'е', 'ѐ': 'е', 'ґ': 'г', 'қ': 'к', 'ғ': 'г', 'ү': 'у', 'ұ': 'у', 'ө': 'о', 'ә': 'а', 'ң': 'н', 'һ': 'х', 'ѝ': 'и',
}

// traditional lists Chinese characters, each followed by its simplified form.
const traditional = "" +
	"沒没決决這这個个們们為为過过還还來来時时間间車车務务評评價价滿满質质電电話话聯联係系絡络發发訊讯簡简訂订關关閉闭復复號号碼码錯错誤误對对請请謝谢師师員员幫帮嗎吗後后給给讓让說说講讲談谈問问題题響响壞坏" +
	"髒脏淨净準准點点鐘钟開开會会見见買买賣卖貴贵錢钱較较麼么樣样從从無无動动熱热態态舊旧換换輪轮門门觀观聽听讀读寫写記记認认識识現现實实應应該该經经歷历總总體体兩两雙双萬万億亿優优極极綜综當当處处僅仅雖虽" +
	"與与於于並并業业東东風风飛飞機机氣气燈灯煞刹邊边單单項项類类資资訴诉擾扰煩烦轉转線线負负責责領领導导檢检驗验嚴严難难靜静繼继續续選选擇择擔担險险證证騎骑駕驾駛驶臺台灣湾淺浅測测試试結结論论終终絕绝級级" +
	"紅红緊紧網网維维護护養养裡里裏里夠够乾干幹干啟启傷伤備备傳传償偿儘尽盡尽劃划別别剛刚劇剧勁劲區区協协卻却廠厂參参吳吴嘗尝團团圖图場场塊块塗涂壓压奪夺婦妇媽妈學学寶宝將将尋寻屬属歲岁島岛幾几庫库廁厕廳厅" +
	"強强彈弹徹彻懶懒懷怀戲戏戶户採采揮挥損损搖摇撥拨據据擊击擠挤擺摆敗败敵敌數数斷断顯显曉晓暫暂朮术術术條条楊杨橋桥歡欢歸归殘残毀毁氫氢湯汤溝沟滅灭漲涨濕湿灑洒爭争牆墙狀状獎奖瑣琐異异盤盘監监禮礼種种稱称" +
	"積积穩稳紙纸純纯細细組组統统練练縮缩績绩罵骂罰罚職职腦脑腳脚臉脸臨临舉举蓋盖藍蓝蘭兰蟲虫補补裝装覺觉計计訓训許许設设詐诈詢询誠诚語语調调諒谅謊谎譽誉變变貓猫貨货費费賠赔賬账賴赖贈赠趕赶跡迹踐践軟软輕轻" +
	"輛辆辦办辭辞農农運运違违遠远適适遲迟遺遗鄰邻醫医釋释針针銀银鋪铺鎖锁鏡镜鐵铁長长閒闲陽阳隊队隨随雜杂離离頂顶順顺預预頭头顏颜願愿顧顾飯饭飽饱飾饰館馆騙骗驚惊髮发鬆松魚鱼鳴鸣麗丽麵面黃黄齊齐龍龙燒烧煙烟" +
	"糾纠糧粮紀纪約约週周進进連连達达陳陈張张劉刘趙赵孫孙馬马鄭郑韓韩"

var simplified = func() map[rune]rune {
	m, pairs := map[rune]rune{}, []rune(traditional)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}()

const (
	likeLatin    = "aceopxykmthbi"
	likeCyrillic = "асеорхукмтнві"
)

var toCyrillic, toLatin = func() (map[rune]rune, map[rune]rune) {
	c, l := map[rune]rune{}, map[rune]rune{}
	cyr := []rune(likeCyrillic)
	for i, r := range likeLatin {
		c[r], l[cyr[i]] = cyr[i], r
	}
	return c, l
}()

// invisible tells characters that carry nothing: zero-width, direction marks, variation selectors, skin tones, soft hyphen,
// the enclosing keycap and stray control characters.
func invisible(r rune) bool {
	switch {
	case r >= 0x20 && r < 0x7F, common(r):
		return false
	case r >= 0x200B && r <= 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x206F, r >= 0xFE00 && r <= 0xFE0F,
		r == 0xFEFF, r == 0xAD, r == 0x180E, r == 0x61C, r == 0x20E3, r >= 0x1F3FB && r <= 0x1F3FF, r >= 0xE0000 && r <= 0xE01FF:
		return true
	case r < 0x20 && r != '\n' && r != '\t' && r != '\r', r >= 0x7F && r < 0xA0:
		return true
	}
	return unicode.Is(unicode.Mn, r)
}

// common tells the letters that most texts consist of besides ASCII, so that they need no look into Unicode's tables.
func common(r rune) bool { return cyrillic(r) || ideograph(r) }

func cyrillic(r rune) bool { return r >= 0x400 && r < 0x482 }

func ideograph(r rune) bool { return r >= 0x4E00 && r <= 0x9FFF }

// simple gives the plain form of a character that stands for another one: full-width forms, digits of other scripts,
// circled digits, typographic quotes and dashes. Most characters come back as they are.
func simple(r rune) (plain rune, more string) {
	switch {
	case r < 0x80, cyrillic(r):
		return r, ""
	case r >= 0xFF01 && r <= 0xFF5E:
		return r - 0xFEE0, ""
	case r == 0x3000:
		return ' ', ""
	case r >= 0x0660 && r <= 0x0669:
		return '0' + r - 0x0660, ""
	case r >= 0x06F0 && r <= 0x06F9:
		return '0' + r - 0x06F0, ""
	case r >= 0x0966 && r <= 0x096F:
		return '0' + r - 0x0966, ""
	case r >= 0x2776 && r <= 0x277E:
		return '1' + r - 0x2776, ""
	case r >= 0x2780 && r <= 0x2788:
		return '1' + r - 0x2780, ""
	case r >= 0x1D7CE && r <= 0x1D7FF:
		return '0' + (r-0x1D7CE)%10, ""
	case r == 0x1F51F || r == 0x2469 || r == 0x277F || r == 0x2789:
		return '1', "0"
	}
	switch r {
	case '–', '—', '−', '‐', '‑', '‒', '―', '－':
		return '-', ""
	case '～', '〜':
		return '~', ""
	case '’', 'ʼ', '`', '´', '‘', '＇':
		return '\'', ""
	case '“', '”', '«', '»', '„':
		return '"', ""
	case '№':
		return '#', ""
	case '½', '¼', '¾':
		return ',', "5"
	case '…', '。', '．':
		return '.', ""
	case '、', '，':
		return ',', ""
	case '×':
		return 'x', ""
	case 0xA0, 0x202F, 0x2009:
		return ' ', ""
	}
	if to, ok := simplified[r]; ok {
		return to, ""
	}
	if r >= 0x2070 && r <= 0x24FF || r == 0xB2 || r == 0xB3 || r == 0xB9 {
		if d := norm.NFKC.String(string(r)); len(d) == 1 && d[0] >= '0' && d[0] <= '9' {
			return rune(d[0]), ""
		}
	}
	return r, ""
}

type charClass uint8

const (
	classSpace charClass = iota
	classLetter
	classHan
	classDigit
	classPunct
	classSymbol
)

func classOf(r rune) charClass {
	switch {
	case r == '\n':
		return classPunct
	case r == ' ' || r == '\t' || r == '\r':
		return classSpace
	case r >= '0' && r <= '9':
		return classDigit
	case r < 0x80:
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return classLetter
		}
		if r == '$' {
			return classSymbol
		}
		return classPunct
	case cyrillic(r):
		return classLetter
	case ideograph(r), unicode.Is(unicode.Han, r):
		return classHan
	case unicode.IsLetter(r):
		return classLetter
	case unicode.IsSpace(r):
		return classSpace
	case unicode.IsPunct(r):
		return classPunct
	}
	return classSymbol
}

// char is one visible character of the text with its place.
type char struct {
	r          rune
	start, end int
	class      charClass
}

// chars lists the visible characters in their plain form.
func (f *folder) chars(src string, out []char) []char {
	for i, r := range src {
		if r == utf8.RuneError {
			continue
		}
		end := i + utf8.RuneLen(r)
		if invisible(r) {
			continue
		}
		p, more := simple(r)
		out = append(out, char{p, i, end, classOf(p)})
		for _, m := range more {
			out = append(out, char{m, i, end, classOf(m)})
		}
	}
	return out
}

// tokenize cuts a text into tokens. The text is brought to NFC first; src of the result is that form.
func (f *folder) tokenize(text string) document {
	if !norm.NFC.IsNormalString(text) {
		text = norm.NFC.String(text)
	}
	var room [96]char
	cs := f.chars(text, room[:0])
	d := document{src: text, toks: make([]token, 0, len(cs)/3+4)}
	var folded strings.Builder
	folded.Grow(len(text) + 8)
	space := true
	for i := 0; i < len(cs); {
		c := cs[i]
		switch c.class {
		case classSpace:
			space = true
			i++
			continue
		case classLetter:
			i = f.word(&d, &folded, cs, i, space)
		case classDigit:
			i = number(&d, &folded, cs, i, space)
		default:
			i = mark(&d, &folded, cs, i, space)
		}
		space = false
	}
	for i := 1; i+1 < len(d.toks); i++ {
		t := &d.toks[i]
		t.joint = t.kind == kindPunct && t.text == "-" && !t.space && !d.toks[i+1].space &&
			d.toks[i-1].kind <= kindNum && d.toks[i+1].kind <= kindNum
	}
	return d
}

func letterAt(cs []char, i int) bool {
	return i >= 0 && i < len(cs) && cs[i].class == classLetter && (i == 0 || cs[i-1].end <= cs[i].start)
}

// word reads letters, apostrophes between letters and a zero written for the letter o; letters of the wrong script
// that only look right are mended.
func (f *folder) word(d *document, folded *strings.Builder, cs []char, i int, space bool) int {
	var room [32]rune
	runes := room[:0]
	start, first := i, cs[i].r
	caps, latin, cyr := true, 0, 0
	for ; i < len(cs); i++ {
		r := cs[i].r
		switch {
		case cs[i].class == classLetter:
		case r == '\'' && letterAt(cs, i+1) && i > start:
			continue
		case r == '0' && letterAt(cs, i+1) && i > start && cs[i-1].class == classLetter:
			r = 'o'
		default:
			goto done
		}
		if unicode.IsLower(r) {
			caps = false
		}
		if r < 0x250 {
			if r < 0x80 {
				runes = append(runes, unicode.ToLower(r))
			} else {
				runes = append(runes, []rune(f.latin[r])...)
			}
			latin++
			continue
		}
		r = unicode.ToLower(r)
		if r < 'а' || r > 'я' {
			if to, ok := cyrillicFold[r]; ok {
				r = to
			}
		}
		if cyrillic(r) || unicode.Is(unicode.Cyrillic, r) {
			cyr++
		}
		runes = append(runes, r)
	}
done:
	if latin > 0 && cyr > 0 {
		mendScript(runes, latin, cyr)
	}
	runes = squeeze(runes)
	at := folded.Len()
	for _, r := range runes {
		folded.WriteRune(r)
	}
	d.toks = append(d.toks, token{text: folded.String()[at:], start: cs[start].start, end: cs[i-1].end, kind: kindWord,
		space: space, upper: unicode.IsUpper(first), caps: caps})
	return i
}

// mendScript rewrites a word of mixed Latin and Cyrillic letters in the script that can hold all of it.
func mendScript(runes []rune, latin, cyr int) {
	allCyr, allLat := true, true
	for _, r := range runes {
		if r < 0x250 {
			_, ok := toCyrillic[r]
			allCyr = allCyr && ok
		} else {
			_, ok := toLatin[r]
			allLat = allLat && ok
		}
	}
	var table map[rune]rune
	switch {
	case allCyr && (!allLat || cyr >= latin):
		table = toCyrillic
	case allLat:
		table = toLatin
	default:
		return
	}
	for i, r := range runes {
		if to, ok := table[r]; ok {
			runes[i] = to
		}
	}
}

// spelt joins letters that stand one by one, "S T O P" or "с.т.о.п", into the word that they spell.
func (d *document) spelt() {
	single := func(i int) bool {
		return i < len(d.toks) && d.toks[i].kind == kindWord && utf8.RuneCountInString(d.toks[i].text) == 1
	}
	for from := 0; from < len(d.toks); from++ {
		if !single(from) {
			continue
		}
		to, n := from+1, 1
		for {
			next := to
			if next < len(d.toks) && (d.toks[next].text == "." || d.toks[next].text == "-") {
				next++
			}
			if !single(next) {
				break
			}
			to, n = next+1, n+1
		}
		if n >= 4 {
			d.unite(from, to)
		} else {
			from = to - 1
		}
	}
}

func (d *document) unite(from, to int) {
	var word strings.Builder
	for _, t := range d.toks[from:to] {
		if t.kind == kindWord {
			word.WriteString(t.text)
		}
	}
	t := d.toks[from]
	t.text, t.end = word.String(), d.toks[to-1].end
	d.toks = append(append(d.toks[:from], t), d.toks[to:]...)
}

// squeeze shortens a letter drawn out three times or more to one.
func squeeze(runes []rune) []rune {
	out := runes[:0]
	for i := 0; i < len(runes); {
		j := i
		for j < len(runes) && runes[j] == runes[i] {
			j++
		}
		r, n := runes[i], j-i
		if n > 2 {
			n = 1
		}
		for ; n > 0; n-- {
			out = append(out, r)
		}
		i = j
	}
	return out
}

func number(d *document, folded *strings.Builder, cs []char, i int, space bool) int {
	start, val, at := i, 0, folded.Len()
	for i < len(cs) && cs[i].class == classDigit {
		if val >= 0 {
			val = val*10 + int(cs[i].r-'0')
		}
		if val > 99999999 {
			val = -1
		}
		folded.WriteRune(cs[i].r)
		i++
	}
	d.toks = append(d.toks, token{text: folded.String()[at:], start: cs[start].start, end: cs[i-1].end, kind: kindNum,
		space: space, val: val, digits: i - start})
	return i
}

func mark(d *document, folded *strings.Builder, cs []char, i int, space bool) int {
	kind := kindPunct
	switch cs[i].class {
	case classHan:
		kind = kindHan
	case classSymbol:
		kind = kindSymbol
	}
	at := folded.Len()
	folded.WriteRune(cs[i].r)
	d.toks = append(d.toks, token{text: folded.String()[at:], start: cs[i].start, end: cs[i].end, kind: kind, space: space})
	return i + 1
}
