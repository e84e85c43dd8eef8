package intake

import "testing"

// TestHours: hours are read as people write them in three languages.
func TestHours(t *testing.T) {
	for said, want := range map[string]string{
		"11:00-19:00": "11:00-19:00", "с 11 до 19": "11:00-19:00", "10.30 – 18": "10:30-18:00", "после 18:00": "18:00-", "с 12": "12:00-", "до 15": "-15:00",
		"after 6 pm": "18:00-", "from 9 to 17": "09:00-17:00", "before 12:00": "-12:00", "9 am - 5 pm": "09:00-17:00",
		"9点到18点": "09:00-18:00", "18点以后": "18:00-", "12点之前": "-12:00", "11:00-": "11:00-", "-19:00": "-19:00", "9-24": "09:00-",
		"": "", "вечером": "", "19-11": "", "25-26": "", "11": "", "11:75-12:00": "", "1 2 3": "",
	} {
		if got, ok := Hours(said); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", said, got, ok, want)
		}
	}
}
