package intake

import "testing"

// TestZone: zones are read by name and by offset, and nothing else is taken for one.
func TestZone(t *testing.T) {
	for said, want := range map[string]string{
		"Asia/Vladivostok": "Asia/Vladivostok", " Europe/Moscow ": "Europe/Moscow", "UTC+10": "Etc/GMT-10", "utc": "Etc/UTC", "GMT-5": "Etc/GMT+5", "МСК": "Europe/Moscow", "МСК+7": "Etc/GMT-10",
		"мск −1": "Etc/GMT-2", "UTC+03:00": "Etc/GMT-3",
		"": "", "Local": "", "EST": "", "Asia/Nowhere": "", "UTC+25": "", "Владивосток": "", "../etc/passwd": "",
	} {
		if got, ok := Zone(said); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", said, got, ok, want)
		}
	}
}

// TestZoneOf: a landline and a country with one zone tell it, a mobile number of a wide country does not.
func TestZoneOf(t *testing.T) {
	for phone, want := range map[string]string{
		"+74232123456": "Asia/Vladivostok", "+73832123456": "Asia/Novosibirsk", "+8613800138000": "Asia/Shanghai", "+493012345678": "Europe/Berlin", "+4915112345678": "Europe/Berlin",
		"+79140000000": "", "+79161234567": "", "+77012345678": "", "+12125551234": "", "": "", "+78005553535": "",
	} {
		if got := ZoneOf(phone); got != want {
			t.Errorf("%s: %q, want %q", phone, got, want)
		}
	}
}
