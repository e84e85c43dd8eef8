package intake

import (
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// candidates are the countries a file's numbers may turn out to be from; one per calling code, because numbers of
// countries that share one look alike.
var candidates = [...]string{"RU", "BY", "UA", "CN", "US", "GB", "DE", "FR", "TR", "PL", "LT", "GE", "AM", "AZ", "UZ"}

// regionSample bounds how many cells are read again and again for the decision.
const regionSample = 200

// Region tells whether national telephone numbers can be read as those of a country
// (ISO 3166 alpha-2, capitals).
func Region(country string) bool { return phonenumbers.GetSupportedRegions()[country] }

// decideRegion keeps the dealer's country unless fewer than half of the cells hold a number there; then it takes the
// one country in which at least 95 % do (design.md, import). Where several would, the one of which they are mobiles.
func decideRegion(cells []string, country string) (region string, guessed bool) {
	if len(cells) == 0 {
		return country, false
	}
	if len(cells) > regionSample {
		thin := make([]string, 0, regionSample)
		for i := 0; i < regionSample; i++ {
			thin = append(thin, cells[i*len(cells)/regionSample])
		}
		cells = thin
	}
	valid := 0
	for _, c := range cells {
		if e164, _ := Phone(c, country); len(e164) > 0 {
			valid++
		}
	}
	if 2*valid >= len(cells) {
		return country, false
	}
	var all, mobile []string
	for _, r := range candidates {
		fits, mobiles := 0, 0
		for _, c := range cells {
			ok, isMobile := dialledFrom(c, r)
			if ok {
				fits++
			}
			if isMobile {
				mobiles++
			}
		}
		if 100*fits >= 95*len(cells) {
			all = append(all, r)
		}
		if 100*mobiles >= 95*len(cells) {
			mobile = append(mobile, r)
		}
	}
	switch {
	case len(all) == 1:
		return all[0], true
	case len(mobile) == 1:
		return mobile[0], true
	}
	return country, false
}

// dialledFrom holds when a cell's number is written as one dials it within the country: with the trunk prefix where
// there is one, or as the country's common shape. Without that rule nearly any ten digits are a German number.
func dialledFrom(cell, region string) (ok, mobile bool) {
	cell = phoneText(cell)
	for _, part := range strings.FieldsFunc(cell, isPhoneBreak) {
		digits, plus, valid := dialled(part)
		if !valid {
			continue
		}
		if _, common := common(digits, plus, region); common {
			return true, true
		}
		if plus {
			digits = "+" + digits
		}
		num, err := phonenumbers.Parse(digits, region)
		if err != nil || !phonenumbers.IsValidNumberForRegion(num, region) {
			continue
		}
		trunk := "0"
		if p, known := plans[region]; known && region != "CN" {
			trunk = p.trunk
		}
		if !plus && !strings.HasPrefix(digits, trunk) {
			continue
		}
		return true, phonenumbers.GetNumberType(num) == phonenumbers.MOBILE
	}
	return false, false
}
