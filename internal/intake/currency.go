package intake

import "strings"

// currencies are the codes of ISO 4217 (list one, 2025) that money is paid in, by the number of decimals.
// https://www.six-group.com/en/products-services/financial-information/data-standards.html
var currencies = [...]string{
	0: " BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF ",
	2: " AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD" +
		" EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL" +
		" MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK" +
		" SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG ",
	3: " BHD IQD JOD KWD LYD OMR TND ",
}

// Exponent is the number of decimals between an amount of a currency and its minor unit; false for a code that ISO 4217
// does not know. The code is in capitals.
func Exponent(currency string) (decimals int, ok bool) {
	if len(currency) != 3 {
		return 0, false
	}
	for decimals, codes := range currencies {
		if strings.Contains(codes, " "+currency+" ") {
			return decimals, true
		}
	}
	return 0, false
}

// homes are the countries whose amounts may come without a sign, by the currency that they are then in.
var homes = [...]struct{ currency, countries string }{
	{"EUR", " AD AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MC ME MT NL PT SI SK "},
	{"RUB", " RU "}, {"USD", " US PR EC SV "}, {"CNY", " CN "}, {"KZT", " KZ "}, {"BYN", " BY "}, {"UAH", " UA "}, {"GBP", " GB "},
	{"TRY", " TR "}, {"JPY", " JP "}, {"KRW", " KR "}, {"UZS", " UZ "}, {"KGS", " KG "}, {"TJS", " TJ "}, {"TMT", " TM "},
	{"AMD", " AM "}, {"AZN", " AZ "}, {"GEL", " GE "}, {"MDL", " MD "}, {"MNT", " MN "}, {"PLN", " PL "}, {"CZK", " CZ "},
	{"HUF", " HU "}, {"RON", " RO "}, {"RSD", " RS "}, {"CHF", " CH LI "}, {"SEK", " SE "}, {"NOK", " NO "}, {"DKK", " DK "},
	{"CAD", " CA "}, {"AUD", " AU "}, {"NZD", " NZ "}, {"MXN", " MX "}, {"BRL", " BR "}, {"INR", " IN "}, {"THB", " TH "},
	{"VND", " VN "}, {"IDR", " ID "}, {"MYR", " MY "}, {"PHP", " PH "}, {"SGD", " SG "}, {"HKD", " HK "}, {"TWD", " TW "},
	{"ILS", " IL "}, {"AED", " AE "}, {"SAR", " SA "}, {"QAR", " QA "}, {"KWD", " KW "}, {"BHD", " BH "}, {"OMR", " OM "},
	{"JOD", " JO "}, {"EGP", " EG "}, {"ZAR", " ZA "},
}

// homeCurrency is the currency of a country's amounts that name none; "" where that is not known.
func homeCurrency(country string) string {
	if len(country) != 2 {
		return ""
	}
	for _, h := range homes {
		if strings.Contains(h.countries, " "+country+" ") {
			return h.currency
		}
	}
	return ""
}

// isoCode finds a code of ISO 4217 in capitals standing alone in a text: "AED", "Total, KWD", "TOTAL (KWD)". Among other
// words in capitals it counts in brackets only: ALL, TOP and TRY are currencies too.
func isoCode(text string) string {
	if in := brackets.FindString(text); in != "" {
		if code := isoCode(in[1 : len(in)-1]); code != "" {
			return code
		}
	}
	text = strings.TrimSpace(text)
	if strings.Contains(text, " ") && strings.ToUpper(text) == text {
		return ""
	}
	for i := 0; i+3 <= len(text); i++ {
		if i > 0 && isLetterByte(text[i-1]) || i+3 < len(text) && isLetterByte(text[i+3]) {
			continue
		}
		if _, ok := Exponent(text[i : i+3]); ok {
			return text[i : i+3]
		}
	}
	return ""
}

func isLetterByte(b byte) bool { return b >= 0x80 || b|0x20 >= 'a' && b|0x20 <= 'z' }
