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

// firstDelivery is the earliest day on which a vehicle that is still driven can have been
// handed over; what lies before is a slip.
const firstDelivery = "1950-01-01"

// ImpossibleDelivery tells why a vehicle cannot have been handed over on a day
// (YYYY-MM-DD), in a dealer's zone: not before 1950, not after the visit that it came to
// (zero for none), and not in the future (a zero now is not known); "" when it can.
func ImpossibleDelivery(day string, visit, now time.Time, zone *time.Location) string {
	switch {
	case day < firstDelivery:
		return "lies before 1950"
	case !now.IsZero() && day > LatestDone(now).In(zone).Format(time.DateOnly):
		return "lies in the future"
	case !visit.IsZero() && day > visit.In(zone).Format(time.DateOnly):
		return "lies after the visit"
	}
	return ""
}
