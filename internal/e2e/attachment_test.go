package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"otklik/internal/store"
)

// TestAttachments: a customer sends a photo and a voice note from his phone; the operator
// sees the one and hears the other on the customer's card, and goes on hearing it while
// the card follows what happens.
func TestAttachments(t *testing.T) {
	d := startDemo(t)
	maria := d.open(t, desktop)
	maria.login(d, "maria")
	phones := maria.beside()
	anna := d.surveyed("Кузнецова")
	phones.on(anna)
	phones.fill(".device.telegram textarea", "вот царапина")
	phones.click(".device.telegram button[value=photo]", "")
	phones.wait("the photo stands on the phone", "document.querySelector('.device.telegram .mine img')?.complete")
	phones.see(".device.telegram .mine", "вот царапина")
	phones.click(".device.telegram button[value=voice]", "")
	phones.wait("the voice note stands on the phone", "document.querySelector('.device.telegram .mine audio')")

	maria.visit("/contacts/" + anna.ID)
	maria.wait("the photo is seen", "(i => i && i.complete && i.naturalWidth === 960)(document.querySelector('.msg img'))")
	maria.wait("the voice note can be heard", "(a => a && a.readyState > 0 && Math.abs(a.duration - 3) < .1)(document.querySelector('.msg audio'))")
	if alt := value[string](maria, "document.querySelector('.msg img').alt"); !strings.HasPrefix(alt, "фото от клиента") {
		t.Errorf("the photo is called %q", alt)
	}
	if w := value[float64](maria, "document.querySelector('.msg audio').getBoundingClientRect().width"); w < 200 {
		t.Errorf("the player is %g pixels wide", w)
	}
	// Safari asks for parts, and so does a jump.
	maria.do("jumping", chromedp.Evaluate[chromedp.Void]("document.querySelector('.msg audio').currentTime = 2"))
	maria.wait("the jump has come to its place", "document.querySelector('.msg audio').seeking === false && document.querySelector('.msg audio').currentTime >= 2")
	maria.do("marking the sound", chromedp.Evaluate[chromedp.Void]("document.querySelector('.msg audio').marked = true"))
	phones.write("telegram", "и ещё скрип")
	maria.see(".msg", "и ещё скрип")
	if !value[bool](maria, "document.querySelector('.msg audio').marked === true && document.querySelector('.msg audio').currentTime >= 2") {
		t.Error("the sound began anew when something else was written")
	}
	reviews, err := d.app.Store().Tasks(t.Context(), store.TaskFilter{DealerID: d.dealer().ID, ContactID: anna.ID, Kind: store.TaskReview, Open: true})
	if err != nil || len(reviews) != 1 {
		t.Fatalf("%d tasks for what nobody could read, %v", len(reviews), err)
	}
	maria.visit("/tasks/" + reviews[0].ID)
	maria.see("h1", "Кузнецова")
	maria.wait("the card shows both", "document.querySelector('.msg img')?.naturalWidth === 960 && document.querySelector('.msg audio')?.readyState > 0")
}
