package intake

import (
	"embed"
	"fmt"
	"sort"
	"strings"
	"sync"
	"unicode"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/unicode/norm"
)

//go:embed words/*.yaml
var wordFiles embed.FS

// wordFile is one language's vocabulary; the comments in words/ru.yaml say what the lists mean.
type wordFile struct {
	Headers          map[string][]string `yaml:"headers"`
	Owner            []string            `yaml:"owner"`
	Planned          []string            `yaml:"planned"`
	Short            map[string]string   `yaml:"short"`
	Staff            []string            `yaml:"staff"`
	Attribute        []string            `yaml:"attribute"`
	Foreign          []string            `yaml:"foreign"`
	Nobody           []string            `yaml:"nobody"`
	MinorUnits       []string            `yaml:"minor_units"`
	Genders          map[string][]string `yaml:"genders"`
	Yes              []string            `yaml:"yes"`
	No               []string            `yaml:"no"`
	None             []string            `yaml:"none"`
	ConsentYes       []string            `yaml:"consent_yes"`
	ConsentNo        []string            `yaml:"consent_no"`
	Totals           []string            `yaml:"totals"`
	Months           [][]string          `yaml:"months"`
	States           map[string][]string `yaml:"states"`
	Funnel           map[string][]string `yaml:"funnel"`
	Legal            []string            `yaml:"legal"`
	LegalPhrases     []string            `yaml:"legal_phrases"`
	LegalEndings     []string            `yaml:"legal_endings"`
	CompanyTypes     []string            `yaml:"company_types"`
	PersonTypes      []string            `yaml:"person_types"`
	Titles           []string            `yaml:"titles"`
	Suffixes         []string            `yaml:"suffixes"`
	Particles        []string            `yaml:"particles"`
	PatronymicWords  map[string][]string `yaml:"patronymic_words"`
	Given            []string            `yaml:"given"`
	DateWords        []string            `yaml:"date_words"`
	AM               []string            `yaml:"am"`
	PM               []string            `yaml:"pm"`
	Languages        map[string][]string `yaml:"languages"`
	Currencies       map[string][]string `yaml:"currencies"`
	CompoundSurnames []string            `yaml:"compound_surnames"`
}

// synonym is one name of a field, prepared for comparing.
type synonym struct {
	field  string
	rank   int // place in its list: lower wins
	exact  bool
	tokens []string
	han    string // the name without blanks, for names in Han characters
}

type set map[string]bool

// vocabulary is all languages together: a Russian dealer's CRM may well write English headers.
type vocabulary struct {
	exact      map[string]synonym
	parts      []synonym // those that also count inside a longer header
	owner      set
	hanOwner   []string
	planned    set
	hanPlanned []string
	short      map[string]string
	staff      set
	hanStaff   []string
	attr       set
	hanAttr    []string
	foreign    set
	hanForeign []string

	gender, state, funnel, language, currency map[string]string // word → meaning
	month                                     map[string]int
	dateWord, am, pm                          set
	yes, no, none                             set
	consentYes, consentNo                     set
	totals                                    []string
	legal, legalEndings                       set
	phrases, hanPhrases                       []string
	companyType, personType, nobody           set
	minorUnit                                 set
	titles, suffixes, particles               set
	hanTitles                                 []string
	patronymic                                map[string]string
	given                                     set
	compound                                  set
}

// words is the embedded vocabulary, read once and never changed.
var words = sync.OnceValue(func() *vocabulary {
	v, err := loadWords()
	if err != nil {
		panic(err) // embedded data, covered by TestWords: cannot differ at run time
	}
	return v
})

