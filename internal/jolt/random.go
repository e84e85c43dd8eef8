//go:build jolt

package jolt

import (
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"time"
)

// often is how many times as often as usual it stops: JOLT, 1 unless set.
var often = sync.OnceValue(func() float64 {
	if n, err := strconv.ParseFloat(os.Getenv("JOLT"), 64); err == nil {
		return n
	}
	return 1
})

// Here stops one call in twenty for up to 40 ms, and one in 250 for up to 600 ms.
func Here() {
	longest := time.Duration(0)
	switch x := rand.Float64() / often(); {
	case x < 0.004:
		longest = 600 * time.Millisecond
	case x < 0.054:
		longest = 40 * time.Millisecond
	default:
		return
	}
	<-time.After(rand.N(longest))
}
