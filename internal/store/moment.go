package store

import (
	"database/sql/driver"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// moment is how a time stands in the database: microseconds since 1970 in UTC,
// null for the zero time. Every other way of storing times differed between the
// two engines or lost the zone.
type moment struct{ time.Time }

// at binds a time.
func at(t time.Time) moment { return moment{t} }

// Value implements driver.Valuer.
func (m moment) Value() (driver.Value, error) {
	if m.IsZero() {
		return nil, nil
	}
	return m.UnixMicro(), nil
}

// Scan implements sql.Scanner.
func (m *moment) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		m.Time = time.Time{}
	case int64:
		m.Time = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("a moment cannot be read from %T", v)
	}
	return nil
}

// text scans a nullable text or uuid column; null is "".
type text string

// Scan implements sql.Scanner.
func (t *text) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*t = ""
	case string:
		*t = text(v)
	case []byte:
		*t = text(v)
	default:
		return fmt.Errorf("text cannot be read from %T", v)
	}
	return nil
}

// opt binds an optional id or text: "" is null.
func opt(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// key binds an id that a caller brought, from a form, a link or a provider. What
// is no UUID is null and so finds nothing on both engines, where PostgreSQL would
// fail and take the transaction with it; any spelling of a UUID is made the one
// that is stored.
func key(id string) any {
	u, err := uuid.Parse(id)
	if err != nil {
		return nil
	}
	return u.String()
}

// storable makes texts what both engines keep alike: PostgreSQL refuses NUL and
// broken UTF-8, and what a person or a provider sent must never be refused for it.
func storable(args []any) []any {
	for i, a := range args {
		s, ok := a.(string)
		if !ok || storableText(s) == s {
			continue
		}
		clean := append([]any(nil), args...)
		for j := i; j < len(clean); j++ {
			if s, ok := clean[j].(string); ok {
				clean[j] = storableText(s)
			}
		}
		return clean
	}
	return args
}

func storableText(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}
