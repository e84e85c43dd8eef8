package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"otklik/internal/calendar"
)

// readCalendar reads the shipped calendars and what the folder of definitions has under
// calendars. A mistake stops the start: days off that are counted wrongly are not seen.
func readCalendar(definitions string) (*calendar.Book, error) {
	own := filepath.Join(definitions, "calendars")
	if _, err := os.Stat(own); definitions == "" || errors.Is(err, fs.ErrNotExist) {
		return calendar.Default()
	}
	b, err := calendar.Default(os.DirFS(own))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", own, err)
	}
	return b, nil
}

// dated tells for which years the working days of the dealers' countries are known.
func dated(a *App) Finding {
	year := a.clock.Business().Year()
	var countries, known, wrong []string
	for _, d := range a.config.Dealers {
		countries = append(countries, d.Country)
	}
	slices.Sort(countries)
	for _, c := range slices.Compact(countries) {
		switch {
		case !a.calendar.Country(c):
			known = append(known, c+": no calendar, Monday to Friday")
		case !a.calendar.Known(c, year):
			wrong = append(wrong, fmt.Sprintf("%s: the working days of %d are only those that the law fixes; add the year, see docs/calendars.md", c, year))
		case !a.calendar.Known(c, year+1):
			known = append(known, fmt.Sprintf("%s: %d is known, %d is provisional until its decree is added, see docs/calendars.md", c, year, year+1))
		default:
			known = append(known, fmt.Sprintf("%s: %d and %d are known", c, year, year+1))
		}
	}
	if len(wrong) > 0 {
		return found("calendars", errors.New(strings.Join(wrong, "; ")), "")
	}
	return found("calendars", nil, strings.Join(known, "; "))
}
