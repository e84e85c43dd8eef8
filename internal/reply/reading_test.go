package reply

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

func parser(t *testing.T) *Parser {
	t.Helper()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRatingWithComment(t *testing.T) {
	p := parser(t)
	for _, c := range []struct {
		text, comment string
		rating        int
	}{
		{"2. ждал 3 часа, и стук остался", "ждал 3 часа, и стук остался", 2},
		{"4 старт-стоп теперь не работает", "старт-стоп теперь не работает", 4},
		{"5", "", 5},
		{"Мастер вежливый, оценка 4, но долго", "Мастер вежливый, но долго", 4},
		{"\u200e5\u200f", "", 5},
	} {
		r := p.Read(Input{Text: c.text, Locale: "ru", Question: &Question{Kind: KindRating, Min: 1, Max: 5}})
		if r.Intent != IntentAnswer || r.Rating == nil || *r.Rating != c.rating || r.Comment != c.comment {
			t.Errorf("%q: %s %s %q, want %d %q", c.text, r.Intent, num(r.Rating), r.Comment, c.rating, c.comment)
		}
	}
}

// TestWhichNumber: which of several numbers is the score, and what a bound makes of one.
func TestWhichNumber(t *testing.T) {
	p := parser(t)
	for _, c := range []struct {
		rule, text, locale string
		rating             int // 0: none that can be read
	}{
		{"others get another score", "всем ставлю 5, а вам 3", "ru", 3},
		{"others named behind us", "вам 3, хотя всем остальным 5", "ru", 3},
		{"without a comma", "herkese 5 veririm size 3", "tr", 3},
		{"others and nobody else", "всем 5!", "ru", 5},
		{"others take hours, and so do we", "обычно жду 2 часа, у вас 1", "ru", 0},
		{"others take hours, we get a score", "в других сервисах жду 2 часа, вам ставлю 5", "ru", 5},
		{"another time with us is another time", "раньше у вас было 5, теперь 3", "ru", 3},
		{"two aspects are no contrast", "ребятам из цеха 5, вам за организацию 2", "ru", 0},
		{"a date beside a contrast is none", "平时5分，今天3分", "zh", 3},
		{"the most", "не могу поставить выше тройки", "ru", 3},
		{"the most, refused behind the number", "mehr als eine 3 ist nicht drin", "de", 3},
		{"the least that is the top", "nothing less than a five would be fair", "en", 5},
		{"a bound behind the number", "3'ten fazla veremem", "tr", 3},
		{"a bound of hours", "больше 3 часов ждать не буду", "ru", 0},
		{"a bound out of scale", "больше 7 не поставлю", "ru", 0},
		{"an oblique case that nothing governs", "одни тройки и двойки ставят вам люди", "ru", 0},
		{"stated behind a story", "обещали за 2 часа, делали 5. Ставлю 4", "ru", 4},
		{"stated for one aspect", "Мастеру 5. За ожидание ставлю 2", "ru", 0},
		{"a German mark with praise", "Note 1, sehr gut!", "de", 0},
		{"a German mark without", "Note 1!", "de", 1},
	} {
		r := p.Read(Input{Text: c.text, Locale: c.locale, Question: &Question{Kind: KindRating, Min: 1, Max: 5}})
		want := "-"
		if c.rating > 0 {
			want = num(&c.rating)
		}
		if num(r.Rating) != want {
			t.Errorf("%s: %q is %s, want %s", c.rule, c.text, num(r.Rating), want)
		}
	}
}

// TestNoOptOut: what an opt-out's words can mean besides one.
func TestNoOptOut(t *testing.T) {
	p := parser(t)
	for _, c := range []struct {
		text string
		want Intent
	}{
		{"Пока не пишите, я в отпуске", IntentLater}, {"don't text me right now", IntentLater}, {"先别发短信，开车呢", IntentLater},
		{"не пишите мне сейчас и никогда", IntentOptOut}, {"Больше не пишите, я в отпуске", IntentOptOut}, {"don't text me again, I'm busy", IntentOptOut}, {"以后别发了，我很忙", IntentOptOut},
		{"если я напишу СТОП, гарантия пропадёт?", IntentHelp}, {"does texting STOP cost anything?", IntentHelp},
		{"как отписаться?", IntentOptOut}, {"can you stop texting me?", IntentOptOut},
		{"Не присылайте больше Серёгу", IntentUnclear}, {"НЕ ПРИСЫЛАЙТЕ БОЛЬШЕ ЕРУНДУ", IntentOptOut}, {"Don't send Dave out to me again", IntentUnclear},
		{"удалите мой старый номер", IntentUnclear}, {"удалите мой старый номер из рассылки", IntentOptOut},
		{"我要退订年度洗车套餐", IntentUnclear}, {"我要退订", IntentOptOut},
	} {
		if r := p.Read(Input{Text: c.text}); r.Intent != c.want {
			t.Errorf("%q is %s, want %s", c.text, r.Intent, c.want)
		}
	}
}

func TestOptOutDetails(t *testing.T) {
	p := parser(t)
	for _, c := range []struct {
		text, purpose string
		bare          bool
	}{
		{"STOP", "", true}, {"CТОП", "", true}, {"退订", "", true}, {"стоп пожалуйста", "", true},
		{"не присылайте мне рекламу", PurposeAd, false}, {"no more surveys please", PurposeSurvey, false},
		{"не нужны ваши поздравления", PurposeGreeting, false}, {"不要再发广告", PurposeAd, false},
		{"не пишите мне больше", "", false}, {"не шлите мне рекламу и опросы", "", false},
	} {
		for _, q := range []*Question{nil, {Kind: KindRating}, {Kind: KindText}, {Kind: KindYesNo}} {
			r := p.Read(Input{Text: c.text, Question: q})
			if r.Intent != IntentOptOut || r.Purpose != c.purpose || r.Bare != c.bare {
				t.Errorf("%q: %s purpose %q bare %v, want purpose %q bare %v", c.text, r.Intent, r.Purpose, r.Bare, c.purpose, c.bare)
			}
		}
	}
	for _, text := range []string{"стоп-сигнал не горит", "старт-стоп не работает", "the car won't stop", "停车不方便", "退订金太慢"} {
		if r := p.Read(Input{Text: text}); r.Has(IntentOptOut) {
			t.Errorf("%q is no opt-out", text)
		}
	}
}

func TestFlagsTopicsPraise(t *testing.T) {
	p := parser(t)
	staff := []string{"Олег Ким", "Ирина", "王伟", "Mike Brown"}
	for _, c := range []struct {
		text  string
		flag  string
		name  string
		topic string
	}{
		{"1 подам в суд", FlagLegal, "", ""},
		{"1, 我要打12315", FlagLegal, "", ""},
		{"стоп-сигнал не горит", FlagSafety, "", "safety"},
		{"brakes failed on the way home. 1", FlagSafety, "", "safety"},
		{"刹车失灵", FlagSafety, "", "safety"},
		{"машину продал", FlagSoldCar, "", ""},
		{"车卖了", FlagSoldCar, "", ""},
		{"ой, 5, не 1", FlagCorrection, "", ""},
		{"5 спасибо Олегу", FlagPraise, "Олег Ким", ""},
		{"5, Ирине отдельное спасибо", FlagPraise, "Ирина", ""},
		{"谢谢小王", FlagPraise, "王伟", ""},
		{"5 thanks to Mike", FlagPraise, "Mike Brown", ""},
		{"2 стук остался", FlagNotFixed, "", "work_quality"},
		{"3 дорого", "", "", "price"},
	} {
		r := p.Read(Input{Text: c.text, Question: &Question{Kind: KindRating, Min: 1, Max: 5}, Employees: staff})
		if c.flag != "" && !r.Flagged(c.flag) {
			t.Errorf("%q: flags %v, want %s", c.text, r.Flags, c.flag)
		}
		if c.name != "" && !slices.Equal(r.Praise, []string{c.name}) {
			t.Errorf("%q: praise %v, want %s", c.text, r.Praise, c.name)
		}
		if c.topic != "" && !slices.Contains(r.Topics, c.topic) {
			t.Errorf("%q: topics %v, want %s", c.text, r.Topics, c.topic)
		}
	}
	if r := p.Read(Input{Text: "1 Олег нахамил", Question: &Question{Kind: KindRating}, Employees: staff}); len(r.Praise) > 0 || r.Flagged(FlagPraise) {
		t.Errorf("a complaint is no praise: %v %v", r.Praise, r.Flags)
	}
}

func TestWhen(t *testing.T) {
	p := parser(t)
	zone := time.FixedZone("MSK", 3*3600)
	now := time.Date(2026, 3, 12, 10, 20, 0, 0, zone) // a Thursday
	for _, c := range []struct{ text, from, to string }{
		{"перезвоните после шести", "12 18:00", "12 21:00"},
		{"перезвоните завтра утром", "13 09:00", "13 12:00"},
		{"перезвоните мне после 18", "12 18:00", "12 21:00"},
		{"перезвоните завтра в 18:30", "13 18:30", "13 19:30"},
		{"позвоните мне в понедельник", "16 09:00", "16 21:00"},
		{"позвоните мне с 14 до 16", "12 14:00", "12 16:00"},
		{"перезвоните через 2 часа", "12 12:20", "12 13:20"},
		{"call me tomorrow 18:30", "13 18:30", "13 19:30"},
		{"please call me after six", "12 18:00", "12 21:00"},
		{"call me between 2 and 4 pm", "12 14:00", "12 16:00"},
		{"请明天下午给我回电话", "13 13:00", "13 18:00"},
		{"позвоните в пол седьмого", "12 18:30", "12 19:30"},
		{"перезвоните в выходные", "14 09:00", "15 21:00"},
		{"позвоните на следующей неделе", "16 09:00", "20 21:00"},
		{"перезвоните 30 марта в 10", "30 10:00", "30 11:00"},
		{"call me at half past five", "12 17:30", "12 18:30"},
		{"ring me at quarter to six", "12 17:45", "12 18:45"},
		{"call me tomorrow at 6:30pm", "13 18:30", "13 19:30"},
		{"三点半打给我电话", "12 15:30", "12 16:30"},
		{"下周二打电话给我", "17 09:00", "17 21:00"},
		{"call me please at 9 am", "13 09:00", "13 10:00"}, // nine has passed: tomorrow
	} {
		r := p.Read(Input{Text: c.text, Now: now, Zone: zone})
		if !r.Has(IntentCallback) {
			t.Errorf("%q: %s, want a callback", c.text, r.Intent)
		}
		if r.When == nil {
			t.Errorf("%q: no time", c.text)
			continue
		}
		if f, to := r.When.From.Format("2 15:04"), r.When.To.Format("2 15:04"); f != c.from || to != c.to {
			t.Errorf("%q: %s – %s, want %s – %s", c.text, f, to, c.from, c.to)
		}
	}
	scale := &Question{Kind: KindRating}
	for _, c := range []struct {
		text string
		want string
	}{
		{"2, после шести", "18:00"},
		{"2\nзавтра с 10 до 12", "10:00"},
		{"1 tomorrow after 3", "15:00"},
		{"2分，明天下午", "13:00"},
		{"после шести\nнет, после семи", "19:00"},
		{"2", ""},
		{"2, ждал до шести", ""},
		{"2 забрал после шести", ""},
		{"2, 3 часа", ""},
	} {
		r := p.Read(Input{Text: c.text, Question: scale, Now: now, Zone: zone})
		got := ""
		if r.When != nil {
			got = r.When.From.Format("15:04")
		}
		if got != c.want || r.OnlyTime != (c.want != "") {
			t.Errorf("%q names %q, only a time: %v; want %q", c.text, got, r.OnlyTime, c.want)
		}
	}
	if r := p.Read(Input{Text: "перезвоните завтра"}); r.When != nil {
		t.Error("a time without a moment to count from")
	}
}

func TestMultiChoice(t *testing.T) {
	q := &Question{Kind: KindMultiChoice, Options: []Option{{"a", []string{"Цена"}}, {"b", []string{"Качество"}}, {"c", []string{"Сроки"}}}}
	for text, want := range map[string][]string{"1 и 3": {"a", "c"}, "цена, сроки": {"a", "c"}, "2": {"b"}, "1, 2, 3": {"a", "b", "c"}, "качеством": {"b"}} {
		if r := parser(t).Read(Input{Text: text, Locale: "ru", Question: q}); !slices.Equal(r.Choices, want) {
			t.Errorf("%q: %v, want %v", text, r.Choices, want)
		}
	}
}

func TestStream(t *testing.T) {
	in := "\ufeff" + `{"id":"a","locale":"ru","question":{"kind":"rating","min":1,"max":5},"text":"4, долго"}` + "\n\n" + `{"id":` + "\n" +
		`{"text":"5"}` + "\n" + `{"id":"b","question":{"kind":"yesno"},"text":"да, перезвоните завтра в 12:00","now":"2026-03-12T10:00:00Z","zone":"Europe/Moscow"}` + "\n" +
		`{"id":"c","text":"5","zone":"Nowhere/Land"}` + "\n" + `{"id":"d","text":"стоп"}`
	var out strings.Builder
	bad, err := parser(t).Stream(strings.NewReader(in), &out)
	if err != nil || bad != 3 {
		t.Fatalf("bad %d, err %v", bad, err)
	}
	var got []map[string]any
	for _, l := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		m := map[string]any{}
		if err := json.Unmarshal([]byte(l), &m); err != nil {
			t.Fatal(err)
		}
		got = append(got, m)
	}
	if len(got) != 6 {
		t.Fatalf("%d lines: %v", len(got), got)
	}
	if got[0]["id"] != "a" || got[0]["rating"] != 4.0 || got[0]["comment"] != "долго" {
		t.Errorf("first line %v", got[0])
	}
	for _, i := range []int{1, 2, 4} {
		if id, there := got[i]["id"]; !there || id != nil || got[i]["error"] == "" {
			t.Errorf("line %d: %v", i, got[i])
		}
	}
	when, _ := got[3]["when"].(map[string]any)
	if got[3]["answer"] != "yes" || when["from"] != "2026-03-13T12:00:00+03:00" {
		t.Errorf("callback line %v", got[3])
	}
	if got[5]["intent"] != "optout" {
		t.Errorf("last line %v", got[5])
	}
}

