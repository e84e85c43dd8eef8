package mailtest

import "testing"

// TestStored holds the order of two mails within one second, whose names sort the
// other way round.
func TestStored(t *testing.T) {
	early, late := "/m/new/1764341304.M96000P8478.mx,S=1:2,", "/m/cur/1764341304.M640000P8479.mx:2,S"
	if !stored(early).Before(stored(late)) || early[7:] < late[7:] {
		t.Errorf("%s must be before %s", early, late)
	}
}
