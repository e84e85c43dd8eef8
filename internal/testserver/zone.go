package testserver

import (
	"fmt"
	"time"
)

// Noon names a zone of whole hours in which it is between 12 and 13 o'clock at now: no
// quiet hours there, on any day, for seven hours at least.
func Noon(now time.Time) string {
	switch ahead := 12 - now.UTC().Hour(); {
	case ahead > 0:
		return fmt.Sprintf("Etc/GMT-%d", ahead) // the sign is POSIX's
	case ahead < 0:
		return fmt.Sprintf("Etc/GMT+%d", -ahead)
	}
	return "Etc/UTC"
}
