package render_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/internal/render"
	"otklik/internal/survey"
	"otklik/templates"
)

var update = flag.Bool("update", false, "write the golden files anew")

var locales = []string{"ru", "en", "zh"}

var sent = []channels.Kind{channels.SMS, channels.Telegram, channels.Email}

func renderer(t testing.TB) *render.Renderer {
	t.Helper()
	r, err := render.New(templates.FS)
	if err != nil {
		t.Fatalf("the shipped texts: %v", err)
	}
	return r
}

func moscow(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// full is a person about whom everything is known; bare one about whom only the
// necessary is, at the first contact.
func full(t testing.TB, locale string) render.Data {
	zone := moscow(t)
	d := render.Data{
		Dealer:         render.Dealer{Name: "Автоцентр Юг", Phone: "+7 495 000-00-00", Address: "Москва, Южная ул., 1", Locale: "ru"},
		Person:         render.Person{Given: "Иван", Patronymic: "Петрович", Family: "Иванов", Full: "Иванов Иван Петрович", Gender: "male"},
		Employee:       "Мария Орлова",
		FormURL:        "https://otklik.example/s/k7f3q9",
		UnsubscribeURL: "https://otklik.example/u/k7f3q9",
		Token:          "k7f3q9",
		Zone:           zone,
		Now:            time.Date(2026, 3, 13, 11, 4, 0, 0, zone),
	}
	d.Vehicle.Model, d.Vehicle.Years = "Vesta", 3
	d.Appointment.At, d.Appointment.Request = time.Date(2026, 3, 14, 10, 0, 0, 0, zone), "замена колодок"
	d.Promised, d.LastContact, d.Consultant = time.Date(2026, 3, 14, 18, 30, 0, 0, zone), time.Date(2026, 3, 4, 12, 0, 0, 0, zone), "Олег Белов"
	d.Holiday = map[string]string{"ru": "Праздник середины осени", "en": "Mid-Autumn Festival", "zh": "中秋节"}
	d.News = "В субботу с 11:00 - день открытых дверей и новая Vesta."
	d.Wishes = "С праздником, {имя}!"
	d.Written = "Добрый день! Запчасть пришла.\nКогда Вам удобно? {имя}"
	d.Visit.Date = time.Date(2026, 3, 12, 17, 20, 0, 0, zone)
	d.Visit.Works = []string{"замена колодок", "ТО-4"}
	d.Callback.Owner = "Мария Орлова"
	d.Callback.Due = time.Date(2026, 3, 14, 18, 0, 0, 0, zone)
	d.Callback.Solution = "бесплатная замена 16.03 в 9:00."
	switch locale {
	case "en":
		d.Dealer.Name, d.Dealer.Address = "South Auto", "1 South Road"
		d.Person = render.Person{Given: "Ivan", Family: "Ivanov", Full: "Ivan Ivanov"}
		d.Employee, d.Callback.Owner = "Maria Orlova", "Maria Orlova"
		d.Appointment.Request, d.Consultant, d.News = "brake pads", "Oleg Belov", "Come and see the new Vesta this Saturday from 11 am."
		d.Wishes = "Our warmest wishes and easy roads to you."
		d.Written = "Good afternoon! The part is here.\nWhen would it suit you?"
		d.Visit.Works, d.Callback.Solution = []string{"brake pads", "60,000 km service"}, "free replacement on Mar 16, 9 am"
	case "zh":
		d.Dealer.Name, d.Dealer.Address = "南方汽车", "深圳市南方路1号"
		d.Person = render.Person{Given: "建国", Family: "张", Full: "张建国", Gender: "male"}
		d.Employee, d.Callback.Owner, d.Vehicle.Model = "李顾问", "李顾问", "轩逸"
		d.Appointment.Request, d.Consultant, d.News = "更换刹车片", "王顾问", "本周六11:00店庆开放日，欢迎参观新款轩逸。"
		d.Wishes = "祝您节日快乐，一路平安！"
		d.Written = "您好！配件已到。\n请问您什么时候方便？"
		d.Visit.Works, d.Callback.Solution = []string{"更换刹车片", "常规保养"}, "3月16日9:00免费更换"
	}
	return d
}

func bare(t testing.TB, locale string) render.Data {
	d := full(t, locale)
	d.Dealer.Phone, d.Dealer.Address = "", ""
	d.Person, d.Employee, d.Vehicle.Model, d.Visit.Works, d.Callback.Owner = render.Person{}, "", "", nil, ""
	d.Appointment.Request, d.Promised, d.LastContact, d.Consultant = "", time.Time{}, time.Time{}, ""
	d.First = true
	return d
}

// subjects are the visit of the data and one two days before with another car.
func subjects(d render.Data) []render.Subject {
	return []render.Subject{{Model: d.Vehicle.Model, Date: d.Visit.Date}, {Model: "Largus", Date: d.Visit.Date.AddDate(0, 0, -2)}}
}

// someone is a kind of person that the texts of programs are shown for.
type someone struct {
	name string
	data render.Data
}

// people are those whom a program may meet beside full and bare: a long name with a
// long model, a Chinese name whatever the language, no name.
func people(t testing.TB, locale string) []someone {
	long, chinese, nobody := full(t, locale), full(t, locale), full(t, locale)
	long.Person = render.Person{Given: "Александра", Patronymic: "Константиновна", Family: "Верхнеудинская", Gender: "female"}
	if locale == "en" {
		long.Person = render.Person{Given: "Alexandra Maria", Family: "Featherstonehaugh", Gender: "female"}
	}
	long.Vehicle.Model, long.Vehicle.Years = "LADA Vesta SW Cross 1.6 CVT", 21
	chinese.Person = render.Person{Given: "秀英", Family: "欧阳", Full: "欧阳秀英", Gender: "female"}
	chinese.Vehicle.Years = 1
	nobody.Person = render.Person{}
	return []someone{{"full", full(t, locale)}, {"bare", bare(t, locale)}, {"long", long}, {"Chinese name", chinese}, {"no name", nobody}}
}

// ofPrograms tells the messages that programs begin with from the answers.
func ofPrograms(id string) bool {
	return slices.Contains([]string{"greeting", "appointment", "car", "news", "service"}, strings.Split(id, ".")[0])
}

type build = func(locale string, ch channels.Kind, d render.Data) (render.Content, error)

// part is one text of a survey or message.
type part struct {
	name  string
	build build
}

// messages lists every shared message, by the name of its golden file.
func messages(r *render.Renderer) map[string]build {
	out := map[string]build{}
	for _, id := range r.Messages() {
		if strings.HasPrefix(id, "reask.") || strings.HasPrefix(id, "ack.") {
			continue // rendered with a question
		}
		out[id] = func(l string, ch channels.Kind, d render.Data) (render.Content, error) {
			d.Words = map[string]string{"ru": "ждал 3 часа", "en": "waited 3 hours", "zh": "等了3个小时"}[l]
			if id == "which.visit" {
				return r.Asking(id, r.Which(subjects(d), d.Zone, d.Now), l, ch, d)
			}
			return r.Message(id, l, ch, d)
		}
	}
	return out
}

// parts lists what a survey says on a channel, in order. The second tries of
// questions of a set differ from one another only by the question.
func parts(r *render.Renderer, def *survey.Definition, ch channels.Kind) []part {
	out := []part{{"invite", func(l string, ch channels.Kind, d render.Data) (render.Content, error) {
		return r.Invite(def, l, ch, d)
	}}}
	for _, q := range def.Sheet(ch) {
		out = append(out, part{q.ID, func(l string, ch channels.Kind, d render.Data) (render.Content, error) {
			return r.Question(def, q.ID, l, ch, d)
		}})
		if q.Kind != survey.Text && q.Set == "" && slices.Contains(sent, ch) {
			out = append(out, part{q.ID + ", again", func(l string, ch channels.Kind, d render.Data) (render.Content, error) {
				return r.Reask(def, q.ID, l, ch, d)
			}})
		}
	}
	for _, o := range survey.Outcomes() {
		out = append(out, part{"thanks, " + string(o), func(l string, ch channels.Kind, d render.Data) (render.Content, error) {
			return r.Thanks(def, o, l, ch, d)
		}})
	}
	return out
}

func TestShippedMessagesLookAsTheGoldenFilesSay(t *testing.T) {
	r := renderer(t)
	for name, build := range messages(r) {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			for _, l := range locales {
				for _, ch := range sent {
					for i, p := range people(t, l) {
						if i < 2 || ofPrograms(name) {
							show(t, &b, build, l, ch, p.name, p.data)
						}
					}
				}
			}
			golden(t, name+".txt", b.String())
		})
	}
}

