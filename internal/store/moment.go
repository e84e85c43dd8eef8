package store

import (
	"database/sql/driver"
	"fmt"
	"time"
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
