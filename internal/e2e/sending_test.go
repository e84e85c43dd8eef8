package e2e

import (
	"testing"
	"time"

	"otklik/internal/store"
)

// TestSendingIsSteeredWhileItIsWatched: the page follows what others do, keeps the
// place of the keyboard, and works without the script as well.
func TestSendingIsSteeredWhileItIsWatched(t *testing.T) {
	d := startDemo(t)
	p := d.open(t, desktop)
	p.login(d, "andrei")
	p.visit("/sending")
	p.see(".lane h3", "СМС")
	p.see("#sending-nodes", "работает")
	p.wait("a button has the focus", `(() => { const b = document.querySelector('[data-hold="all"]'); b.focus(); return document.activeElement === b; })()`)
	if err := d.app.Store().Pause(t.Context(), store.PauseEverything, "", time.Now()); err != nil {
		t.Fatal(err)
	}
	p.see("#sending-banners", "Вся отправка остановлена")
	p.see("#sending-lanes", "остановлено")
	p.wait("the keyboard stays where it was", `document.activeElement.dataset.hold === "all"`)
	p.press("\r")
	p.see(".banner.good", "Отправка продолжается")
	p.wait("nothing is stopped", `document.querySelector("#sending-banners").innerText.trim() === ""`)

	plain := d.open(t, phone)
	plain.withoutScript()
	plain.login(d, "andrei")
	plain.visit("/sending")
	plain.click(".lane form[action$='/pause'] button", "")
	plain.see("#sending-banners", "Остановлен отправитель")
	if ps, err := d.app.Store().Pauses(t.Context()); err != nil || len(ps) != 1 || ps[0].EmployeeName != "Андрей Соколов" {
		t.Errorf("pauses %+v, %v", ps, err)
	}
}