// TestGreetingsThatAskLookAsTheGoldenFilesSay: first the greeting, then the question,
// in a text that has a place for it and in one that has none (R053, R054).
func TestGreetingsThatAskLookAsTheGoldenFilesSay(t *testing.T) {
	r := renderer(t)
	check, _ := r.Definition("greeting-check")
	for _, id := range []string{"greeting.birthday", "greeting.new_year"} {
		t.Run(id, func(t *testing.T) {
			var b strings.Builder
			ask := func(l string, ch channels.Kind, d render.Data) (render.Content, error) {
				return r.Greeting(id, check, l, ch, d)
			}
			for _, l := range locales {
				for _, ch := range sent {
					for _, p := range people(t, l) {
						show(t, &b, ask, l, ch, p.name, p.data)
					}
				}
			}
			golden(t, id+"_greeting-check.txt", b.String())
		})
	}
}

// TestWhatStandsBeforeAQuestionLooksAsTheGoldenFilesSay: who answers or calls, then the
// question, as one message.
func TestWhatStandsBeforeAQuestionLooksAsTheGoldenFilesSay(t *testing.T) {
	r := renderer(t)
	def, _ := r.Definition("after-service")
	for _, id := range []string{"ack.inquiry", "ack.callback"} {
		t.Run(id, func(t *testing.T) {
			var b strings.Builder
			for _, question := range []string{"fixed", "suggestions"} {
				behind := func(l string, ch channels.Kind, d render.Data) (render.Content, error) {
					return r.Behind(id, def, question, l, ch, d)
				}
				for _, l := range locales {
					for _, ch := range sent {
						for _, p := range people(t, l)[:2] {
							show(t, &b, behind, l, ch, question+", "+p.name, p.data)
						}
					}
				}
			}
			golden(t, id+".txt", b.String())
		})
	}
}

