package api

import (
	"regexp"
	"strings"
)

const amountPattern = `^[0-9]{1,12}([.][0-9]{1,6})?$`

var decimal = regexp.MustCompile(amountPattern)

// minor reads a decimal as a whole number of minor units, of which the currency
// has ten to the power of decimals in one. It never rounds: an amount with more
// decimals than the currency has is refused, unless they are zeros.
func minor(amount string, decimals int) (int64, bool) {
	if !decimal.MatchString(amount) {
		return 0, false
	}
	whole, fraction, _ := strings.Cut(amount, ".")
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > decimals {
		return 0, false
	}
	var n int64
	for _, d := range whole + fraction + strings.Repeat("0", decimals-len(fraction)) {
		n = n*10 + int64(d-'0')
	}
	return n, true
}
