package dispatch

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

func TestInputsAreEncodedAsByTheStandardLibrary(t *testing.T) {
	word := rapid.OneOf(rapid.SampledFrom([]string{"", "09:00-20:00", "Europe/Moscow", "order 1", "заказ 1", `"`, `\`, "<&>", "\x00\x7f", "\xff", "\u2028"}), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		inputs := rapid.MapOfN(word, word, 0, 12).Draw(t, "inputs")
		want, err := json.Marshal(inputs)
		if err != nil {
			t.Fatal(err)
		}
		if len(inputs) == 0 {
			want = nil
		}
		if got := encode(inputs); got != string(want) {
			t.Fatalf("%q is encoded as %s, want %s", inputs, got, want)
		}
	})
}
