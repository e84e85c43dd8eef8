//go:build heavy || soak

package crash_test

import (
	"time"

	"otklik/internal/testserver/faultproxy"
)

// wrongdoing is what the providers do wrong in a round: at the proxy, or by an
// answer of their own.
type wrongdoing struct {
	name string
	// fault strikes the connections to both providers.
	fault faultproxy.Fault
	// text and mail are answers of the sinks.
	text, mail refusal
}

// often is the share of pieces or messages that a provider spoils: enough to meet
// many, few enough that the campaign goes on.
const often = 0.05

// wrongdoings are all that providers do wrong, from nothing to silence.
func wrongdoings() []wrongdoing {
	at := func(stage faultproxy.Stage, after int) faultproxy.Fault {
		return faultproxy.Fault{Stage: stage, After: after, Share: often}
	}
	return []wrongdoing{
		{name: "answers"},
		{name: "resets before a byte is read", fault: faultproxy.Fault{Stage: faultproxy.Accept, Share: 0.5, Count: 20}},
		{name: "resets within the request", fault: at(faultproxy.Up, faultproxy.Somewhere)},
		{name: "resets when the request is read", fault: at(faultproxy.Up, 1<<20)},
		{name: "resets before the answer", fault: at(faultproxy.Down, 0)},
		{name: "resets within the answer", fault: at(faultproxy.Down, faultproxy.Somewhere)},
		{name: "resets after the answer", fault: at(faultproxy.Down, 1<<20)},
		{name: "hangs before the request", fault: faultproxy.Fault{Stage: faultproxy.Up, Hang: true, Share: often, Count: 6}},
		{name: "hangs before the answer", fault: faultproxy.Fault{Stage: faultproxy.Down, Hang: true, Share: often, Count: 6}},
		{name: "hangs within the answer", fault: faultproxy.Fault{Stage: faultproxy.Down, After: faultproxy.Somewhere, Hang: true, Share: often, Count: 6}},
		{name: "throttles", text: refusal{status: 429, after: 1, share: often}, mail: refusal{status: 421, share: often}},
		{name: "is overloaded", text: refusal{status: 503, after: 1, share: often}, mail: refusal{status: 451, share: often}},
		{name: "fails and has taken it", text: refusal{status: 500, taken: true, share: often}},
		{name: "fails and has not taken it", text: refusal{status: 502, share: often}, mail: refusal{status: 452, share: often}},
	}
}

// outage is what happens to the servers beside a kill: begin before it, end after.
type outage struct {
	name       string
	begin, end func(w *town)
}

func flush(w *town) {
	if err := w.redis.FlushAll(w.t.Context()).Err(); err != nil {
		w.t.Fatal(err)
	}
}

func nothing(*town) {}

var (
	calm        = outage{"all servers run", nothing, nothing}
	flushed     = outage{"redis flushed", flush, nothing}
	redisAway   = outage{"redis stopped", func(w *town) { w.stopRedis() }, func(w *town) { w.startRedis() }}
	rowsRestart = outage{"postgres restarted", func(w *town) { w.stopRows() }, func(w *town) { w.startRows() }}
	rowsCrash   = outage{"postgres crashed", (*town).crash, func(w *town) { w.startRows() }}
	rowsCut     = outage{"postgres cut off", func(w *town) { w.rows.Refuse() }, (*town).join}
	// The answer to a commit is lost with the connection: was it made?
	rowsTorn   = outage{"postgres resets within answers", func(w *town) { w.rows.Set(torn) }, (*town).join}
	rowsSilent = outage{"postgres hangs", func(w *town) { w.rows.Set(silent) }, (*town).join}
	redisTorn  = outage{"redis resets within answers", func(w *town) { w.cache.Set(torn) }, (*town).join}

	torn   = faultproxy.Fault{Stage: faultproxy.Down, After: faultproxy.Somewhere, Share: often}
	silent = faultproxy.Fault{Stage: faultproxy.Down, Hang: true, Share: often, Count: 10}
)

// join mends the connections to the servers.
func (w *town) join() {
	w.t.Helper()
	for _, p := range []*faultproxy.Proxy{w.rows, w.cache} {
		if p != nil {
			p.Heal()
			if err := p.Admit(); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

// set lets the providers do wrong.
func (w *town) set(x wrongdoing) {
	for _, p := range []*faultproxy.Proxy{w.sms, w.smtp} {
		if x.fault == (faultproxy.Fault{}) {
			p.Heal()
			continue
		}
		p.Set(x.fault)
		if x.fault.Stage == faultproxy.Accept {
			p.Cut() // those that stand would stand for ever
		}
	}
	w.texts.set(x.text)
	w.mails.set(x.mail)
}

// met counts how often a wrongdoing was met since it was set.
func (w *town) met() int {
	return w.sms.Struck() + w.smtp.Struck() + w.texts.struck() + w.mails.struck()
}

// right mends everything.
func (w *town) right() {
	w.t.Helper()
	w.set(wrongdoing{})
	w.startRedis()
	w.startRows()
	w.join()
}

// strikes is how often a wrongdoing is met before the kill.
const strikes = 3

// round is one kill: the campaign gets going under the wrongdoing, the outage
// begins, a node is killed, and it starts again before or after the outage ends.
func (w *town) round(x wrongdoing, o outage) {
	w.t.Helper()
	// A campaign that is over proves nothing.
	if w.imported-w.arrived() < w.people/2 {
		w.right()
		w.add()
	}
	w.set(x)
	began, want := w.arrived(), 20+w.random.IntN(100)
	least := strikes
	if x == (wrongdoing{name: x.name}) {
		least = 0
	}
	if !w.until(time.Minute, func() bool { return w.arrived() >= began+want && w.met() >= least }) {
		w.t.Fatalf("the provider %s: the campaign stands still at %d of %d, the wrongdoing was met %d times", x.name, w.arrived(), w.imported, w.met())
	}
	o.begin(w)
	n := w.nodes[w.random.IntN(len(w.nodes))]
	w.kill(n)
	again := func() {
		if err := n.process.Start(); err != nil {
			w.t.Fatal(err)
		}
	}
	early := w.random.IntN(2) == 0 && w.engine == "postgres"
	if early {
		again()
	}
	o.end(w)
	met, sending := w.met(), w.setting.nodes
	if early {
		sending++
	}
	left := w.uncertain(sending)
	if !early {
		again()
	}
	w.t.Logf("kill %d: %s, the provider %s (%d times): %d of %d arrived, %d in flight", w.kills, o.name, x.name, met, w.arrived(), w.imported, left)
}
