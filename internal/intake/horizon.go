package intake

import "time"

// LatestDone is the latest moment that something can have been done: a visit closed, a
// vehicle handed over, an inquiry made. Two days allow for wrong clocks and zones.
func LatestDone(now time.Time) time.Time { return now.Add(48 * time.Hour) }

// LatestAhead is the latest moment that can have been promised or agreed.
func LatestAhead(now time.Time) time.Time { return now.AddDate(2, 0, 0) }

// impossible tells why a field's moment cannot be; "" when it can, or when the
// time is not known.
func (o Options) impossible(field string, t time.Time) string {
	switch {
	case o.Now.IsZero():
	case field == fHandedOver || field == fClosedAt || field == fOpenedAt:
		if t.After(LatestDone(o.Now)) {
			return "lies in the future"
		}
	case t.After(LatestAhead(o.Now)):
		return "is more than two years ahead"
	}
	return ""
}
