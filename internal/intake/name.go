package intake

import (
	"strings"
	"unicode"
)

// PersonName splits and cases a name of Russian, English or Chinese origin, and tells companies apart. It sets Name and
// the parts, Company and CompanyName, and Gender only where a patronymic gives it. locale (ru, en, zh) breaks ties; the
// script decides first. A cell without a letter gives the zero Customer.
func PersonName(full, locale string) Customer {
	name := squeeze(full)
	if !strings.ContainsFunc(name, unicode.IsLetter) || words().says(name) {
		return Customer{}
	}
	if isCompany(name) {
		return company(name)
	}
	bare := squeeze(brackets.ReplaceAllString(name, " "))
	if strings.ContainsFunc(bare, unicode.IsLetter) {
		name = bare
	}
	switch {
	case hasHan(name):
		return hanName(name)
	case hasCyrillic(name):
		return cyrillicName(strings.ReplaceAll(name, ",", " "))
	}
	return latinName(name)
}

func company(name string) Customer {
	name = strings.Trim(name, " ,;")
	return Customer{Name: name, Company: true, CompanyName: name}
}

// named is a person whose parts came in columns of their own.
func named(family, given, patronymic, locale string) Customer {
	full := squeeze(family + " " + given + " " + patronymic)
	if c := PersonName(full, locale); c.Company || c.Name == "" {
		return c
	}
	c := Customer{Family: recase(squeeze(family)), Given: recase(squeeze(given)), Patronymic: recase(squeeze(patronymic))}
	none := words().none
	for _, part := range []*string{&c.Family, &c.Given, &c.Patronymic} {
		if none[fold(*part)] {
			*part = ""
		}
	}
	switch {
	case hasHan(full):
		c.Name = c.Family + c.Given
	case hasCyrillic(full):
		c.Name = squeeze(c.Family + " " + c.Given + " " + c.Patronymic)
		c.setPatronymicGender()
	default:
		c.Name = squeeze(c.Given + " " + c.Patronymic + " " + c.Family)
		c.Patronymic = "" // a middle name is none
	}
	return c
}

// isCompany holds for names with a legal form, or in quotation marks, or of a kind no person has.
func isCompany(name string) bool {
	v := words()
	low := fold(name)
	toks := strings.FieldsFunc(low, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '.' && r != '’'
	})
	for i, t := range toks {
		t = strings.Trim(t, ".")
		if d := strings.ReplaceAll(t, ".", ""); len([]rune(d)) > 2 {
			t = d // О.О.О., L.L.C.; but И.П. behind a family name are initials
		}
		if v.legal[t] && len(toks) > 1 {
			return true
		}
		if i > 0 && i == len(toks)-1 && v.legalEndings[t] && !strings.Contains(name, ", ") {
			return true
		}
	}
	if last := []rune(name)[len([]rune(name))-1]; strings.ContainsRune("»\"”“", last) {
		return true // «Ромашка»; John "Jack" Smith has his quotation marks in the middle
	}
	for _, p := range v.phrases {
		if i := strings.Index(low, p); i >= 0 && wordAt(low, i) {
			return true
		}
	}
	return len([]rune(low)) >= 4 && containsAny(low, v.hanPhrases)
}

// wordAt holds when what begins at s[i] stands alone on its left side.
func wordAt(s string, i int) bool {
	return i == 0 || s[i-1] == ' ' || s[i-1] == '"' || s[i-1] == '('
}

func hasCyrillic(s string) bool {
	for _, r := range s {
		if unicode.Is(unicode.Cyrillic, r) {
			return true
		}
	}
	return false
}

// hanName reads 张建国, 欧阳 娜, 王女士. The honorific is taken off and says nothing about the gender field: only the
// data's own column does.
func hanName(name string) Customer {
	v := words()
	for _, t := range v.hanTitles {
		name = strings.TrimSpace(strings.TrimSuffix(name, t))
	}
	if before, after, ok := strings.Cut(name, " "); ok && !strings.Contains(after, " ") && hasHan(after) {
		return Customer{Name: before + after, Family: before, Given: after}
	}
	r := []rune(name)
	switch {
	case len(r) == 0:
		return Customer{}
	case strings.ContainsAny(name, "·•・") || len(r) > 4:
		return Customer{Name: name} // a transcribed name has no Chinese family name in front
	case len(r) == 1:
		return Customer{Name: name, Family: name}
	case len(r) > 2 && v.compound[string(r[:2])]:
		return Customer{Name: name, Family: string(r[:2]), Given: string(r[2:])}
	case len(r) == 2 && v.compound[name]:
		return Customer{Name: name, Family: name}
	case len(r) == 4:
		return Customer{Name: name, Family: string(r[:2]), Given: string(r[2:])} // 范徐丽泰: two family names
	}
	return Customer{Name: name, Family: string(r[:1]), Given: string(r[1:])}
}

