package ratelimit_test

import (
	"fmt"
	"testing"
	"time"

	"otklik/internal/ratelimit"
	"otklik/internal/testserver"
)

// BenchmarkReserve asks for 64 messages of one sender with its dealer and all
// together, and for 64 messages to as many chats, whose cells are all distinct.
func BenchmarkReserve(b *testing.B) {
	shipped, err := ratelimit.Shipped()
	if err != nil {
		b.Fatal(err)
	}
	// Wide enough that nothing is refused: a grant is the dearer answer.
	wide := ratelimit.Rate(1_000_000, time.Second, 1<<40)
	book := shipped.With(map[string]ratelimit.Limit{"channel:sms": wide, "channel:telegram": wide, "address:telegram": wide, "dealer:D": wide, "global": wide})
	var sender, chats []ratelimit.Demand
	for i := range 64 {
		sender = append(sender, book.Demand(nil, "sms", "+74950000001", "+79000000001", "D", 1+i%3))
		chats = append(chats, book.Demand(nil, "telegram", "100", fmt.Sprint(i), "D", 1))
	}
	for name, open := range map[string]func(b *testing.B) ratelimit.Cells{
		"memory": func(*testing.B) ratelimit.Cells { return ratelimit.NewMemory() },
		"redis": func(b *testing.B) ratelimit.Cells {
			c, err := ratelimit.Dial(testserver.Redis(b))
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { _ = c.Close() })
			return ratelimit.NewRedis(c, "bench:")
		},
	} {
		for what, demands := range map[string][]ratelimit.Demand{"sender": sender, "chats": chats} {
			b.Run(name+"/"+what, func(b *testing.B) {
				cells := open(b)
				b.ReportAllocs()
				for b.Loop() {
					slots, err := cells.Reserve(b.Context(), time.Now(), demands, time.Second)
					if err != nil || len(slots) != len(demands) {
						b.Fatal(len(slots), err)
					}
				}
			})
		}
	}
}

// BenchmarkDemand makes what one message takes.
func BenchmarkDemand(b *testing.B) {
	shipped, err := ratelimit.Shipped()
	if err != nil {
		b.Fatal(err)
	}
	book := shipped.With(map[string]ratelimit.Limit{"dealer:D": ratelimit.Rate(600, time.Minute, 1), "global": ratelimit.Rate(1000, time.Second, 100)})
	b.ReportAllocs()
	for b.Loop() {
		if d := book.Demand(nil, "telegram", "100", "200300", "D", 2); len(d) != 4 {
			b.Fatal(d)
		}
	}
}
