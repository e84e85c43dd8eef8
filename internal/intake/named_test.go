package intake

import (
	"strings"
	"testing"
)

// TestNamed: numbers are found among words, and nothing else that has digits.
func TestNamed(t *testing.T) {
	for _, c := range []struct{ text, region, want, rest string }{
		{"8 916 123-45-67", "RU", "+79161234567", ""},
		{"Звоните на +7 (916) 123-45-67 после 18:30", "RU", "+79161234567", "Звоните на  после 18:30"},
		{"89161234567 завтра в 18:30", "RU", "+79161234567", "завтра в 18:30"},
		{"в 18 89161234567", "RU", "+79161234567", "в 18"},
		{"8 916 123 45 67 18", "RU", "+79161234567", "18"},
		{"89161234567 или 89161234568", "RU", "+79161234567 +79161234568", "или"},
		{"89161234567 89161234567", "RU", "+79161234567", ""},
		{"我的电话是13912345678，谢谢", "CN", "+8613912345678", "我的电话是，谢谢"},
		{"電話：１３９１２３４５６７８", "CN", "+8613912345678", "電話："},
		{"call (212) 234-5678, please", "US", "+12122345678", "call , please"},
		{"заказ 1001, 150 000 рублей, ждал 3 часа", "RU", "", "заказ 1001, 150 000 рублей, ждал 3 часа"},
		{"VIN XTA210990Y2765432", "RU", "", "VIN XTA210990Y2765432"},
		{"был у вас 24.11.2026 в 18:30", "RU", "", "был у вас 24.11.2026 в 18:30"},
		{"2", "RU", "", "2"},
		{"", "RU", "", ""},
	} {
		t.Run(c.text, func(t *testing.T) {
			got, rest := Named(c.text, c.region)
			if strings.Join(got, " ") != c.want || rest != c.rest {
				t.Errorf("%q, rest %q", got, rest)
			}
		})
	}
}

func FuzzNamed(f *testing.F) {
	for _, s := range []string{"8 916 123-45-67", "в 18 89161234567 5", "+++7(916)1234567", "１３９"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		found, rest := Named(s, "RU")
		if len(found) == 0 && rest != s {
			t.Errorf("%q became %q", s, rest)
		}
		for _, n := range found {
			if again, bad := Phone(n, "RU"); len(again) != 1 || again[0] != n || len(bad) > 0 {
				t.Errorf("%q gives %q, which is read as %q", s, n, again)
			}
		}
	})
}
