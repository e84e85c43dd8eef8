package intake

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestAdConsent: a consent to advertising is taken from what decides it and with what proves it, in three languages;
// everything else is a warning that names line and column, and the row is kept.
func TestAdConsent(t *testing.T) {
	const ru = "Клиент;Телефон;Согласие на рекламу;Дата согласия на рекламу;Источник согласия на рекламу"
	for _, c := range []struct{ name, header, cells, want, problems string }{
		{"yes", ru, "да;01.03.2026;анкета № 17", "true 2026-02-28T21:00:00Z анкета № 17", ""},
		{"with the hour", ru, "Да;01.03.2026 15:30;сайт", "true 2026-03-01T12:30:00Z сайт", ""},
		{"plus", ru, "+;01.03.2026;сайт", "true 2026-02-28T21:00:00Z сайт", ""},
		{"one", ru, "1;01.03.2026;сайт", "true 2026-02-28T21:00:00Z сайт", ""},
		{"true", ru, "TRUE;01.03.2026;сайт", "true 2026-02-28T21:00:00Z сайт", ""},
		{"no", ru, "нет;02.03.2026;", "false 2026-03-01T21:00:00Z ", ""},
		{"no without a date", ru, "-;;", "false - ", ""},
		{"nothing is said", ru, ";01.03.2026;сайт", "", ""},
		{"unknown is nothing", ru, "неизвестно;01.03.2026;сайт", "", ""},
		{"a cross is no word", ru, "x;01.03.2026;сайт", "", "2 Согласие на рекламу bad_word"},
		{"a word that means a yes elsewhere", ru, "повторный;01.03.2026;сайт", "", "2 Согласие на рекламу bad_word"},
		{"half a yes", ru, "да, но не по вечерам;01.03.2026;сайт", "", "2 Согласие на рекламу bad_word"},
		{"no date", ru, "да;;сайт", "", "2 Согласие на рекламу no_proof: a consent to advertising without its date cannot"},
		{"no source", ru, "да;01.03.2026;-", "", "2 Согласие на рекламу no_proof: a consent to advertising without its source cannot"},
		{"neither", ru, "да;;", "", "2 Согласие на рекламу no_proof: a consent to advertising without its date and source cannot"},
		{"no column for either", "Клиент;Телефон;Согласие на рассылку", "да", "", "2 Согласие на рассылку no_proof: a consent to advertising without its date and source cannot"},
		{"no date of the calendar", ru, "да;31.02.2026;сайт", "", "2 Дата согласия на рекламу bad_date|2 Согласие на рекламу no_proof"},
		{"in the future", ru, "да;23.11.2026;сайт", "", "2 Дата согласия на рекламу bad_date"},
		{"a no in the future", ru, "нет;23.11.2026;", "", "2 Дата согласия на рекламу bad_date"},
		{"English", "Customer;Phone;Marketing Consent;Marketing Consent Date;Marketing Consent Source", "Yes;2026-03-01;web form", "true 2026-02-28T21:00:00Z web form", ""},
		{"English no", "Customer;Phone;Consent to advertising;Date of consent to advertising;Source of ad consent", "opted out;2026-03-01;call", "false 2026-02-28T21:00:00Z call", ""},
		{"field names", "Customer;Phone;ad_consent;ad_consent_at;ad_consent_source", "true;2026-03-01;web form", "true 2026-02-28T21:00:00Z web form", ""},
		{"Chinese", "客户姓名;手机;是否同意接收广告;同意接收广告日期;同意接收广告方式", "是;2026/3/1;官网", "true 2026-02-28T21:00:00Z 官网", ""},
		{"Chinese no", "客户姓名;手机;营销同意;营销同意日期;营销同意来源", "否;2026年3月1日;", "false 2026-02-28T21:00:00Z ", ""},
		{"personal data are another matter", "Клиент;Телефон;Согласие на обработку персональных данных;Дата согласия;Источник согласия", "да;01.03.2026;анкета", "", ""},
		{"so are the two in one", "Клиент;Телефон;Согласие на обработку ПДн и рекламу;Дата согласия на рекламу;Источник согласия на рекламу", "да;01.03.2026;анкета", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := read(t, c.header+"\nПервый Иван;+79000003001;"+c.cells+"\n", moscow(t, Customers))
			if len(f.Rows) != 1 || f.Rows[0].Refused() {
				t.Fatalf("rows: %+v", f.Rows)
			}
			got := ""
			if w := f.Rows[0].Record.Customer.Consent; w != nil {
				at := "-"
				if !w.At.IsZero() {
					at = w.At.Format(time.RFC3339)
				}
				got = fmt.Sprintf("%t %s %s", w.Given, at, w.Source)
			}
			if got != c.want {
				t.Errorf("%q, want %q; understood %v", got, c.want, f.Fields)
			}
			var want []string
			if c.problems != "" {
				want = strings.Split(c.problems, "|")
			}
			for i, p := range f.Rows[0].Problems {
				if is := fmt.Sprintf("%d %s %s: %s", p.Line, p.Column, p.Code, p.Reason); i >= len(want) || !strings.HasPrefix(is, want[i]) || p.Refused {
					t.Errorf("problem %q, want %q", is, want)
				}
			}
			if len(f.Rows[0].Problems) != len(want) {
				t.Errorf("problems %+v, want %q", f.Rows[0].Problems, want)
			}
		})
	}
	if f := read(t, "ЗН;Клиент;Телефон;Дата закрытия;"+strings.TrimPrefix(ru, "Клиент;Телефон;")+"\n1;Первый Иван;+79000003001;20.11.2026;да;01.03.2026;сайт\n", moscow(t, Visits)); f.Rows[0].Record.Customer.Consent != nil {
		t.Error("an order gives a consent")
	}
}
