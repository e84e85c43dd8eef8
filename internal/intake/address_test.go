package intake

import (
	"slices"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"pgregory.net/rapid"
)

func TestPhone(t *testing.T) {
	for _, c := range []struct {
		cell, region string
		want         string
		bad          int
	}{
		{"8-901-000-8387", "RU", "+79010008387", 0},
		{"8 (900) 000-10-50", "RU", "+79000001050", 0},
		{"+7 904 000 78 07", "RU", "+79040007807", 0},
		{"9020008842", "RU", "+79020008842", 0},
		{"79020008842", "RU", "+79020008842", 0},
		{"+8 902 000-88-42", "RU", "+79020008842", 0},
		{"８９０２０００８８４２", "RU", "+79020008842", 0},
		{"8\u00a0902\u2011000\u201188\u201142", "RU", "+79020008842", 0},
		{"8 (863) 200-00-50", "RU", "+78632000050", 0},
		{"8-902-000-4854, +7 900 000 34 19", "RU", "+79020004854 +79000003419", 0},
		{"8-902-000-4854 +7 900 000 34 19", "RU", "+79020004854 +79000003419", 0},
		{"89020004854 89000003419", "RU", "+79020004854 +79000003419", 0},
		{"89020004854/89000003419", "RU", "+79020004854 +79000003419", 0},
		{"89020004854\n89000003419", "RU", "+79020004854 +79000003419", 0},
		{"моб. 8-902-000-4854, раб. 8 (863) 200-00-50 доб. 12", "RU", "+79020004854 +78632000050", 0},
		{"8 (863) 200-00-50 доб. 12", "RU", "+78632000050", 0},
		{"8-902-000-4854 (Мария)", "RU", "+79020004854", 0},
		{"тел.: 8-902-000-4854", "RU", "+79020004854", 0},
		{"8-902-000-4854, 89020004854", "RU", "+79020004854", 0},
		{"7.9020004854E+10", "RU", "+79020004854", 0},
		{"7,9020004854E10", "RU", "+79020004854", 0},
		{"810 375 29 123-45-67", "RU", "+375291234567", 0},
		{"+375 29 123-45-67", "RU", "+375291234567", 0},
		{"8 701 123 45 67", "RU", "+77011234567", 0},
		{"8 701 123 45 67", "KZ", "+77011234567", 0},
		{"(415) 555-0191", "US", "+14155550191", 0},
		{"1-415-555-0191", "US", "+14155550191", 0},
		{"415.555.0191 x12", "US", "+14155550191", 0},
		{"+1 415 555 0191", "RU", "+14155550191", 0},
		{"15000000311", "CN", "+8615000000311", 0},
		{"150 0000 0311", "CN", "+8615000000311", 0},
		{"+86 150-0000-0311", "US", "+8615000000311", 0},
		{"0755-12345678", "CN", "+8675512345678", 0},
		{"07700 900123", "GB", "+447700900123", 0},
		{"0532 123 45 67", "TR", "+905321234567", 0},
		{"12345", "RU", "", 1},
		{"891612345678", "RU", "", 1},
		{"8 916 123 45 67 8", "RU", "", 1},
		{"+791612345678", "RU", "", 1},
		{"139000036281", "CN", "", 1},
		{"415555019123", "US", "", 1},
		{"8916123456", "RU", "", 1},
		{"7.91612E+10", "RU", "", 1},
		{"12345, 89020004854", "RU", "+79020004854", 1},
		{"позвонить вечером", "RU", "", 1},
		{"нет", "RU", "", 0}, {"-", "RU", "", 0}, {"", "RU", "", 0}, {"无", "CN", "", 0}, {"n/a", "US", "", 0},
	} {
		good, bad := Phone(c.cell, c.region)
		if got := strings.Join(good, " "); got != c.want || len(bad) != c.bad {
			t.Errorf("%q in %s: %q, bad %q; want %q and %d bad", c.cell, c.region, got, bad, c.want, c.bad)
		}
		for _, b := range bad {
			if d := digitsOf(c.cell); len(d) > 4 && strings.Contains(b, d) {
				t.Errorf("the reason %q repeats the number", b)
			}
		}
	}
}

// What the fast path takes is the number that the library would have made of it.
func TestCommonShapesAgreeWithTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		region := rapid.SampledFrom([]string{"RU", "KZ", "US", "CN", "GB", "BY", "TR", "FR"}).Draw(t, "region")
		p := plans[region]
		national := rapid.StringMatching(`[1-9][0-9]{8,10}`).Draw(t, "number")
		prefix := rapid.SampledFrom([]string{"", p.trunk, p.code, "+" + p.code}).Draw(t, "prefix")
		digits := strings.TrimPrefix(prefix, "+") + national
		got, ok := common(digits, strings.HasPrefix(prefix, "+"), region)
		if !ok {
			return
		}
		num, err := phonenumbers.Parse(prefix+national, region)
		if err != nil {
			t.Fatalf("%s%s in %s is %s, but the library says %v", prefix, national, region, got, err)
		}
		if want := phonenumbers.Format(num, phonenumbers.E164); got != want {
			t.Fatalf("%s%s in %s is %s, by the library %s", prefix, national, region, got, want)
		}
	})
}

