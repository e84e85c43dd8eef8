package email

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"otklik/channels"
)

// described is a mail in the form of the .want files.
func described(m Mail) string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	line("kind", string(m.Kind))
	line("token", m.Token)
	line("original", m.Original)
	line("envelope", m.Envelope)
	line("complainant", m.Complainant)
	line("attachments", strings.Join(channels.Names(m.Attachments), ", "))
	for _, r := range m.Bounced {
		status := r.Status
		if status == "" {
			status = "-"
		}
		line("bounced", fmt.Sprintf("%s %s %s", r.Address, status, r.Class))
	}
	if m.Kind == Reply {
		b.WriteString("\n" + m.Text + "\n")
	}
	return b.String()
}

// TestMailsOfUsualClients reads mails made in the form of each client and server
// that our customers use.
func TestMailsOfUsualClients(t *testing.T) {
	files, err := filepath.Glob("testdata/inbound/*.eml")
	if err != nil || len(files) < 150 {
		t.Fatalf("%d mails, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".eml"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(strings.TrimSuffix(file, ".eml") + ".want")
			if err != nil {
				t.Fatal(err)
			}
			for name, form := range map[string][]byte{"LF": raw, "CRLF": bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))} {
				if diff := cmp.Diff(string(want), described(Parse(form))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

func TestUnquote(t *testing.T) {
	for name, row := range map[string]struct{ in, want string }{
		"digit before attribution":   {"5\nпн, 16 нояб. 2026 г. в 12:31, Автосервис <s@d.example>:\n> x", "5"},
		"list before attribution":    {"1. долго\n2. дорого\n\n16.11.2026, 12:31, Автосервис (s@d.example):\n\nтекст", "1. долго\n2. дорого"},
		"three lines":                {"ok\n\nOn Nov 16, 2026,\nat 10:18,\nMaple <s@d.example> wrote:\n\n> x", "ok"},
		"no date":                    {"ok\n\nАвтосервис пишет:\n> x", "ok"},
		"a colon is no attribution":  {"Вот что было:\nмасло течёт", "Вот что было:\nмасло течёт"},
		"time and colon":             {"Записан на 12:30 16.11.2026, но приняли позже:\nждал час", "Записан на 12:30 16.11.2026, но приняли позже:\nждал час"},
		"own address":                {"Пишите на anna@client.example:\nтам отвечу", "Пишите на anna@client.example:\nтам отвечу"},
		"mentions a letter":          {"Мне мастер написал: приезжайте\nя приехал", "Мне мастер написал: приезжайте\nя приехал"},
		"from whom":                  {"От: всей души спасибо", "От: всей души спасибо"},
		"two fields without sender":  {"Дата: 16.11\nТема: ремонт", "Дата: 16.11\nТема: ремонт"},
		"The Bat! quotes initials":   {"Вы писали 4 марта 2025 г., 10:15:05:\n\nАП> Оцените от 1 до 5.\nАП>\n\nДвойка.", "Двойка."},
		"a sign is no quote":         {"Цена> обещанной\n5", "Цена> обещанной\n5"},
		"NetEase names itself":       {"5分\n\n签名由 网易邮箱大师 定制", "5分"},
		"answer below the quote":     {"> Оцените\n\n5", "5"},
		"only a quote":               {"> Оцените", ""},
		"only a footer":              {"Отправлено с iPhone", ""},
		"postscript":                 {"4\n\nС уважением, Анна\nP.S. коврик забыли", "4\n\nС уважением, Анна\nP.S. коврик забыли"},
		"respect in a sentence":      {"5\nС уважением отнеслись к моей просьбе", "5\nС уважением отнеслись к моей просьбе"},
		"farewell with a name":       {"5\n\nС уважением, Анна Сергеевна", "5"},
		"best is an answer":          {"Best", "Best"},
		"signature without blank":    {"4\n--\nАнна\n+7 916 000-00-00", "4"},
		"rule with contacts":         {"4\n\n_____________\nПётр Сидоров\npetr@client.example", "4"},
		"rule inside the text":       {"первое\n-----\nвторое", "первое\n-----\nвторое"},
		"disclaimer":                 {"4\n\nДанное сообщение является конфиденциальным и предназначено адресату", "4"},
		"bold Outlook fields":        {"4\n\n*From:* Maple <s@d.example>\n*Sent:* Monday\n*To:* me\n\ntext", "4"},
		"forwarded":                  {"см. ниже\n\n-------- Пересылаемое сообщение --------\nОт кого: x", "см. ниже"},
		"sent by post":               {"Отправлено с опозданием, но вот моя оценка: 4, спасибо за терпение", "Отправлено с опозданием, но вот моя оценка: 4, спасибо за терпение"},
		"invisible characters":       {"\ufeff5\u00a0баллов\u200b\r\n\r\n> x", "5 баллов"},
		"many blank lines":           {"a\n\n\n\n\nb", "a\n\nb"},
		"Spanish":                    {"5\n\nEl lun, 16 nov 2026 a las 12:31, Taller <s@d.example> escribió:\n> x", "5"},
		"Outlook Chinese":            {"5分\n\n发件人: 枫叶 <s@d.example>\n发送时间: 2026年11月16日\n收件人: 我\n主题: x\n\n正文", "5分"},
		"name in quotes wraps":       {"5\n\n\"Автосервис «Клён»\" <s@d.example>\nпонедельник, 16 ноября 2026, 12:31 написал:\n> x", "5"},
		"a German name":              {"2\n\nGruß\nUwe", "2"},
		"French evening":             {"4\n\nBonne soirée,\nÉlodie", "4"},
		"Ukrainian":                  {"4\n\nЗ повагою, Олена", "4"},
		"set in below an answer":     {"5 from me\n\n     Dear Mr. Abbott,\n\n     How was it?\n     Kind regards", "5 from me"},
		"a list is set in":           {"Плохо:\n\n    1. шумно\n    2. долго\n    3. дорого", "Плохо:\n\n    1. шумно\n    2. долго\n    3. дорого"},
		"two lines are set in":       {"Плохо:\n\n    шумно\n    долго", "Плохо:\n\n    шумно\n    долго"},
		"Yandex with address in ( )": {"5\n\n16:20, 16 ноября 2026 г., Автосервис <s@d.example>:\n\nтекст", "5"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Unquote(row.in); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// TestNamed: a signature that begins with the name in the mail's From goes, what only
// looks so stays.
func TestNamed(t *testing.T) {
	for name, row := range map[string]struct{ writer, in, want string }{
		"trade and firm":         {"Анна Котова", "4, долго\n\nАнна Котова\nОтдел закупок\nООО «Луч»", "4, долго"},
		"other order, capitals":  {"Котова, Анна", "4\n\nАННА КОТОВА\n+7 916 000-00-00", "4"},
		"given name":             {"Anna Kotova", "4\n\nAnna", "4"},
		"Chinese":                {"陈志远", "4分\n\n陈志远\n采购部 | 明川贸易", "4分"},
		"below a drawn line":     {"Daniel Fenn", "3\n---\nDaniel Fenn\nFenn Joinery", "3"},
		"somebody else":          {"Анна Котова", "Хвалю!\n\nОлег Ким", "Хвалю!\n\nОлег Ким"},
		"part of a sentence":     {"Анна", "4\n\nАнна довольна", "4\n\nАнна довольна"},
		"text below":             {"Анна", "Кто был:\n\nАнна\nОна долго ждала мастера у стойки.", "Кто был:\n\nАнна\nОна долго ждала мастера у стойки."},
		"nothing but the name":   {"Анна", "Анна", "Анна"},
		"no blank line above it": {"Анна", "обслуживала\nАнна", "обслуживала\nАнна"},
		"writer without a name":  {"", "4\n\nАнна", "4\n\nАнна"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := unquote(row.in, row.writer); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// TestInSubject: what stands before the answered mail's subject is an answer, and the
// subject of the answered mail is none.
func TestInSubject(t *testing.T) {
	for subject, want := range map[string][2]string{ // with a quote below, without one
		"3分 - Re:请打分":              {"3分", "3分"},
		"5! Re: Как прошёл визит?": {"5!", "5!"},
		"Re: Как прошёл визит?":    {"", ""},
		"Как прошёл визит?":        {"", "Как прошёл визит?"},
		"Square: 4":                {"", "Square: 4"},
	} {
		if got := [2]string{inSubject(subject, false), inSubject(subject, true)}; got != want {
			t.Errorf("%q: got %q, want %q", subject, got, want)
		}
	}
}

// TestPeopleAndMachines: what a person writes about being away is not an
// automatic reply, whatever words it shares with one.
func TestPeopleAndMachines(t *testing.T) {
	mail := func(headers, subject, text string) []byte {
		return []byte("From: Anna <anna@client.example>\nTo: service@dealer.example\n" + headers + "Subject: " + subject +
			"\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + text + "\n")
	}
	for name, row := range map[string]struct {
		raw  []byte
		want MailKind
	}{
		"on vacation":            {mail("", "Re: visit", "I'm on vacation until Monday, will rate it then"), Reply},
		"буду отсутствовать":     {mail("", "Re: visit", "Буду отсутствовать до пятницы, потом заеду"), Reply},
		"出差":                     {mail("", "Re: visit", "我出差了，回来再说"), Reply},
		"delivery firm":          {bytes.Replace(mail("", "Re: visit", "5"), []byte("Anna"), []byte("Доставка цветов"), 1), Reply},
		"ticket system person":   {mail("X-Auto-Response-Suppress: DR, OOF\n", "Re: visit", "4"), Reply},
		"Auto-Submitted: no":     {mail("Auto-Submitted: no\n", "Re: visit", "4"), Reply},
		"not delivered, he says": {mail("", "Re: visit", "Запчасть не доставлена, 2"), Reply},
		"out of office":          {mail("", "Re: visit", "I am out of the office until Monday. For urgent matters please contact Bob."), AutoReply},
		"отсутствую":             {mail("", "Re: visit", "Буду отсутствовать до 20.11. По срочным вопросам обращайтесь к Ивану."), AutoReply},
		"休假":                     {mail("", "Re: visit", "您好，我正在休假，如有急事请联系李先生。"), AutoReply},
		"Precedence":             {mail("Precedence: auto_reply\n", "Re: visit", "x"), AutoReply},
		"X-Autoreply":            {mail("X-Autoreply: yes\n", "Re: visit", "x"), AutoReply},
		"bulk":                   {mail("Precedence: bulk\n", "News", "x"), AutoReply},
		"mailing list":           {mail("List-Id: <news.client.example>\n", "Re: visit", "x"), AutoReply},
		"null sender":            {mail("Return-Path: <>\n", "visit", "x"), AutoReply},
		"read receipt":           {mail("", "Прочитано: Как прошёл визит?", "x"), AutoReply},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Parse(row.raw); got.Kind != row.want {
				t.Errorf("read as %s: %q", got.Kind, got.Text)
			}
		})
	}
}

// TestUnquoteKeepsPlainText: what carries no mark of a mail program stays as it
// is, and reading twice changes nothing.
func TestUnquoteKeepsPlainText(t *testing.T) {
	words := rapid.SampledFrom([]string{"5", "всё", "хорошо,", "спасибо", "Олегу!", "стук", "остался", "等待", "great", "4.", "12:30", "(да)"})
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		for range rapid.IntRange(1, 6).Draw(t, "lines") {
			lines = append(lines, strings.Join(rapid.SliceOfN(words, 1, 6).Draw(t, "words"), " "))
		}
		text := strings.Join(lines, "\n")
		if got := Unquote(text); got != text {
			t.Fatalf("%q becomes %q", text, got)
		}
		quote := text + "\n\nOn Mon, Nov 16, 2026 at 12:31 PM Maple <s@d.example> wrote:\n\n> a\n> b\n"
		if got := Unquote(quote); got != text {
			t.Fatalf("%q becomes %q", quote, got)
		}
	})
}

func TestMailThatBreaksTheReader(t *testing.T) {
	if m := readable(nil, func([]byte) (Mail, error) { panic("index out of range") }); m.Kind != Unreadable {
		t.Errorf("it is %q", m.Kind)
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/inbound/*.eml")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parse(raw) // Parse would hide a panic
		if err != nil {
			return
		}
		switch m.Kind {
		case Reply, AutoReply, BounceMail, Complaint, Unreadable:
		default:
			t.Fatalf("kind %q", m.Kind)
		}
		if m.Kind != BounceMail && len(m.Bounced) > 0 {
			t.Fatalf("%s with bounced %v", m.Kind, m.Bounced)
		}
		if again := Unquote(m.Text); m.Kind == Reply && len(again) > len(m.Text) {
			t.Fatalf("reading %q again gives %q", m.Text, again)
		}
	})
}

func TestParseFiles(t *testing.T) {
	dir := t.TempDir()
	junk := filepath.Join(dir, "junk.eml")
	if err := os.WriteFile(junk, []byte("\x00\x01\x02"), 0o600); err != nil {
		t.Fatal(err)
	}
	four := 4
	read := func(text string) (*int, string) {
		if strings.HasPrefix(text, "4") {
			return &four, "answer"
		}
		return nil, "unclear"
	}
	paths := []string{"testdata/inbound/gmail-ru.eml", "testdata/inbound/bounce-qmail.eml", junk, filepath.Join(dir, "absent.eml"), "testdata/inbound/bounce-exim-full.eml", "testdata/inbound/auto-rfc3834.eml", "testdata/inbound/complaint-arf.eml", "testdata/inbound/koi8-plain.eml"}
	var out bytes.Buffer
	bad, err := ParseFiles(paths, &out, read)
	if err != nil || len(bad) != 2 || bad[0].Error() != junk+": this is no mail" || !errors.Is(bad[1], fs.ErrNotExist) || !strings.Contains(bad[1].Error(), paths[3]) {
		t.Fatalf("bad %v, %v", bad, err)
	}
	want := []string{
		`{"file":"testdata/inbound/gmail-ru.eml","kind":"reply","text":"4, всё хорошо, но долго искали машину","rating":4,"intent":"answer","bounced":[]}`,
		`{"file":"testdata/inbound/bounce-qmail.eml","kind":"bounce","text":null,"rating":null,"intent":null,"bounced":[{"address":"boris@client.example","status":"5.1.1","class":"permanent"}]}`,
		`{"file":` + quote(junk) + `,"kind":"error","text":null,"rating":null,"intent":null,"bounced":[]}`,
		`{"file":` + quote(paths[3]) + `,"kind":"error","text":null,"rating":null,"intent":null,"bounced":[]}`,
		`{"file":"testdata/inbound/bounce-exim-full.eml","kind":"bounce","text":null,"rating":null,"intent":null,"bounced":[{"address":"boris@client.example","status":null,"class":"temporary"}]}`,
		`{"file":"testdata/inbound/auto-rfc3834.eml","kind":"autoreply","text":null,"rating":null,"intent":null,"bounced":[]}`,
		`{"file":"testdata/inbound/complaint-arf.eml","kind":"complaint","text":null,"rating":null,"intent":null,"bounced":[]}`,
		`{"file":"testdata/inbound/koi8-plain.eml","kind":"reply","text":"Спасибо, всё понравилось. Пять!","rating":null,"intent":"unclear","bounced":[]}`,
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(out.String()), "\n")); diff != "" {
		t.Error(diff)
	}
	if _, err := ParseFiles(paths[:1], failing{}, read); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a failing writer gives %v", err)
	}
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