// cyrillicName reads "Фамилия Имя Отчество", "Имя Отчество Фамилия", initials on either side, "… оглы".
func cyrillicName(name string) Customer {
	v := words()
	var parts []string
	for _, w := range splitWords(spaceInitials(name)) {
		if len(parts) == 0 && v.titles[strings.TrimSuffix(fold(w), ".")] {
			continue
		}
		if !strings.ContainsFunc(w, unicode.IsLetter) {
			if len(parts) > 0 && len(digitsOf(w)) >= 4 {
				break // "1975 г.р."
			}
			continue
		}
		parts = append(parts, w)
	}
	recaseAll(parts)
	if n := len(parts); n > 2 && v.patronymic[fold(parts[n-1])] != "" {
		parts = append(parts[:n-2:n-2], parts[n-2]+" "+parts[n-1])
	}
	c := Customer{}
	switch len(parts) {
	case 0:
		return c
	case 1:
		if v.given[fold(parts[0])] {
			c.Given = parts[0]
		} else {
			c.Family = parts[0]
		}
	case 2:
		c.Family, c.Given = parts[0], parts[1]
		switch {
		case isInitial(parts[0]) && !isInitial(parts[1]), !isInitial(parts[1]) && givenFirst(parts[0], parts[1]):
			c.Family, c.Given = parts[1], parts[0]
		case patronymicGender(parts[1]) != "" && v.given[fold(parts[0])]:
			c.Family, c.Given, c.Patronymic = "", parts[0], parts[1]
		}
	default:
		c.threeParts(parts)
	}
	c.Name = joinInitials(parts)
	c.setPatronymicGender()
	return c
}

func (c *Customer) threeParts(p []string) {
	switch {
	case isInitial(p[0]) && isInitial(p[1]) && !isInitial(p[2]):
		c.Given, c.Patronymic, c.Family = p[0], p[1], p[2]
	case patronymicGender(p[1]) != "" && !isInitial(p[2]) && !strings.Contains(p[2], " "):
		c.Given, c.Patronymic, c.Family = p[0], p[1], p[2] // no given name ends like a patronymic
	case len(p) == 3:
		c.Family, c.Given, c.Patronymic = p[0], p[1], p[2]
	case patronymicGender(p[len(p)-1]) != "":
		c.Family, c.Given, c.Patronymic = strings.Join(p[:len(p)-2], " "), p[len(p)-2], p[len(p)-1]
	default:
		c.Family, c.Given = p[0], strings.Join(p[1:], " ")
	}
}

// setPatronymicGender is the only way besides the data to a gender.
func (c *Customer) setPatronymicGender() {
	if g := patronymicGender(c.Patronymic); g != "" && c.Gender == "" {
		c.Gender, c.GenderSource = g, "patronymic"
	}
}

// patronymicGender tells male or female from a patronymic's ending; "" for anything else, initials included.
func patronymicGender(p string) string {
	p = fold(p)
	if i := strings.LastIndexAny(p, " -"); i >= 0 {
		if g := words().patronymic[p[i+1:]]; g != "" {
			return g
		}
	}
	n := len([]rune(p))
	for w, g := range words().patronymic { // Ерланұлы in one word
		if strings.HasSuffix(p, w) && n > len([]rune(w))+2 {
			return g
		}
	}
	if n < 5 {
		return ""
	}
	for _, e := range [...]string{"овна", "евна", "ична", "инична"} {
		if strings.HasSuffix(p, e) {
			return "female"
		}
	}
	for _, e := range [...]string{"ович", "евич", "ич"} {
		if strings.HasSuffix(p, e) {
			return "male"
		}
	}
	return ""
}

// givenFirst holds for "Мария Ким" and "Иван Петров": the first is a known given name, the second is not.
func givenFirst(a, b string) bool {
	v := words()
	return v.given[fold(a)] && !v.given[fold(b)] && patronymicGender(b) == ""
}