func loadWords() (*vocabulary, error) {
	v := &vocabulary{
		exact: map[string]synonym{}, owner: set{}, planned: set{}, short: map[string]string{}, staff: set{}, attr: set{}, foreign: set{},
		gender: map[string]string{}, state: map[string]string{}, funnel: map[string]string{}, language: map[string]string{}, currency: map[string]string{}, month: map[string]int{},
		dateWord: set{}, am: set{}, pm: set{},
		yes: set{}, no: set{}, none: set{}, consentYes: set{}, consentNo: set{}, legal: set{}, legalEndings: set{}, companyType: set{}, personType: set{},
		titles: set{}, suffixes: set{}, particles: set{}, patronymic: map[string]string{}, given: set{}, compound: set{}, nobody: set{}, minorUnit: set{},
	}
	var files []wordFile
	for _, lang := range []string{"ru", "en", "zh"} {
		data, err := wordFiles.ReadFile("words/" + lang + ".yaml")
		if err != nil {
			return nil, fmt.Errorf("reading the vocabulary: %w", err)
		}
		var w wordFile
		if err := yaml.Unmarshal(data, &w); err != nil {
			return nil, fmt.Errorf("reading the vocabulary %s: %w", lang, err)
		}
		files = append(files, w)
		for s, long := range w.Short {
			v.short[s] = long
		}
	}
	for _, w := range files { // after all abbreviations are known
		v.addHeaders(w)
		v.addValues(w)
		v.addNames(w)
	}
	sort.SliceStable(v.parts, func(i, j int) bool { return v.parts[i].size() > v.parts[j].size() })
	return v, nil
}

func (v *vocabulary) addHeaders(w wordFile) {
	for _, field := range fieldNames {
		for rank, name := range w.Headers[field] {
			bare, exact := strings.CutPrefix(name, "=")
			s := synonym{field: field, rank: rank, exact: exact, tokens: v.tokens(bare)}
			if hasHan(bare) {
				s.han = strings.Join(s.tokens, "")
			}
			key := tokenKey(s.tokens)
			if old, ok := v.exact[key]; !ok || old.rank > rank && old.field == field {
				v.exact[key] = s
			}
			if !exact {
				v.parts = append(v.parts, s)
			}
		}
	}
	v.hanOwner = v.addTokens(v.owner, v.hanOwner, w.Owner)
	v.hanPlanned = v.addTokens(v.planned, v.hanPlanned, w.Planned)
	v.hanStaff = v.addTokens(v.staff, v.hanStaff, w.Staff)
	v.hanAttr = v.addTokens(v.attr, v.hanAttr, w.Attribute)
	v.hanForeign = v.addTokens(v.foreign, v.hanForeign, w.Foreign)
}

// addTokens puts words that stand alone into s, and gives han with the ones that can only be found inside a header.
func (v *vocabulary) addTokens(s set, han, list []string) []string {
	for _, w := range list {
		if hasHan(w) {
			han = append(han, w)
			continue
		}
		for _, t := range v.tokens(w) {
			s[t] = true
		}
	}
	return han
}

func (v *vocabulary) addValues(w wordFile) {
	addMeanings(v.gender, w.Genders)
	addMeanings(v.state, w.States)
	addMeanings(v.funnel, w.Funnel)
	addMeanings(v.language, w.Languages)
	addMeanings(v.currency, w.Currencies)
	v.dateWord.add(w.DateWords)
	v.am.add(w.AM)
	v.pm.add(w.PM)
	v.yes.add(w.Yes)
	v.no.add(w.No)
	v.none.add(w.None)
	v.consentYes.add(w.ConsentYes)
	v.consentNo.add(w.ConsentNo)
	v.minorUnit.add(w.MinorUnits)
	for _, t := range w.Totals {
		v.totals = append(v.totals, fold(t))
	}
	for i, names := range w.Months {
		for _, n := range names {
			v.month[fold(n)] = i + 1
		}
	}
}

func (v *vocabulary) addNames(w wordFile) {
	v.legal.add(w.Legal)
	v.legalEndings.add(w.LegalEndings)
	for _, p := range w.LegalPhrases {
		if hasHan(p) {
			v.hanPhrases = append(v.hanPhrases, p)
		} else {
			v.phrases = append(v.phrases, fold(p))
		}
	}
	v.companyType.add(w.CompanyTypes)
	v.personType.add(w.PersonTypes)
	v.nobody.add(w.Nobody)
	v.nobody.add(w.PersonTypes)
	for _, t := range w.Titles {
		if hasHan(t) {
			v.hanTitles = append(v.hanTitles, t)
		}
	}
	v.titles.add(w.Titles)
	v.suffixes.add(w.Suffixes)
	v.particles.add(w.Particles)
	addMeanings(v.patronymic, w.PatronymicWords)
	v.given.add(w.Given)
	v.compound.add(w.CompoundSurnames)
}

