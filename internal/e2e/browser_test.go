package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"otklik/internal/testserver"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if chrome.stop != nil {
		chrome.stop()
	}
	os.Exit(code)
}

// chrome is the one browser of the package: starting it costs a second, and people
// in it are kept apart by browser contexts of their own.
var chrome browser

type browser struct {
	once sync.Once
	ctx  context.Context
	stop func()
	err  error
}

func (b *browser) start(t testing.TB) context.Context {
	t.Helper()
	path := testserver.NeedBinary(t, "chromium")
	b.once.Do(func() {
		opts := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.WSURLReadTimeout(time.Minute), chromedp.Flag("accept-lang", "ru-RU,ru"))
		alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
		ctx, stop := chromedp.NewContext(alloc)
		b.ctx, b.stop = ctx, func() { stop(); stopAlloc() }
		// The browser lives as long as the context of its first action, which
		// therefore has no deadline.
		b.err = chromedp.Do(ctx)
	})
	if b.err != nil {
		t.Fatalf("starting the browser: %v", b.err)
	}
	return b.ctx
}

// tab is one page as a person has it before him. Faults of the page fail the test
// when it ends.
type tab struct {
	t   testing.TB
	url string
	ctx context.Context

	mu      sync.Mutex
	faults  []string
	allowed []string
}

// Sizes of screens.
const (
	desktop = 1280
	phone   = 390
)

// open gives a new person a tab: his cookies are his own.
func (d *demo) open(t testing.TB, width int64) *tab {
	t.Helper()
	return newTab(t, chrome.start(t), d.url, width, chromedp.WithNewBrowserContext())
}

// beside opens a second tab of the same person.
func (p *tab) beside() *tab {
	p.t.Helper()
	return newTab(p.t, p.ctx, p.url, desktop)
}

func newTab(t testing.TB, parent context.Context, url string, width int64, opts ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, opts...)
	p := &tab{t: t, url: url, ctx: ctx}
	// Listening before the first action hangs now and then.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	if err := chromedp.Listen(ctx, p.heed); err != nil {
		t.Fatalf("listening to a tab: %v", err)
	}
	t.Cleanup(func() {
		cancel()
		p.judge()
	})
	call(p, network.Enable, network.EnableParams{})
	p.resize(width)
	p.media("light")
	return p
}

// call runs a command of the protocol.
func call[P, R any](p *tab, cmd cdp.Command[P, R], params P) R {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	r, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		p.t.Fatalf("%s: %v", cmd.Method, err)
	}
	return r
}

// bounded is the tab's context with an end, so that a browser that hangs fails the
// test with a place.
func (p *tab) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.ctx, 60*time.Second)
}

func (p *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

// resize gives the screen a width; narrow ones are phones with touch.
func (p *tab) resize(width int64) { p.t.Helper(); p.scaled(width, 1) }

func (p *tab) scaled(width int64, scale float64) {
	p.t.Helper()
	opts := []chromedp.EmulateViewportOption{chromedp.EmulateScale(scale)}
	height := int64(800)
	if width <= phone {
		height = 844
		opts = append(opts, chromedp.EmulatePortrait, chromedp.EmulateMobile, chromedp.EmulateTouch)
	}
	p.do("setting the size of the screen", chromedp.EmulateViewport(width, height, opts...))
}

// media chooses light or dark. Motion is off: a colour on its way is none.
func (p *tab) media(scheme string) {
	p.t.Helper()
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// withoutScript switches the page's JavaScript off.
func (p *tab) withoutScript() {
	p.t.Helper()
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// heed notes what must not happen. It runs in the loop that reads the browser's
// messages and only remembers.
func (p *tab) heed(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.fault("exception: " + e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			var said []string
			for _, a := range e.Args {
				said = append(said, string(a.Value)+a.Description)
			}
			p.fault("console: " + strings.Join(said, " "))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Source == log.EntrySourceSecurity {
			p.fault(fmt.Sprintf("%s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		u := e.Request.URL
		if !strings.HasPrefix(u, p.url+"/") && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "about:") {
			p.fault("request to " + u)
		}
	}
}

func (p *tab) fault(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, s)
}

// expect allows faults that contain a text: the test provokes them.
func (p *tab) expect(part string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allowed = append(p.allowed, part)
}

func (p *tab) judge() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults {
		if !slices.ContainsFunc(p.allowed, func(a string) bool { return strings.Contains(f, a) }) {
			p.t.Errorf("the page: %s", f)
		}
	}
}

// visit goes to a path.
func (p *tab) visit(path string) {
	p.t.Helper()
	p.do("going to "+path, chromedp.Navigate(p.url+path))
}

// try evaluates an expression; false while the page is between two documents.
func try[T any](p *tab, js string) (T, bool) {
	ctx, cancel := p.bounded()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js))
	return v, err == nil
}

// value evaluates an expression that must have a value.
func value[T any](p *tab, js string) T {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js))
	if err != nil {
		p.t.Fatalf("evaluating %s: %v", js, err)
	}
	return v
}