func TestConcurrentReads(t *testing.T) {
	p := parser(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, s := range loadCorpus(t, "testdata/corpus.jsonl")[:100] {
				p.Read(s.input())
			}
		})
	}
	wg.Wait()
}

func TestLexiconErrors(t *testing.T) {
	for name, body := range map[string]string{
		"unknown section": "nonsense: да", "no map": "- да", "unknown guard": "guard:\n  nonsense: да", "list": "yes: [да]", "empty phrase": "yes: '*'", "not yaml": "yes: 'да", "comment": "unit: да #, нет",
	} {
		if _, err := loadLexicon(fstest.MapFS{"lexicon/xx.yaml": {Data: []byte(body)}}); err == nil || !strings.Contains(err.Error(), "lexicon/xx.yaml") {
			t.Errorf("%s: %v, want an error with the file", name, err)
		}
	}
}

func TestLanguage(t *testing.T) {
	p := parser(t)
	for text, want := range map[string]string{"спасибо": "ru", "дякую": "uk", "рақмет": "kk", "谢谢师傅": "zh", "thanks": "en", "vielen dank": "de", "merci beaucoup": "fr", "teşekkürler": "tr", "5": ""} {
		if r := p.Read(Input{Text: text}); r.Locale != want {
			t.Errorf("%q: %q, want %q", text, r.Locale, want)
		}
	}
}

