package render_test

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/internal/render"
	"otklik/internal/survey"
	"otklik/templates"
)

func TestAddress(t *testing.T) {
	tests := []struct {
		name   string
		p      render.Person
		ru, en string
		zh     string
	}{
		{"Russian, full", render.Person{Given: "Иван", Patronymic: "Петрович", Family: "Иванов", Gender: "male"}, "Иван Петрович", "Иван", "Иван"},
		{"Russian, no patronymic", render.Person{Given: "Анна", Family: "Ким"}, "Анна", "Анна", "Анна"},
		{"English", render.Person{Given: "John", Family: "O'Neil", Full: "John O'Neil", Gender: "male"}, "John", "John", "John"},
		{"family and gender only", render.Person{Family: "Ivanov", Gender: "male"}, "", "Mr Ivanov", ""},
		{"family and gender only, a woman", render.Person{Family: "Ivanova", Gender: "female"}, "", "Ms Ivanova", ""},
		{"family only, gender unknown", render.Person{Family: "Ivanov"}, "", "", ""},
		{"Chinese man", render.Person{Given: "建国", Family: "张", Full: "张建国", Gender: "male"}, "张建国", "张建国", "张先生"},
		{"Chinese woman", render.Person{Given: "秀英", Family: "欧阳", Gender: "female"}, "欧阳秀英", "欧阳秀英", "欧阳女士"},
		{"Chinese, gender unknown", render.Person{Given: "敏", Family: "张", Full: "张敏"}, "张敏", "张敏", "张敏"},
		{"company", render.Person{Given: "Иван", Full: "ООО Ромашка", Company: true}, "", "", ""},
		{"initials", render.Person{Given: "И.", Patronymic: "П.", Family: "Иванов"}, "", "", ""},
		{"a note instead of a name", render.Person{Given: "Иван (не звонить!)"}, "", "", ""},
		{"a number instead of a name", render.Person{Given: "Клиент 12"}, "", "", ""},
		{"a link instead of a name", render.Person{Given: "http://x.example"}, "", "", ""},
		{"far too long", render.Person{Given: strings.Repeat("ан", 30)}, "", "", ""},
		{"double name", render.Person{Given: "Анна-Мария", Patronymic: "Сергеевна"}, "Анна-Мария Сергеевна", "Анна-Мария", "Анна-Мария"},
		{"nothing", render.Person{}, "", "", ""},
		{"a double family name", render.Person{Given: "Михаил", Patronymic: "Евграфович", Family: "Салтыков-Щедрин", Gender: "male"}, "Михаил Евграфович", "Михаил", "Михаил"},
		{"a double family name alone", render.Person{Family: "Smith-Jones", Gender: "female"}, "", "Ms Smith-Jones", ""},
		{"оглы", render.Person{Given: "Эльдар", Patronymic: "Мамед оглы", Family: "Алиев", Gender: "male"}, "Эльдар Мамед оглы", "Эльдар", "Эльдар"},
		{"кызы with a hyphen", render.Person{Given: "Лейла", Patronymic: "Гасан-кызы", Gender: "female"}, "Лейла Гасан-кызы", "Лейла", "Лейла"},
		{"оглы in capitals", render.Person{Given: "ЭЛЬДАР", Patronymic: "МАМЕД ОГЛЫ"}, "Эльдар Мамед оглы", "Эльдар", "Эльдар"},
		{"capitals", render.Person{Given: "АННА-МАРИЯ", Patronymic: "СЕРГЕЕВНА"}, "Анна-Мария Сергеевна", "Анна-Мария", "Анна-Мария"},
		{"capitals, Latin", render.Person{Family: "O'NEIL", Gender: "male"}, "", "Mr O'Neil", ""},
		{"capitals behind an apostrophe", render.Person{Given: "'АННА"}, "'Анна", "'Анна", "'Анна"},
		{"a name of two letters", render.Person{Given: "Ян"}, "Ян", "Ян", "Ян"},
		{"a patronymic of which only the initial is known", render.Person{Given: "Иван", Patronymic: "П."}, "Иван", "Иван", "Иван"},
		{"an initial without a point", render.Person{Given: "И", Patronymic: "Петрович"}, "", "", ""},
		{"a Latin name in a Russian letter", render.Person{Given: "John", Family: "Smith", Gender: "male"}, "John", "John", "John"},
		{"two alphabets in one word", render.Person{Given: "Ивaн", Patronymic: "Петрович"}, "", "", ""},
		{"two alphabets in the patronymic", render.Person{Given: "Иван", Patronymic: "Петpович"}, "Иван", "Иван", "Иван"},
		{"two given names", render.Person{Given: "Мария Луиза"}, "Мария Луиза", "Мария Луиза", "Мария Луиза"},
		{"a Chinese family name of two characters, a man", render.Person{Given: "修", Family: "欧阳", Full: "欧阳修", Gender: "male"}, "欧阳修", "欧阳修", "欧阳先生"},
		{"a Chinese family name of two characters, gender unknown", render.Person{Given: "娜", Family: "欧阳", Full: "欧阳娜"}, "欧阳娜", "欧阳娜", "欧阳娜"},
		{"only a Chinese family name, gender unknown", render.Person{Family: "张"}, "", "", ""},
		{"only a Chinese family name", render.Person{Family: "张", Gender: "female"}, "", "Ms 张", "张女士"},
		{"a transcribed name", render.Person{Full: "伊万·彼得罗夫"}, "伊万·彼得罗夫", "伊万·彼得罗夫", "伊万·彼得罗夫"},
		{"a Chinese company", render.Person{Full: "南方汽车有限公司", Company: true}, "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := []string{render.Address(tt.p, "ru"), render.Address(tt.p, "en-US"), render.Address(tt.p, "zh-CN"), render.Address(tt.p, "xx")}
			if diff := cmp.Diff([]string{tt.ru, tt.en, tt.zh, ""}, got); diff != "" {
				t.Errorf("ru, en, zh, unknown (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNobodyIsWrittenToWithoutAName: each text with which we begin uses the name (R158).
func TestNobodyIsWrittenToWithoutAName(t *testing.T) {
	r, err := render.New(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	found := r.NamelessMessages()
	for _, d := range r.Definitions() {
		more, err := r.Nameless(d)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, more...)
	}
	for _, f := range found {
		t.Error(f)
	}
}

func TestTimesInWords(t *testing.T) {
	zone := moscow(t)
	now := time.Date(2026, 12, 30, 23, 50, 0, 0, zone)
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 12, day, hour, minute, 0, 0, zone) }
	tests := []struct {
		t    time.Time
		want []string // deadline, moment and date, per locale
	}{
		{at(30, 23, 55), []string{"до 23:55 сегодня", "сегодня в 23:55", "30 декабря", "by 11:55 pm today", "today at 11:55 pm", "December 30", "今天23:55前", "今天23:55", "12月30日"}},
		{at(31, 18, 0), []string{"до 18:00 завтра", "завтра в 18:00", "31 декабря", "by 6 pm tomorrow", "tomorrow at 6 pm", "December 31", "明天18:00前", "明天18:00", "12月31日"}},
		{at(33, 9, 5), []string{"до 09:05 2 января 2027 года", "2 января 2027 года в 09:05", "2 января 2027 года", "by 9:05 am on January 2, 2027", "on January 2, 2027 at 9:05 am", "January 2, 2027", "2027年1月2日09:05前", "2027年1月2日09:05", "2027年1月2日"}},
	}
	for _, tt := range tests {
		var got []string
		for _, l := range locales {
			// Given in another zone, said in the recipient's.
			got = append(got, render.Time(tt.t.UTC(), l, zone, now.UTC()), render.Moment(tt.t.UTC(), l, zone, now.UTC()), render.Date(tt.t.UTC(), l, zone, now.UTC()))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.t, diff)
		}
	}
}

func TestTomorrowIsACalendarDayWhenClocksChange(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	// The night to 29 March 2026 has no 02:30; that day is 23 hours long.
	now := time.Date(2026, 3, 28, 23, 30, 0, 0, zone)
	for want, due := range map[string]time.Time{
		"by 11 pm tomorrow":    time.Date(2026, 3, 29, 23, 0, 0, 0, zone),
		"by 12 am on March 30": time.Date(2026, 3, 30, 0, 0, 0, 0, zone),
	} {
		if got := render.Time(due, "en", zone, now); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSegments(t *testing.T) {
	a := func(n int) string { return strings.Repeat("a", n) }
	ya := func(n int) string { return strings.Repeat("я", n) }
	tests := []struct {
		name, text, encoding string
		n                    int
	}{
		{"empty", "", render.GSM7, 1},
		{"one full part", a(160), render.GSM7, 1},
		{"one more", a(161), render.GSM7, 2},
		{"two full parts", a(306), render.GSM7, 2},
		{"three", a(307), render.GSM7, 3},
		{"the euro takes two", a(158) + "€", render.GSM7, 1},
		{"the euro tips it over", a(159) + "€", render.GSM7, 2},
		{"an escape pair is not cut", a(152) + "€" + a(152), render.GSM7, 3},
		{"Cyrillic, one full part", ya(70), render.UCS2, 1},
		{"Cyrillic, one more", ya(71), render.UCS2, 2},
		{"Cyrillic, two full parts", ya(134), render.UCS2, 2},
		{"Cyrillic, three", ya(135), render.UCS2, 3},
		{"one emoji turns all to UCS-2", a(69) + "😊", render.UCS2, 2},
		{"35 emoji", strings.Repeat("😊", 35), render.UCS2, 1},
		{"a surrogate pair is not cut", ya(66) + "😊" + ya(66), render.UCS2, 3},
		{"a curly quote", "it’s", render.UCS2, 1},
		{"an apostrophe", "it's", render.GSM7, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, encoding := render.Segments(tt.text)
			if n != tt.n || encoding != tt.encoding {
				t.Errorf("got %d, %s; want %d, %s", n, encoding, tt.n, tt.encoding)
			}
		})
	}
}

func TestNothingHalfFinishedGoesOut(t *testing.T) {
	r := renderer(t)
	def, _ := r.Definition("after-service")
	tests := []struct {
		name string
		want error
		ch   channels.Kind
		call func(d render.Data, ch channels.Kind) (render.Content, error)
		with func(d *render.Data)
	}{
		{"unknown message", render.ErrUnknown, channels.SMS,
			func(d render.Data, ch channels.Kind) (render.Content, error) {
				return r.Message("no.such", "ru", ch, d)
			}, nil},
		{"unknown question", render.ErrUnknown, channels.SMS,
			func(d render.Data, ch channels.Kind) (render.Content, error) {
				return r.Question(def, "no_such", "ru", ch, d)
			}, nil},
		{"no deadline to promise", render.ErrMissing, channels.SMS,
			func(d render.Data, ch channels.Kind) (render.Content, error) {
				return r.Message("callback.promise", "ru", ch, d)
			},
			func(d *render.Data) { d.Callback.Due = time.Time{} }},
		{"no dealer's name", render.ErrMissing, channels.SMS,
			func(d render.Data, ch channels.Kind) (render.Content, error) { return r.Invite(def, "ru", ch, d) },
			func(d *render.Data) { d.Dealer.Name = "" }},
		{"no name for the Chinese signature", render.ErrMissing, channels.SMS,
			func(d render.Data, ch channels.Kind) (render.Content, error) {
				return r.Message("later.ack", "zh", ch, d)
			},
			func(d *render.Data) { d.Dealer.Name = "" }},
		{"no token for buttons", render.ErrMissing, channels.Telegram,
			func(d render.Data, ch channels.Kind) (render.Content, error) { return r.Invite(def, "ru", ch, d) },
			func(d *render.Data) { d.Token = "" }},
		{"a token too long for buttons", render.ErrTooLong, channels.Telegram,
			func(d render.Data, ch channels.Kind) (render.Content, error) { return r.Invite(def, "ru", ch, d) },
			func(d *render.Data) { d.Token = strings.Repeat("x", 60) }},
		{"no form for an email's buttons", render.ErrMissing, channels.Email,
			func(d render.Data, ch channels.Kind) (render.Content, error) { return r.Invite(def, "ru", ch, d) },
			func(d *render.Data) { d.FormURL = "" }},
		{"no way to unsubscribe", render.ErrMissing, channels.Email,
			func(d render.Data, ch channels.Kind) (render.Content, error) { return r.Invite(def, "ru", ch, d) },
			func(d *render.Data) { d.UnsubscribeURL = "" }},
		{"more segments than allowed", render.ErrTooLong, channels.SMS,
			func(d render.Data, ch channels.Kind) (render.Content, error) {
				return r.Message("callback.solved", "ru", ch, d)
			},
			func(d *render.Data) { d.Callback.Solution = strings.Repeat("замена ", 40) }},
		{"more than Telegram takes", render.ErrTooLong, channels.Telegram,
			func(d render.Data, ch channels.Kind) (render.Content, error) {
				return r.Message("callback.solved", "ru", ch, d)
			},
			func(d *render.Data) { d.Callback.Solution = strings.Repeat("замена ", 700) }},
		{"neither the person's language nor the dealer's", render.ErrNoTranslation, channels.SMS,
			func(d render.Data, ch channels.Kind) (render.Content, error) { return r.Invite(def, "fr", ch, d) },
			func(d *render.Data) { d.Dealer.Locale = "de" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := full(t, "ru")
			if _, err := tt.call(d, tt.ch); tt.with != nil && err != nil {
				t.Fatalf("with all data: %v", err)
			}
			if tt.with != nil {
				tt.with(&d)
			}
			c, err := tt.call(d, tt.ch)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %q, %v; want %v", c.Text, err, tt.want)
			}
		})
	}
}

func TestLocaleFallsBackAsAWhole(t *testing.T) {
	r := renderer(t)
	def, _ := r.Definition("after-service")
	for asked, want := range map[string]string{"en": "en", "zh-CN": "zh", "en_GB": "en", "fr": "ru", "": "ru"} {
		c, err := r.Invite(def, asked, channels.Telegram, full(t, "ru"))
		if err != nil || c.Locale != want {
			t.Errorf("%q: got %q, %v; want %q", asked, c.Locale, err, want)
		}
		if cyrillic := strings.Contains(c.Text, "Оцените"); cyrillic != (want == "ru") {
			t.Errorf("%q: %s", asked, c.Text)
		}
	}
}

func TestEmailIsSafeAgainstItsOwnData(t *testing.T) {
	r := renderer(t)
	def, _ := r.Definition("after-service")
	d := full(t, "en")
	d.Words = `<script>alert("x")</script>`
	d.Vehicle.Model = "Vesta <b>\r\nBcc: all@example.org"
	d.FormURL = "https://otklik.example/s/k7f3q9?lang=en"
	c, err := r.Thanks(def, survey.Good, "en", channels.Email, d)
	if err != nil {
		t.Fatal(err)
	}
	if page := html(t, r, c); strings.Contains(page, "<script") || !strings.Contains(page, "&lt;script") {
		t.Errorf("the person's own words in %s", page)
	}
	c, err = r.Invite(def, "en", channels.Email, d)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(c.Subject, "\r\n") {
		t.Errorf("subject %q has a line break", c.Subject)
	}
	for _, want := range []string{`href="https://otklik.example/s/k7f3q9?lang=en&amp;q=5"`, "Vesta &lt;b&gt;", "height:44px", d.UnsubscribeURL} {
		if page := html(t, r, c); !strings.Contains(page, want) {
			t.Errorf("no %s in %s", want, page)
		}
	}
	d.FormURL = "javascript:alert(1)"
	if c, err = r.Invite(def, "en", channels.Email, d); err != nil {
		t.Fatal(err)
	}
	if page := html(t, r, c); strings.Contains(page, `href="javascript:`) || !strings.Contains(page, "ZgotmplZ") {
		t.Errorf("a script for a link: %s", page)
	}
}

func TestNewRefusesBrokenTexts(t *testing.T) {
	const message = "id: %s\npurpose: answer\ntext:\n  en: {subject: s, any: \"%s\"}\n"
	tests := []struct{ name, file, data, want string }{
		{"a placeholder that does not exist", "messages/x.yaml", strings.NewReplacer("%s", "x").Replace("id: %s\npurpose: answer\ntext:\n  en: {subject: s, any: \"Hello {{.nmae}}\"}\n"), `"nmae"`},
		{"a condition on one that does not exist", "messages/x.yaml", "id: x\npurpose: answer\ntext:\n  en: {subject: s, any: '{{if .Has \"nmae\"}}a{{end}}'}\n", `"nmae"`},
		{"an action that does not end", "messages/x.yaml", "id: x\npurpose: answer\ntext:\n  en: {subject: s, any: '{{if .Has \"name\"}}a'}\n", "x.yaml"},
		{"a name that is not the id", "messages/y.yaml", strings.ReplaceAll(message, "%s", "x"), "differs"},
		{"no subject", "messages/x.yaml", "id: x\npurpose: answer\ntext:\n  en: {any: a}\n", "subject"},
		{"a field that does not exist", "messages/x.yaml", "id: x\ncolour: red\n", "colour"},
		{"a survey with a problem", "surveys/x.yaml", "id: x\n", "surveys/x.yaml:1:"},
		{"words with a month missing", "words/xx.yaml", "months: [a]\n", "1 months"},
		{"words without a form that a number needs", "words/ru.yaml", "years: {one: \"{n} год\", few: \"{n} года\", other: \"{n} лет\"}\n", `"many", as for 0`},
		{"a form without its number", "words/en.yaml", "years: {one: a year, other: \"{n} years\"}\n", `"one" has no {n}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fsys := fstest.MapFS{tt.file: {Data: []byte(tt.data)}}
			err := fs.WalkDir(templates.FS, ".", func(name string, e fs.DirEntry, err error) error {
				if err != nil || e.IsDir() || name == tt.file {
					return err
				}
				data, err := fs.ReadFile(templates.FS, name)
				fsys[name] = &fstest.MapFile{Data: data}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := render.New(fsys); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// Words that Twilio takes for keywords: asking for one of them as an answer
// would unsubscribe or subscribe the person (provider-and-law-facts 5.1). STOP
// is named only where refusing is explained.
var (
	keyword = regexp.MustCompile(`\b(CANCEL|END|QUIT|YES|INFO|HELP|START|UNSTOP|STOPALL|UNSUBSCRIBE|REVOKE|OPTOUT|STOP|TD)\b`)
	asked   = regexp.MustCompile(`(?i)\b(reply|answer|send|text|write|type)( with)? "?(cancel|end|quit|yes|info|help|start|unstop|stopall|unsubscribe|revoke|optout)\b`)
)

func TestShippedTextsAskForNoKeyword(t *testing.T) {
	allowed := map[string]bool{"words/en.yaml": true, "messages/help.yaml": true}
	seen := 0
	err := fs.WalkDir(templates.FS, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(name, ".yaml") {
			return err
		}
		data, err := fs.ReadFile(templates.FS, name)
		if err != nil {
			return err
		}
		for i, l := range strings.Split(string(data), "\n") {
			if text, _, _ := strings.Cut(l, "#"); text == "" {
				continue
			}
			seen++
			if m := keyword.FindString(l); m != "" && (m != "STOP" || !allowed[name]) {
				t.Errorf("%s:%d: keyword %s", name, i+1, m)
			}
			if m := asked.FindString(l); m != "" {
				t.Errorf("%s:%d: %q asks for a keyword", name, i+1, m)
			}
		}
		return nil
	})
	if err != nil || seen == 0 {
		t.Fatalf("%d lines, error %v", seen, err)
	}
}

// TestShippedTextsAreShort holds the lengths of journeys.md: Russian at most two
// segments, English and Chinese one, for what we begin; answers may take one more.
func TestShippedTextsAreShort(t *testing.T) {
	r := renderer(t)
	most := map[string]int{"ru": 2, "en": 1, "zh": 1}
	all := messages(r)
	for _, def := range r.Definitions() {
		for _, p := range parts(r, def, channels.SMS) {
			all[def.ID+" "+p.name] = p.build
		}
	}
	for name, build := range all {
		if strings.HasPrefix(name, "start.") || name == "help" {
			continue // the first are Telegram's, help is asked for
		}
		for _, l := range locales {
			c, err := build(l, channels.SMS, full(t, l))
			if err != nil || c.Segments > most[l] {
				t.Errorf("%s in %s: %d segments, %v: %s", name, l, c.Segments, err, c.Text)
			}
			if l == "en" && c.Encoding != render.GSM7 {
				t.Errorf("%s in English is %s: %s", name, c.Encoding, c.Text)
			}
			if l == "zh" && !strings.HasPrefix(c.Text, "【南方汽车】") {
				t.Errorf("%s in Chinese has no signature first: %s", name, c.Text)
			}
		}
	}
}

func TestFirstContactSaysHowToRefuse(t *testing.T) {
	r := renderer(t)
	def, _ := r.Definition("after-service")
	for l, want := range map[string]string{"ru": "Отказ: СТОП", "en": "Reply STOP to opt out.", "zh": "拒收请回复R"} {
		first := full(t, l)
		first.First = true
		c, err := r.Invite(def, l, channels.SMS, first)
		if err != nil || !strings.HasSuffix(c.Text, want) {
			t.Errorf("%v: %q has no %q", err, c.Text, want)
		}
		if c, err = r.Invite(def, l, channels.SMS, full(t, l)); err != nil || strings.Contains(c.Text, want) {
			t.Errorf("%v: a later invite says it again: %q", err, c.Text)
		}
		if c, err = r.Message("optout.confirmed", l, channels.SMS, first); err != nil || strings.Contains(c.Text, want) {
			t.Errorf("%v: an answer says it: %q", err, c.Text)
		}
	}
}

// TestAdsSayHowToRefuseEachTime: 38-FZ art. 18 and the MIIT rules of 2015; and an ad
// by email has its link.
func TestAdsSayHowToRefuseEachTime(t *testing.T) {
	r := renderer(t)
	for l, want := range map[string]string{"ru": "Отказ: СТОП", "en": "Reply STOP to opt out.", "zh": "拒收请回复R"} {
		for id, each := range map[string]bool{"news.company": true, "service.next": true, "greeting.new_year": false, "car.ready": false} {
			c, err := r.Message(id, l, channels.SMS, full(t, l))
			if err != nil || strings.HasSuffix(c.Text, want) != each {
				t.Errorf("%s, not the first: %q, %v", id, c.Text, err)
			}
			d := full(t, l)
			d.UnsubscribeURL = ""
			if _, err = r.Message(id, l, channels.Email, d); errors.Is(err, render.ErrMissing) != (id != "car.ready") {
				t.Errorf("%s without a link to unsubscribe: %v", id, err)
			}
		}
	}
}

// TestNumbersTakeTheirNouns goes through CLDR's rules for whole numbers, as the texts
// meet them.
func TestNumbersTakeTheirNouns(t *testing.T) {
	r := renderer(t)
	for years, want := range map[int][3]string{
		1: {"1 год", "1 year", "1年"}, 2: {"2 года", "2 years", "2年"}, 4: {"4 года", "4 years", "4年"}, 5: {"5 лет", "5 years", "5年"},
		11: {"11 лет", "11 years", "11年"}, 14: {"14 лет", "14 years", "14年"}, 20: {"20 лет", "20 years", "20年"}, 21: {"21 год", "21 years", "21年"},
		101: {"101 год", "101 years", "101年"}, 111: {"111 лет", "111 years", "111年"},
	} {
		for i, l := range locales {
			d := full(t, l)
			d.Vehicle.Years = years
			if c, err := r.Message("greeting.car_birthday", l, channels.Telegram, d); err != nil || !strings.Contains(c.Text, want[i]) {
				t.Errorf("%d in %s: %q, %v; want %q", years, l, c.Text, err, want[i])
			}
		}
	}
	d := full(t, "ru")
	d.Vehicle.Years = 0
	if c, err := r.Message("greeting.car_birthday", "ru", channels.Telegram, d); !errors.Is(err, render.ErrMissing) {
		t.Errorf("a car of no age: %q, %v", c.Text, err)
	}
}

func TestMessageLocales(t *testing.T) {
	r := renderer(t)
	for _, id := range r.Messages() {
		if got, ok := r.MessageLocales(id); !ok || cmp.Diff([]string{"en", "ru", "zh"}, got) != "" {
			t.Errorf("%s: %v, %v", id, got, ok)
		}
	}
	if got, ok := r.MessageLocales("no.such"); ok || got != nil {
		t.Errorf("got %v, %v", got, ok)
	}
}

func TestButtonsOfEveryKind(t *testing.T) {
	r := renderer(t)
	const def = `
id: kinds
version: 1
purpose: survey
locales: [en]
title: {en: Kinds}
budget: {telegram: {rated: 9, open: 1}, sms: {rated: 9, open: 1}}
invite: {en: {any: "{{.question}}"}}
questions:
  - {id: nps, kind: nps, ask: {en: {any: "0 to 10?"}}}
  - id: why
    kind: choice
    options: [{id: slow, label: {en: Too slow}}, {id: price, label: {en: Too dear}}]
    ask: {en: {any: "Why?"}}
  - id: liked
    kind: multichoice
    options: [{id: ride, label: {en: Ride}}, {id: look, label: {en: Look}}]
    ask: {en: {any: "What did you like?"}}
  - {id: ideas, kind: text, optional: true, ask: {en: {any: "Ideas?"}}}
messages: {good: callback.closed, neutral: callback.closed, low: callback.closed, partial: callback.closed}
`
	d, err := survey.Parse("kinds.yaml", []byte(def))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][][]string{}
	for _, q := range d.Questions {
		c, err := r.Question(d, q.ID, "en", channels.Telegram, full(t, "en"))
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range c.Buttons {
			var out []string
			for _, b := range row {
				out = append(out, b.Label+"="+strings.TrimPrefix(b.Data, "k7f3q9:"))
			}
			got[q.ID] = append(got[q.ID], out)
		}
	}
	want := map[string][][]string{
		"nps":   {{"0 😞=nps:0", "1=nps:1", "2=nps:2", "3=nps:3", "4=nps:4", "5=nps:5"}, {"6=nps:6", "7=nps:7", "8=nps:8", "9=nps:9", "10 😊=nps:10"}},
		"why":   {{"Too slow=why:slow"}, {"Too dear=why:price"}},
		"liked": {{"Ride=liked:ride"}, {"Look=liked:look"}, {"Done=liked:done"}},
		"ideas": {{"Skip=ideas:skip"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	c, err := r.Question(d, "why", "en", channels.SMS, full(t, "en"))
	if err != nil || c.Text != "Why? 1 - Too slow, 2 - Too dear" {
		t.Errorf("%q, %v", c.Text, err)
	}
}

// BenchmarkRender is one survey's first message, and the page of its email, which
// the sending worker makes.
func BenchmarkRender(b *testing.B) {
	r := renderer(b)
	def, _ := r.Definition("after-service")
	for _, ch := range sent {
		d := full(b, "ru")
		b.Run(string(ch), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Invite(def, "ru", ch, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	c, err := r.Invite(def, "ru", channels.Email, full(b, "ru"))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("page", func(b *testing.B) {
		b.ReportAllocs()
		var room []byte
		for b.Loop() {
			if room, err = r.AppendHTML(room[:0], c.Subject, c.Text, c.Letter); err != nil {
				b.Fatal(err)
			}
		}
	})
}
