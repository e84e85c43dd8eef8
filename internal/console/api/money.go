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

// currencies are the codes of ISO 4217 (list one, 2025) that money is paid in, by
// the number of decimals.
// https://www.six-group.com/en/products-services/financial-information/data-standards.html
var currencies = [...]string{
	0: " BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF ",
	2: " AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD" +
		" EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL" +
		" MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK" +
		" SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ",
	3: " BHD IQD JOD KWD LYD OMR TND ",
}

// exponent is the number of decimals of a currency; false for no known code.
func exponent(code string) (int, bool) {
	if len(code) != 3 {
		return 0, false
	}
	for decimals, codes := range currencies {
		if strings.Contains(codes, " "+code+" ") {
			return decimals, true
		}
	}
	return 0, false
}
