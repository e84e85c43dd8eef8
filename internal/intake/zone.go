package intake

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// offset is a zone as people write it: "UTC+10", "GMT-5", "МСК+7".
var offset = regexp.MustCompile(`^(utc|gmt|мск|msk)\s*(?:([+-])\s*(\d{1,2})(?::?00)?)?$`)

// moscowAhead is how far Moscow is ahead of UTC, in hours; since 2014 it keeps no summer time.
const moscowAhead = 3

// Zone reads a time zone: a name of the IANA database ("Asia/Vladivostok"), or an offset in full hours from UTC or Moscow.
// It is not ok where it is neither.
func Zone(cell string) (name string, ok bool) {
	w := strings.NewReplacer("−", "-", "–", "-").Replace(strings.TrimSpace(cell))
	if m := offset.FindStringSubmatch(strings.ToLower(w)); m != nil {
		h, _ := strconv.Atoi(m[3]) // "" is no offset
		if m[2] == "-" {
			h = -h
		}
		if m[1] == "мск" || m[1] == "msk" {
			h += moscowAhead
		}
		switch {
		case h < -12 || h > 14:
			return "", false
		case h == moscowAhead && (m[1] == "мск" || m[1] == "msk"):
			return "Europe/Moscow", true
		case h == 0:
			return "Etc/UTC", true
		}
		return fmt.Sprintf("Etc/GMT%+d", -h), true // its signs are the other way round
	}
	if !strings.Contains(w, "/") {
		return "", false // "Local" and short names are this machine's or ambiguous
	}
	l, err := time.LoadLocation(w)
	if err != nil {
		return "", false
	}
	return l.String(), true
}

// ZoneOf is the zone that a number in E.164 tells: of a country with one zone, or of a landline. Mobile numbers are taken
// along; where a country has several zones they tell none.
func ZoneOf(phone string) string {
	if strings.HasPrefix(phone, "+79") {
		return "" // Russia's mobile numbers, the most there are: nothing to look up
	}
	n, err := phonenumbers.Parse(phone, "")
	if err != nil {
		return ""
	}
	zones, err := phonenumbers.GetTimezonesForPrefix("+" + strconv.Itoa(int(n.GetCountryCode())))
	if err == nil && len(zones) != 1 && phonenumbers.GetNumberType(n) == phonenumbers.FIXED_LINE {
		zones, err = phonenumbers.GetTimezonesForPrefix(phone)
	}
	if err != nil || len(zones) != 1 || !strings.Contains(zones[0], "/") || strings.HasPrefix(zones[0], "Etc/") {
		return ""
	}
	return zones[0]
}

// zone is the person's: as a column tells it, else as his numbers do. told is true for the former.
func (r *rowReader) zone(phones []string) (name string, told bool) {
	if w := strings.TrimSpace(r.cell(fZone)); w != "" && !words().none[fold(w)] {
		if name, ok := Zone(w); ok {
			return name, true
		}
		r.warn(r.column(fZone), CodeBadWord, "%q is no time zone like Asia/Vladivostok or UTC+10; left out", shorten(w, 30))
	}
	for _, p := range phones {
		if name := ZoneOf(p); name != "" {
			return name, false
		}
	}
	return "", false
}
