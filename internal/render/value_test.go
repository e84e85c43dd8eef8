package render_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/render"
	"otklik/internal/survey"
)

// TestAppointmentsAreSaidByTheDealersClock: whoever lives nine hours away comes at
// ten by the clock on the dealer's wall.
func TestAppointmentsAreSaidByTheDealersClock(t *testing.T) {
	r := renderer(t)
	d := full(t, "en")
	d.Zone, d.Dealer.Zone = time.FixedZone("", 12*3600), moscow(t)
	c, err := r.Message("appointment.day_before", "en", channels.SMS, d)
	if err != nil || !strings.Contains(c.Text, "tomorrow at 10 am") {
		t.Errorf("%q, %v", c.Text, err)
	}
	if c, err = r.Message("car.delayed", "en", channels.SMS, d); err != nil || !strings.Contains(c.Text, "tomorrow at 6:30 pm") {
		t.Errorf("%q, %v", c.Text, err)
	}
}

func TestNewsKeepTheirLines(t *testing.T) {
	r := renderer(t)
	d := full(t, "ru")
	d.News = "  Первая новость. \r\nВторая новость.\n\n"
	c, err := r.Message("news.company", "ru", channels.Telegram, d)
	if err != nil || !strings.Contains(c.Text, "\n\nПервая новость.\nВторая новость.\n\nНе нужны") {
		t.Errorf("%q, %v", c.Text, err)
	}
	if c, err = r.Message("news.company", "ru", channels.SMS, d); err != nil || !strings.Contains(c.Text, "Первая новость. Вторая новость. Отказ") {
		t.Errorf("%q, %v", c.Text, err)
	}
	d.News = " \n "
	if c, err = r.Message("news.company", "ru", channels.SMS, d); !errors.Is(err, render.ErrMissing) {
		t.Errorf("no news: %q, %v", c.Text, err)
	}
}

// TestOneFullStop: exports shorten first names to initials, whose point must not
// stand beside that of the sentence.
func TestOneFullStop(t *testing.T) {
	r := renderer(t)
	d := full(t, "ru")
	d.Praised = []string{"Иванов И.И.", "Петров П.П."}
	for locale, want := range map[string]string{"ru": "отметили: Иванов И.И., Петров П.П. ", "en": "to Иванов И.И., Петров П.П. "} {
		def, _ := r.Definition("after-service")
		c, err := r.Thanks(def, survey.Good, locale, channels.SMS, d)
		if err != nil || !strings.Contains(c.Text, want) {
			t.Errorf("%q, %v", c.Text, err)
		}
	}
	d.Visit.Advisor = "Иванов И.И."
	if c, err := r.Message("appointment.day_before", "en", channels.Telegram, d); err != nil || !strings.Contains(c.Text, "Иванов И.И. will meet you.") {
		t.Errorf("%q, %v", c.Text, err)
	}
}

func TestHolidaysSpeakTheLanguageOfTheText(t *testing.T) {
	r := renderer(t)
	d := full(t, "ru")
	d.Holiday = map[string]string{"ru": "Пасха"}
	if c, err := r.Message("greeting.holiday", "en", channels.Telegram, d); !errors.Is(err, render.ErrMissing) {
		t.Errorf("a title in another language: %q, %v", c.Text, err)
	}
	d.Holiday = map[string]string{"zh": "中秋节"}
	if c, err := r.Message("greeting.holiday", "zh-CN", channels.Telegram, d); err != nil || !strings.Contains(c.Text, "祝您中秋节快乐") {
		t.Errorf("%q, %v", c.Text, err)
	}
}
