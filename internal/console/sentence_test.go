package console

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"otklik/internal/program"
	"otklik/internal/store"
	"otklik/templates"
)

// standing is a clock that stands.
type standing time.Time

func (s standing) Business() time.Time { return time.Time(s) }
func (s standing) Machine() time.Time  { return time.Time(s) }

func speaker(t *testing.T) *Console {
	t.Helper()
	cs, err := loadCatalogues(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	return &Console{catalogues: cs, Deps: Deps{Programs: func() []program.Listed { return nil }, Clock: standing(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))}}
}

// rules are the constants Rule… of the packages that decide.
func rules(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pkg := range []string{"policy", "program", "dispatch"} {
		files, err := filepath.Glob("../" + pkg + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				v, ok := n.(*ast.ValueSpec)
				if !ok || !strings.HasPrefix(v.Names[0].Name, "Rule") || len(v.Values) != 1 {
					return true
				}
				if lit, ok := v.Values[0].(*ast.BasicLit); ok {
					name, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					out[name] = pkg + "." + v.Names[0].Name
				}
				return true
			})
		}
	}
	if len(out) < 30 {
		t.Fatalf("only %d rules were found", len(out))
	}
	return out
}

// TestEveryRuleIsASentence: whatever decides, the why page says it in every language,
// with nothing left to fill in.
func TestEveryRuleIsASentence(t *testing.T) {
	c := speaker(t)
	const inputs = `{"window":"09:00-20:00","zone":"Asia/Vladivostok","until":"2026-11-25T09:00:00+10:00","deadline":"2026-11-26T09:00:00+10:00","cap":"any 2/7d","purpose":"greeting","channel":"sms","reason":"dead",
		"at":"2026-11-20T09:00:00Z","days":"30","from":"07:00","limit":"500","size":"900","into":"birthday","basis":"order 1","error":"x","sender":"+7495","program":"newyear","country":"RU","answers":"2026-11-20T09:00:00Z","typed":"2026-11-20T09:00:00Z"}`
	for rule, constant := range rules(t) {
		for _, l := range locales() {
			if !c.catalogues[l].has("why." + rule) {
				t.Errorf("%s: %s has no why.%s", constant, l, rule)
				continue
			}
			s := c.Sentence(l, store.ListedDecision{Verdict: "hold", Rule: rule, Until: time.Date(2026, 11, 24, 23, 0, 0, 0, time.UTC), Inputs: inputs}, time.UTC)
			if strings.ContainsAny(s, "{}⟦") || !strings.Contains(s, rule) {
				t.Errorf("%s in %s: %s", constant, l, s)
			}
		}
	}
}

func TestSentences(t *testing.T) {
	c := speaker(t)
	moscow, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	quiet := store.ListedDecision{Verdict: "hold", Rule: "quiet_hours", Until: time.Date(2026, 11, 24, 23, 0, 0, 0, time.UTC), Inputs: `{"window":"09:00-20:00","zone":"Asia/Vladivostok"}`}
	nowhere := quiet
	nowhere.Inputs = `{"window":"09:00-20:00","zone":"America/Argentina/Buenos_Aires"}`
	capped := store.ListedDecision{Verdict: "drop", Rule: "cap", Inputs: `{"cap":"any 2/7d"}`}
	for _, x := range []struct {
		locale string
		d      store.ListedDecision
		want   string
	}{
		{"en", quiet, "Held. Quiet hours in Vladivostok (allowed 09:00-20:00): it goes out tomorrow at 9 am, by the clock there. Rule: quiet_hours."},
		{"ru", quiet, "Отложено. Тихие часы, Владивосток (можно 09:00-20:00): отправим завтра в 09:00 по местному времени. Правило: quiet_hours."},
		{"zh", quiet, "暂缓。符拉迪沃斯托克免打扰时段（允许09:00-20:00）：当地时间明天09:00发送。规则：quiet_hours。"},
		{"en", nowhere, "Held. Quiet hours in Buenos Aires (allowed 09:00-20:00): it goes out today at 8 pm, by the clock there. Rule: quiet_hours."},
		{"en", capped, "Not sent. Frequency cap any 2/7d. Rule: cap."},
	} {
		if got := c.Sentence(x.locale, x.d, moscow); got != x.want {
			t.Errorf("got  %s\nwant %s", got, x.want)
		}
	}
}

// TestSentenceOfACall: only who was asked before has not answered.
func TestSentenceOfACall(t *testing.T) {
	c := speaker(t)
	for inputs, want := range map[string]string{
		"":                         "Ответа не было, позвонит оператор.",
		`{"task":"prospect_call"}`: "Задача: Звонок потенциальному клиенту.",
		`{"task":"no_show_call"}`:  "Задача: Не приехал на запись.",
	} {
		if s := c.Sentence("ru", store.ListedDecision{Verdict: "task", Rule: "phone_step", Inputs: inputs}, time.UTC); !strings.Contains(s, want) {
			t.Errorf("%q: %s", inputs, s)
		}
	}
}

// TestWordsOfFiles: what came without words is named in the reader's language; what a
// customer wrote stays as it is.
func TestWordsOfFiles(t *testing.T) {
	c := speaker(t)
	for lang, want := range map[string]string{"ru": "photo\n[фото, голосовое сообщение]\n[скан.pdf]\n[кстати", "en": "photo\n[photo, voice note]\n[скан.pdf]\n[кстати"} {
		v := (&request{c: c, lang: c.catalogues[lang]}).view("queue.title")
		if s := v.Words("photo\n[photo, voice]\n[скан.pdf]\n[кстати"); s != want {
			t.Errorf("%s: %q, want %q", lang, s, want)
		}
	}
}