func (s set) add(list []string) {
	for _, w := range list {
		s[fold(w)] = true
	}
}

func addMeanings(m map[string]string, lists map[string][]string) {
	for meaning, list := range lists {
		for _, w := range list {
			m[fold(w)] = meaning
		}
	}
}

func (s synonym) size() int {
	n := 0
	for _, t := range s.tokens {
		n += len([]rune(t))
	}
	return n
}

// fold makes cell words comparable: compatibility forms, lower case, ё as е, single blanks.
func fold(s string) string {
	s = strings.ToLower(squeeze(s))
	plain, ascii := true, true
	for _, r := range s {
		if r >= 0x80 {
			ascii = false
			if (r < 'а' || r > 'ё') && (r < 0x4E00 || r > 0x9FFF) {
				plain = false
				break
			}
		}
	}
	switch {
	case ascii:
		return s
	case !plain: // the library is slow, and Russian letters and common Han characters are their own forms
		s = norm.NFKC.String(s)
	}
	return strings.ReplaceAll(s, "ё", "е")
}

// says holds when a cell says that there is nothing: "-", "нет", "n/a", "无".
func (v *vocabulary) says(cell string) bool {
	return cell == "-" || len(cell) <= 40 && v.none[fold(cell)]
}

// tokens cuts a header into comparable stems: "E-mail клиента" and "e mail клиентов" give the same.
func (v *vocabulary) tokens(header string) []string {
	header = strings.ReplaceAll(strings.ReplaceAll(header, "№", " # "), "#", " # ")
	header = norm.NFKC.String(splitCamel(header))
	var out []string
	for _, t := range strings.FieldsFunc(strings.ToLower(header), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '#'
	}) {
		t = strings.ReplaceAll(t, "ё", "е")
		if long := v.short[t]; long != "" {
			t = long
		}
		out = append(out, stem(t))
	}
	return out
}

func tokenKey(tokens []string) string {
	s := append([]string(nil), tokens...)
	sort.Strings(s)
	return strings.Join(s, " ")
}

// splitCamel turns customerName and RONumber into words.
func splitCamel(s string) string {
	r := []rune(s)
	var b strings.Builder
	for i, c := range r {
		if i > 0 && unicode.IsUpper(c) {
			after := i+1 < len(r) && unicode.IsLower(r[i+1])
			if unicode.IsLower(r[i-1]) || unicode.IsUpper(r[i-1]) && after && i > 1 {
				b.WriteByte(' ')
			}
		}
		b.WriteRune(c)
	}
	return b.String()
}

var russianEndings = []string{
	"иями", "иях", "иям", "ием", "ией", "ия", "ии", "ию", "ами", "ями", "ого", "его", "ому", "ему", "ов", "ев", "ей", "ый", "ий", "ой", "ая", "яя", "ое", "ее", "ые", "ие", "ых",
	"их", "ам", "ям", "ах", "ях", "ом", "ем", "а", "я", "о", "е", "ы", "и", "у", "ю", "ь", "й",
}

// stem takes the ending off a Russian word and the plural off an English one. Crude on purpose: both sides of every
// comparison pass through it. The words for "number" become one sign.
func stem(t string) string {
	switch t {
	case "номер", "номера", "number", "num", "no", "nr", "ном":
		return "#"
	}
	n := len([]rune(t))
	if n > 3 && t[len(t)-1] == 's' && !strings.HasSuffix(t, "ss") {
		return t[:len(t)-1]
	}
	if n < 4 || t[0] < 0x80 {
		return t
	}
	for _, e := range russianEndings {
		if strings.HasSuffix(t, e) && n-len([]rune(e)) >= 3 {
			return t[:len(t)-len(e)]
		}
	}
	return t
}

func hasHan(s string) bool {
	for _, r := range s {
		if unicode.Is(unicode.Han, r) {
			return true
		}
	}
	return false
}
