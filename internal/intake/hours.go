package intake

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var (
	clockPattern = regexp.MustCompile(`(\d{1,2})(?:\s*[:.时点]\s*(\d{2}))?\s*(am|pm)?`)
	afterPattern = regexp.MustCompile(`^(с|со|после|от|after|from|since)\s|以后|之后|后$|起$|[-–—]$`)
	untilPattern = regexp.MustCompile(`^(до|before|until|till|to|by)\s|以前|之前|前$|^[-–—]`)
)

// Hours reads the time of day at which somebody wants to be written to, in three languages, as "11:00-19:00", "11:00-" or
// "-19:00": "с 11 до 19", "после 18", "after 6 pm", "9点到18点", "18点以后". It is not ok where nothing of the kind is said.
func Hours(cell string) (hours string, ok bool) {
	w := fold(cell)
	times := clockPattern.FindAllStringSubmatch(w, -1)
	var at []int
	for _, t := range times {
		h, err := strconv.Atoi(t[1])
		m, _ := strconv.Atoi(t[2]) // "" is the full hour
		if err != nil || m > 59 {
			return "", false
		}
		if t[3] == "pm" && h < 12 {
			h += 12
		}
		if h > 24 || h == 24 && m > 0 {
			return "", false
		}
		at = append(at, 60*h+m)
	}
	const midnight = 24 * 60
	text := func(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }
	switch {
	case len(at) == 2 && at[0] < at[1] && at[1] < midnight:
		return text(at[0]) + "-" + text(at[1]), true
	case len(at) == 2 && at[0] < at[1]:
		return text(at[0]) + "-", true
	case len(at) != 1 || at[0] == 0 || at[0] == midnight:
		return "", false
	case afterPattern.MatchString(w):
		return text(at[0]) + "-", true
	case untilPattern.MatchString(w):
		return "-" + text(at[0]), true
	}
	return "", false
}

// hours are the person's own; words that tell no hours are left out with a warning.
func (r *rowReader) hours() string {
	w := strings.TrimSpace(r.cell(fHours))
	if w == "" || words().none[fold(w)] {
		return ""
	}
	h, ok := Hours(w)
	if !ok {
		r.warn(r.column(fHours), CodeBadWord, "%q are no hours like 11:00-19:00; left out", shorten(w, 20))
	}
	return h
}