// TestSpeech has sayings that look like an answer and are none, and answers that do not look like one.
func TestSpeech(t *testing.T) {
	p := parser(t)
	rating, nps := Question{Kind: KindRating}, Question{Kind: KindNPS}
	first := Question{Kind: KindYesNo, Prompt: "Устранена ли неисправность с первого раза? 1 - да, 2 - нет"}
	for _, c := range []struct {
		q      Question
		locale string
		text   string
		want   string // intent, rating or answer
	}{
		{rating, "ru", "размечтались, 5 им подавай", "unclear"}, {rating, "en", "as if, 5 stars", "unclear"}, {rating, "en", "5? yeah right", "unclear"},
		{rating, "ru", "моя шестёрка опять не заводится", "unclear"}, {rating, "ru", "моя оценка пятёрка", "5"},
		{rating, "zh", "一分耕耘一分收获，好评", "unclear"}, {rating, "zh", "差点就给5分", "unclear"}, {rating, "zh", "满分5分，我给3分", "3"},
		{rating, "ru", "кол-во царапин 3", "unclear"}, {rating, "en", "thx 4 the help", "unclear"}, {rating, "en", "Thanks 5", "5"},
		{nps, "en", "eight point four", "unclear"}, {nps, "zh", "8点5", "unclear"}, {rating, "zh", "下午6点30取的车，5分", "5"},
		{rating, "ru", "пять, нет, четыре", "4"}, {rating, "en", "4. No, 3.", "3"}, {rating, "de", "5, nein, 4", "4"}, {rating, "zh", "3，不，4", "4"},
		{rating, "ru", "5, нет вопросов", "5"}, {rating, "ru", "3, нет запчастей, 2 недели ждал", "3"},
		{nps, "en", "9 because a 10 has to be earned", "9"}, {nps, "zh", "给9分，因为10分太完美", "9"}, {nps, "ru", "поставлю 8 так как 10 не ставлю никому", "8"},
		{rating, "ru", "с.т.о.п", "optout"}, {rating, "en", "S T O P", "optout"}, {rating, "ru", "как доеду отпишусь", "later"}, {rating, "ru", "отпишусь от вашей рассылки", "optout"},
		{rating, "ru", "в восемь удобно, наберите", "callback"}, {rating, "en", "have the workshop manager ring me", "callback"}, {rating, "en", "you call me every day", "unclear"},
		{rating, "ru", "Потом. На работе", "later"}, {rating, "ru", "потом, когда приехал, опять сломалось", "unclear"}, {rating, "en", "not now, hands full", "later"},
		{rating, "ru", "хозяин сервиса теперь другой, стало хуже", "unclear"}, {rating, "ru", "у машины новый хозяин", "wrong_person"},
		{first, "ru", "со второго раза", "no"}, {first, "ru", "2. верните деньги полностью", "no"}, {first, "ru", "1, спасибо", "yes"},
	} {
		r := p.Read(Input{Text: c.text, Locale: c.locale, Question: &c.q})
		got := string(r.Intent)
		if r.Rating != nil {
			got = num(r.Rating)
		} else if r.Answer != "" {
			got = r.Answer
		}
		if got != c.want {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
	}
}

// TestRegards tells thanks and good wishes, which nobody has to answer, from what a person
// has to see.
func TestRegards(t *testing.T) {
	p := parser(t)
	for text, want := range map[string]bool{
		"Спасибо!": true, "Спасибо, приятно! И вас с юбилеем": true, "Спасибо большое, и вас с Новым годом!": true, "спасибо за поздравление!!!": true, "Взаимно)))": true,
		"🙏": true, "👍": true, "Спасибо ❤️": true, "и вам всего доброго": true, "Благодарю, здоровья вам": true, "Огромное спасибо, очень приятно 😊": true,
		"Thank you so much!": true, "Thanks, same to you!": true, "Happy New Year to you too 🎉": true, "thanks for the wishes": true, "cheers": true,
		"谢谢！": true, "谢谢你们的祝福，也祝你们新年快乐！": true, "谢谢，同乐": true,
		"Danke, gleichfalls!": true, "Merci, à vous aussi": true, "Дякую, навзаєм": true, "Рахмет, сізге де": true, "Teşekkürler, size de": true,
		"Спасибо, а когда у вас скидки?": false, "Спасибо, но стук остался": false, "спасибо за потерянный день": false, "Спасибо?": false, "Спасибо 😡": false, "Спасибо, не надо": false,
		"Здравствуйте": false, "оператор": false, "5": false, "Спасибо, 2": false, "с праздником, когда машину отдадите": false, "Спасибо, перезвоните": false, "стоп": false, "приятно, но дорого": false,
		"thanks for nothing": false, "no thanks": false, "thanks, can I book a service": false, "you too are useless": false, "谢谢，什么时候能取车": false, "不用谢谢": false, "йцукен": false, "": false,
	} {
		if got := p.Read(Input{Text: text, Locale: "ru", Channel: "sms"}); got.Regards != want {
			t.Errorf("%q: only thanks or wishes: %t, want %t (%s)", text, got.Regards, want, got.Intent)
		}
	}
}
