package render_test

import (
	"strings"
	"testing"

	"otklik/channels"
	"otklik/internal/survey"
)

// TestBrandWording: a vehicle of a brand is asked in the brand's words, as far as it has
// some, in the invite and later (R037).
func TestBrandWording(t *testing.T) {
	def, err := survey.Parse("brands.yaml", []byte(`
id: brands
version: 1
purpose: survey
micro: true
locales: [en, ru]
title: {en: Brands, ru: Марки}
budget: {sms: {rated: 2}, telegram: {rated: 2}}
invite: {en: {any: "Hello. {{.question}}"}, ru: {any: "Здравствуйте. {{.question}}"}}
questions:
  - id: recommend
    kind: rating
    min: 1
    max: 5
    ask: {en: {any: "Recommend us? 1-5", sms: "Recommend? 1-5"}, ru: {any: "Посоветуете нас? 1-5"}}
    brands:
      lada: {en: {any: "Recommend this LADA centre? 1-5"}}
      land rover: {en: {sms: "Rover? 1-5"}}
thanks:
  good: {en: {any: Thanks}, ru: {any: Спасибо}}
  neutral: {en: {any: Thanks}, ru: {any: Спасибо}}
  low: {en: {any: Thanks}, ru: {any: Спасибо}}
  partial: {en: {any: Thanks}, ru: {any: Спасибо}}
`))
	if err != nil {
		t.Fatal(err)
	}
	r := renderer(t)
	for _, tt := range []struct {
		model, locale string
		ch            channels.Kind
		want          string
	}{
		{"LADA Vesta", "en", channels.SMS, "Recommend this LADA centre? 1-5"},
		{"lada", "en", channels.Telegram, "Recommend this LADA centre? 1-5"},
		{"LADA Vesta", "ru", channels.SMS, "Посоветуете нас? 1-5"},
		{"Ladatest", "en", channels.Telegram, "Recommend us? 1-5"},
		{"", "en", channels.SMS, "Recommend? 1-5"},
		{"Land Rover Defender", "en", channels.SMS, "Rover? 1-5"},
		{"Land Rover Defender", "en", channels.Telegram, "Recommend us? 1-5"},
	} {
		d := full(t, tt.locale)
		d.Vehicle.Model = tt.model
		q, err := r.Question(def, "recommend", tt.locale, tt.ch, d)
		if err != nil || q.Text != tt.want {
			t.Errorf("%s in %s by %s: %q, %v", tt.model, tt.locale, tt.ch, q.Text, err)
		}
		invite, err := r.Invite(def, tt.locale, tt.ch, d)
		if err != nil || !strings.Contains(invite.Text, tt.want) {
			t.Errorf("%s in %s by %s: %q, %v", tt.model, tt.locale, tt.ch, invite.Text, err)
		}
	}
}