// TestShippedSurveysLookAsTheGoldenFilesSay has one file for each survey, with all
// that it says in each language on each channel.
func TestShippedSurveysLookAsTheGoldenFilesSay(t *testing.T) {
	r := renderer(t)
	for _, def := range r.Definitions() {
		t.Run(def.ID, func(t *testing.T) {
			var b strings.Builder
			for _, l := range locales {
				for _, ch := range slices.Concat(sent, []channels.Kind{channels.Form, channels.Phone, channels.Paper}) {
					if _, ok := def.Budget[ch]; !ok {
						continue
					}
					for _, p := range parts(r, def, ch) {
						known := full(t, l)
						for i := range def.Questions {
							if q := &def.Questions[i]; q.Role == survey.Liked {
								known.Liked = q.Options[:2]
							}
						}
						show(t, &b, p.build, l, ch, p.name, known)
						if slices.Contains(sent, ch) {
							show(t, &b, p.build, l, ch, p.name+", bare", bare(t, l))
						}
					}
				}
			}
			golden(t, "survey_"+def.ID+".txt", b.String())
		})
	}
}

func show(t *testing.T, b *strings.Builder, build build, l string, ch channels.Kind, kind string, d render.Data) {
	t.Helper()
	c, err := build(l, ch, d)
	if err != nil {
		t.Errorf("%s %s %s: %v", l, ch, kind, err)
		return
	}
	fmt.Fprintf(b, "=== %s %s %s", l, ch, kind)
	if ch == channels.SMS {
		fmt.Fprintf(b, ": %d segment(s), %s, %d characters", c.Segments, c.Encoding, len([]rune(c.Text)))
	}
	b.WriteByte('\n')
	if c.Subject != "" {
		fmt.Fprintf(b, "Subject: %s\n\n", c.Subject)
	}
	b.WriteString(c.Text + "\n")
	for _, row := range c.Buttons {
		for _, btn := range row {
			fmt.Fprintf(b, "[%s: %s] ", btn.Label, btn.Data)
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
}

func TestEmailsLookAsTheGoldenFilesSay(t *testing.T) {
	r := renderer(t)
	def, _ := r.Definition("after-service")
	for _, l := range locales {
		c, err := r.Invite(def, l, channels.Email, full(t, l))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "after-service_invite."+l+".html", html(t, r, c))
	}
	c, err := r.Message("callback.solved", "ru", channels.Email, full(t, "ru"))
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "callback.solved.ru.html", html(t, r, c))
}

// html is the page of an email.
func html(t testing.TB, r *render.Renderer, c render.Content) string {
	t.Helper()
	page, err := r.AppendHTML(nil, c.Subject, c.Text, c.Letter)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("no golden file (go test ./internal/render -update writes it; read it before you commit): %v", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