// patience ends before that of testserver.Wait, to tell what the page shows.
const patience = 100 * time.Second

// wait polls an expression until it is true.
func (p *tab) wait(what, js string) {
	p.t.Helper()
	limit := time.Now().Add(patience)
	testserver.Wait(p.t, what, func() bool {
		ok, _ := try[bool](p, "!!("+js+")")
		if !ok && time.Now().After(limit) {
			text, _ := try[string](p, "location.href + '\\n' + document.body.innerText")
			p.t.Fatalf("waiting until %s; the page shows:\n%s", what, text)
		}
		return ok
	})
}

// see waits until an element shows a text.
func (p *tab) see(selector, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("%s shows %q", selector, text), fmt.Sprintf("[...document.querySelectorAll(%s)].some(e => e.innerText.includes(%s))", strconv.Quote(selector), strconv.Quote(text)))
}

// at waits until the page's path is the wanted one.
func (p *tab) at(path string) {
	p.t.Helper()
	p.wait("the address is "+path, fmt.Sprintf("location.pathname === %s && document.readyState === 'complete'", strconv.Quote(path)))
}

// text is what an element shows, "" when it is not there.
func (p *tab) text(selector string) string {
	p.t.Helper()
	return value[string](p, fmt.Sprintf("document.querySelector(%s)?.innerText ?? ''", strconv.Quote(selector)))
}

// spot is where a person would click.
type spot struct {
	X, Y float64
	Ok   bool
	Why  string
}

// spotOf finds the middle of the first visible element of a selector that shows a
// text, and makes sure that nothing lies over it.
const spotOf = `(() => {
	const want = %s;
	if (document.readyState !== "complete") return {Why: "the page is still loading"};
	const e = [...document.querySelectorAll(%s)].find(e => e.getClientRects().length && (e.innerText ?? '').includes(want));
	if (!e) return {Why: "it is not there"};
	if (e.disabled) return {Why: "it is disabled"};
	e.scrollIntoView({block: "center", behavior: "instant"});
	const r = e.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2;
	const top = document.elementFromPoint(x, y);
	if (!top || !(e.contains(top) || top.contains(e) && top.tagName === "LABEL")) return {Why: "something lies over it: " + (top && top.outerHTML.slice(0, 120))};
	return {X: x, Y: y, Ok: true};
})()`

// click presses the mouse on the first visible element of a selector that shows a
// text ("" for any).
func (p *tab) click(selector, text string) {
	p.t.Helper()
	var s spot
	limit := time.Now().Add(patience)
	testserver.Wait(p.t, fmt.Sprintf("%s %q can be clicked", selector, text), func() bool {
		s, _ = try[spot](p, fmt.Sprintf(spotOf, strconv.Quote(text), strconv.Quote(selector)))
		if !s.Ok && time.Now().After(limit) {
			shown, _ := try[string](p, "location.href + '\\n' + document.body.innerText")
			p.t.Fatalf("%s %q cannot be clicked: %s; the page shows:\n%s", selector, text, s.Why, shown)
		}
		return s.Ok
	})
	p.do("clicking "+selector, chromedp.MouseClickXY(s.X, s.Y))
}

// fill clicks into a field and types.
func (p *tab) fill(selector, text string) {
	p.t.Helper()
	p.click(selector, "")
	call(p, input.InsertText, input.InsertTextParams{Text: text})
}

// set gives a field that is no text field, such as a date, its value.
func (p *tab) set(selector, v string) {
	p.t.Helper()
	value[bool](p, fmt.Sprintf("(e => { e.value = %s; e.dispatchEvent(new Event('input', {bubbles: true})); return true })(document.querySelector(%s))", strconv.Quote(v), strconv.Quote(selector)))
}

// press presses keys.
func (p *tab) press(keys string) {
	p.t.Helper()
	p.wait("the page is there", "document.readyState === 'complete'")
	p.do("pressing a key", chromedp.KeyEvent(keys))
}

// login logs a demo employee in from the login page.
func (p *tab) login(d *demo, name string) {
	p.t.Helper()
	if _, ok := d.logins[name]; !ok {
		p.t.Fatalf("the demo has no login %q", name)
	}
	p.visit("/login")
	p.enterLogin(d, name)
	p.wait(name+" is logged in", "document.querySelector('header .me') && document.readyState === 'complete'")
}

// promise evaluates an expression that gives a promise.
func promise[T any](p *tab, js string) T {
	p.t.Helper()
	ctx, cancel := p.bounded()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("evaluating %s: %v", js, err)
	}
	return v
}
