package serve_test

import (
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"otklik/internal/testserver"
	"otklik/internal/testserver/faultproxy"
)

// TestDispatchAfterAKill: a run of dispatch that was killed holds what it had claimed and
// begun until its lease ends. The next run sends none of that, and does not say that all
// is done: it tells how much is held and until when, and ends with exit code 1.
func TestDispatchAfterAKill(t *testing.T) {
	onEngines(t, func(t *testing.T, db string) {
		w := newTown(t, db, "OTKLIK_DEALER_LOCALE=en")
		provider, err := url.Parse(w.servers.TwilioBase)
		if err != nil {
			t.Fatal(err)
		}
		proxy := faultproxy.Start(t, provider.Host, 1)
		provider.Host = proxy.Addr()
		s := w.with(append(w.sms(), "OTKLIK_TWILIO_API_BASE="+provider.String())...)
		var b strings.Builder
		b.WriteString("Заказ-наряд;Дата закрытия;Клиент;Телефон\n")
		for i := range 30 {
			fmt.Fprintf(&b, "K%d;%s;John Smith %d;+790000007%02d\n", i, time.Now().Add(-due).UTC().Format(time.RFC3339), i, i)
		}
		s.ok("import", "--kind", "visits", s.file("visits.csv", b.String()))
		proxy.Set(faultproxy.Fault{Stage: faultproxy.Accept, Hang: true})
		killed := exec.CommandContext(t.Context(), binary(t), "dispatch", "--once")
		killed.Dir, killed.Env = s.dir, environ(s.env...)
		if err := killed.Start(); err != nil {
			t.Fatal(err)
		}
		testserver.Wait(t, "messages are in flight", func() bool { return proxy.Struck() > 0 })
		if err := killed.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = killed.Wait() // it was killed
		proxy.Heal()
		e := s.run("dispatch", "--once")
		e.want(t, 1, "held by another node, or by a run that ended early, until 20")
		// What the first run had not claimed the second one may send; it prints no summary
		// where that is nothing.
		var sent, held int
		if _, err := fmt.Sscanf(e.out, "sent %d ", &sent); err != nil && e.out != "" {
			t.Fatalf("%v: %s", err, e.out)
		}
		if _, err := fmt.Sscanf(e.err[strings.Index(e.err, "otklik: "):], "otklik: %d due", &held); err != nil || sent+held != 30 {
			t.Errorf("%d sent and %d held of 30: %v\n%s", sent, held, err, e.err)
		}
		once(t, w.received(), sent)
	})
}