// spaceInitials turns "Смирнов А.А." into separate words.
func spaceInitials(s string) string {
	r := []rune(s)
	var b strings.Builder
	for i, c := range r {
		b.WriteRune(c)
		if c == '.' && i+1 < len(r) && unicode.IsLetter(r[i+1]) && i > 0 && (i < 2 || !unicode.IsLetter(r[i-2])) {
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// joinInitials writes neighbouring initials together: Смирнов А.А.
func joinInitials(parts []string) string {
	var b strings.Builder
	for i, p := range parts {
		if i > 0 && !(isInitial(p) && isInitial(parts[i-1])) {
			b.WriteByte(' ')
		}
		b.WriteString(p)
	}
	return b.String()
}

func isInitial(s string) bool {
	r := []rune(s)
	return len(r) == 1 || len(r) == 2 && r[1] == '.'
}

// latinName reads "Last, First", "First Last", "First M. Last, Jr.", "Last Jr., First".
func latinName(name string) Customer {
	family, given, comma := strings.Cut(name, ",")
	fw, suffix := dropSuffix(nameWords(family))
	if !comma {
		return fromWords(fw, suffix)
	}
	gw, gsuffix := dropSuffix(nameWords(strings.ReplaceAll(given, ",", " ")))
	if suffix == "" {
		suffix = gsuffix
	}
	if len(gw) == 0 {
		return fromWords(fw, suffix)
	}
	if len(fw) == 0 {
		return fromWords(gw, suffix)
	}
	c := Customer{Family: strings.Join(fw, " "), Given: firstGiven(gw)}
	c.Name = withSuffix(strings.Join(gw, " ")+" "+c.Family, suffix)
	return c
}

// nameWords are the words of a Latin name in proper case, titles left out.
func nameWords(s string) []string {
	var out []string
	for _, w := range splitWords(s) {
		if len(out) == 0 && words().titles[strings.TrimSuffix(fold(w), ".")] {
			continue
		}
		if strings.ContainsFunc(w, unicode.IsLetter) || w == "&" {
			out = append(out, w)
		}
	}
	recaseAll(out)
	return out
}

func dropSuffix(w []string) (rest []string, suffix string) {
	n := len(w)
	if n == 0 || !words().suffixes[strings.Trim(fold(w[n-1]), ".")] {
		return w, ""
	}
	s := strings.Trim(w[n-1], ".")
	switch low := strings.ToLower(s); low {
	case "jr":
		s = "Jr."
	case "sr":
		s = "Sr."
	case "ii", "iii", "iv":
		s = strings.ToUpper(s)
	}
	return w[:n-1], s
}

func fromWords(w []string, suffix string) Customer {
	switch len(w) {
	case 0:
		return Customer{}
	case 1:
		return Customer{Name: withSuffix(w[0], suffix), Given: w[0]}
	}
	at := len(w) - 1
	for at > 1 && words().particles[fold(w[at-1])] {
		at--
	}
	return Customer{
		Name: withSuffix(strings.Join(w, " "), suffix), Family: strings.Join(w[at:], " "), Given: firstGiven(w[:at]),
	}
}

// firstGiven is how one is addressed: without middle names, but both of "John & Mary".
func firstGiven(w []string) string {
	if len(w) > 2 && (w[1] == "&" || strings.EqualFold(w[1], "and")) {
		return strings.Join(w[:3], " ")
	}
	return w[0]
}

func withSuffix(name, suffix string) string {
	switch suffix {
	case "":
		return name
	case "II", "III", "IV":
		return name + " " + suffix
	}
	return name + ", " + suffix
}

// recase gives ИВАНОВ-ПЕТРОВ, o'neil and МАРИЯ their capitals; mixed case stays as its owner writes it.
func recase(s string) string {
	w := splitWords(s)
	recaseAll(w)
	return strings.Join(w, " ")
}

// recaseAll is recase word by word; particles (van, оглы) stay small, in front where they were written so.
func recaseAll(w []string) {
	for i, s := range w {
		switch low := strings.ToLower(s); {
		case s != low && s != strings.ToUpper(s), isInitial(s) && s != low:
		case words().particles[fold(s)] && (i > 0 || s == low && len(w) > 1 && w[1] != strings.ToLower(w[1])):
			w[i] = low
		default:
			w[i] = capitals(low)
		}
	}
}

func capitals(low string) string {
	r := []rune(low)
	start := true
	for i, c := range r {
		if start && unicode.IsLetter(c) {
			r[i] = unicode.ToUpper(c)
		}
		start = c == '-' || c == '.' || c == '‐' || (c == '\'' || c == '’') && i <= 1
	}
	if len(r) > 4 && r[0] == 'M' && r[1] == 'c' {
		r[2] = unicode.ToUpper(r[2])
	}
	return string(r)
}