func TestParseEmails(t *testing.T) {
	for _, c := range []struct {
		cell string
		want []string
		bad  int
	}{
		{"olga.725@example.org", []string{"olga.725@example.org"}, 0},
		{" Olga@Example.ORG ", []string{"olga@example.org"}, 0},
		{"Ольга <olga@example.org>", []string{"olga@example.org"}, 0},
		{"mailto:olga@example.org", []string{"olga@example.org"}, 0},
		{"a@example.org; b@example.org, a@example.org", []string{"a@example.org", "b@example.org"}, 0},
		{"a@почта.рф", []string{"a@xn--80a1acny.xn--p1ai"}, 0},
		{"нет@", nil, 1}, {"@example.org", nil, 1}, {"a@b", nil, 1}, {"нет@почты.нет", nil, 1}, {"a..b@example.org", nil, 1},
		{"a@example..org", nil, 1}, {"a@@example.org", nil, 1}, {"a@example.1", nil, 1}, {"olga", nil, 1},
		{"a@example.org, b@", []string{"a@example.org"}, 1},
		{"нет", nil, 0}, {"-", nil, 0}, {"", nil, 0}, {"none", nil, 0},
	} {
		got, bad := parseEmails(c.cell)
		if !slices.Equal(got, c.want) || bad != c.bad {
			t.Errorf("%q: %q, %d bad; want %q, %d", c.cell, got, bad, c.want, c.bad)
		}
	}
}

// Telephones and e-mail addresses are found whichever column they stand in.
func TestContactCells(t *testing.T) {
	for _, c := range []struct{ header, cell, phones, emails string }{
		{"Контакты", "8-902-000-4854, olga@example.org", "+79020004854", "olga@example.org"},
		{"Контакты", "тел: 8-902-000-4854 email: olga@example.org", "+79020004854", "olga@example.org"},
		{"Контакты", "olga@example.org\n8 (863) 200-00-50; +7 900 000 34 19", "+78632000050 +79000003419", "olga@example.org"},
		{"Телефон", "olga@example.org", "", "olga@example.org"},
		{"E-mail", "8-902-000-4854", "+79020004854", ""},
	} {
		f := read(t, "Клиент;"+c.header+";Код клиента\nИванов Иван;\""+c.cell+"\";1\n", moscow(t, Customers))
		got := f.Rows[0].Record.Customer
		if strings.Join(got.Phones, " ") != c.phones || strings.Join(got.Emails, " ") != c.emails || len(f.Rows[0].Problems) != 0 {
			t.Errorf("%s %q: %v %v %v", c.header, c.cell, got.Phones, got.Emails, f.Rows[0].Problems)
		}
	}
}

func TestDecideRegion(t *testing.T) {
	us := []string{"(415) 555-0191", "(305) 555-0123", "(212) 555-0129", "(415) 555-0115", "(212) 555-0140"}
	ru := []string{"8-901-000-8387", "+79500000271", "8 (863) 200-00-50", "9020008842"}
	cn := []string{"15000000311", "18800009511", "13000008386", "17700009038"}
	gb := []string{"07911 123456", "07400 123456", "07911 654321"}
	tr := []string{"0532 123 45 67", "0542 123 45 67", "0505 123 45 67"}
	for _, c := range []struct {
		name    string
		cells   []string
		country string
		want    string
		guessed bool
	}{
		{"at home", ru, "RU", "RU", false},
		{"American file at a Russian dealer", us, "RU", "US", true},
		{"Chinese file at a Russian dealer", cn, "RU", "CN", true},
		{"Russian file at an American dealer", ru, "US", "RU", true},
		{"British file", gb, "RU", "GB", true},
		{"Turkish file", tr, "RU", "TR", true},
		{"half at home keeps home", append(slices.Clone(ru[:2]), cn[:2]...), "RU", "RU", false},
		{"no country with 95 %", append(slices.Clone(us[1:3]), cn[:2]...), "RU", "RU", false},
		{"no numbers", nil, "RU", "RU", false},
		{"international numbers need no guess", []string{"+14155550191", "+8615000000311"}, "RU", "RU", false},
		{"no dealer's country", cn, "", "CN", true},
	} {
		got, guessed := decideRegion(c.cells, c.country)
		if got != c.want || guessed != c.guessed {
			t.Errorf("%s: %s (guessed %v), want %s (%v)", c.name, got, guessed, c.want, c.guessed)
		}
	}
}
