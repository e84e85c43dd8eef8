package intake

import (
	"slices"
	"strings"
	"time"
)

// Join puts the lines of one order (of one customer id for customers) into one record and gives the rows in file order;
// refused rows stay. Lines that say the same collapse. A line with the same number but neither the same customer nor the
// same vehicle is refused, and so are all lines of an order of which one line was refused: stored without it, the order
// would lose that line's works when the mended line comes back. Rows refused here are marked in the given slice too, so
// that File.WriteRefused writes them; records of the given slice are not changed. The lines joined into a row are in
// Row.Joined: the rows given back and their Joined are all the rows given.
func Join(rows []Row) []Row {
	groups := map[string][]int{}
	keys := make([]string, len(rows))
	for i, r := range rows {
		if r.Record == nil {
			continue
		}
		keys[i] = r.key()
		groups[keys[i]] = append(groups[keys[i]], i)
	}
	refuseIncomplete(rows, groups)
	perOrder := totalsRepeat(rows, groups)
	out := make([]Row, 0, len(rows))
	done := set{}
	for i, r := range rows {
		if r.Record == nil {
			out = append(out, r)
			continue
		}
		if done[keys[i]] {
			continue
		}
		done[keys[i]] = true
		out = append(out, gather(rows, groups[keys[i]], perOrder))
	}
	return out
}

// key is what makes lines one record: dealer and number, else the whole content.
func (r Row) key() string {
	rec := r.Record
	number := rec.Order
	if number == "" && rec.Clock().IsZero() {
		number = rec.Customer.ExternalID
	}
	if number == "" {
		return "raw\x00" + strings.Join(r.Raw, "\x00")
	}
	return rec.Dealer + "\x00" + number
}

// refuseIncomplete refuses the good lines of orders with a refused line that belongs to them.
func refuseIncomplete(rows []Row, groups map[string][]int) {
	for i := range rows {
		if rows[i].Record != nil || rows[i].order == "" {
			continue
		}
		for _, at := range groups[rows[i].order] {
			if rows[at].Record == nil || slices.Equal(rows[at].Raw, rows[i].Raw) {
				continue
			}
			refuseRow(&rows[at], CodeSameOrder, "another line of the same order was refused; mend and import them together")
		}
	}
}

func refuseRow(r *Row, code, reason string) {
	r.Record = nil
	r.Problems = append(slices.Clip(r.Problems), Problem{Line: r.Line, Column: "order", Code: code, Reason: reason, Refused: true})
}

// gather joins a group's lines into its first, and refuses in place the later ones that are about somebody else.
func gather(rows []Row, group []int, perOrder bool) Row {
	first := rows[group[0]]
	if len(group) == 1 {
		return first
	}
	rec := first.Record.clone()
	first.Record = rec
	first.Problems = slices.Clip(first.Problems)
	for _, at := range group[1:] {
		r := rows[at]
		if r.Record == nil {
			continue
		}
		if slices.Equal(r.Raw, first.Raw) {
			first.Joined = append(first.Joined, r)
			continue
		}
		if !samePerson(rec.Customer, r.Record.Customer) && !sameCar(rec.Vehicle, r.Record.Vehicle) {
			refuseRow(&rows[at], CodeDuplicate, "duplicate order number with different content")
			continue
		}
		known := false // a copy of a line that came before
		for _, j := range first.Joined {
			known = known || slices.Equal(j.Raw, r.Raw)
		}
		if !known {
			rec.join(r.Record, perOrder)
		}
		first.Joined = append(first.Joined, r)
		first.Problems = append(first.Problems, r.Problems...)
	}
	return first
}

// clone copies what join may change.
func (r *Record) clone() *Record {
	c := *r
	c.Works = slices.Clone(r.Works)
	c.Customer.Phones = slices.Clone(r.Customer.Phones)
	c.Customer.Emails = slices.Clone(r.Customer.Emails)
	return &c
}

// join takes a further line in. New works add their amount, unless the file repeats the order's amount on every line;
// the same works again are a later state of the line.
func (r *Record) join(o *Record, perOrder bool) {
	fresh := false
	for _, w := range o.Works {
		if !slices.Contains(r.Works, w) {
			r.Works = append(r.Works, w)
			fresh = true
		}
	}
	switch {
	case !o.Total.Valid:
	case r.Total.Valid && fresh && !perOrder && r.Total.Currency == o.Total.Currency:
		r.Total.Minor += o.Total.Minor
	default:
		r.Total = o.Total
	}
	for _, t := range [...][2]*time.Time{
		{&r.HandedOverAt, &o.HandedOverAt}, {&r.ClosedAt, &o.ClosedAt}, {&r.PromisedAt, &o.PromisedAt}, {&r.StartsAt, &o.StartsAt},
	} {
		if t[1].After(*t[0]) {
			*t[0] = *t[1]
		}
	}
	if r.OpenedAt.IsZero() || !o.OpenedAt.IsZero() && o.OpenedAt.Before(r.OpenedAt) {
		r.OpenedAt = o.OpenedAt
	}
	for _, s := range [...][2]*string{
		{&r.Advisor, &o.Advisor}, {&r.Mechanic, &o.Mechanic}, {&r.Department, &o.Department}, {&r.State, &o.State},
		{&r.Vehicle.VIN, &o.Vehicle.VIN}, {&r.Vehicle.Plate, &o.Vehicle.Plate}, {&r.Vehicle.Model, &o.Vehicle.Model},
		{&r.Vehicle.DeliveredOn, &o.Vehicle.DeliveredOn}, {&r.Vehicle.Make, &o.Vehicle.Make}, {&r.Customer.Birthday, &o.Customer.Birthday},
	} {
		if *s[0] == "" {
			*s[0] = *s[1]
		}
	}
	r.Vehicle.Mileage = max(r.Vehicle.Mileage, o.Vehicle.Mileage)
	r.Repeat = r.Repeat || o.Repeat
	if samePerson(r.Customer, o.Customer) {
		for _, p := range o.Customer.Phones {
			r.Customer.Phones = appendNew(r.Customer.Phones, p)
		}
		for _, e := range o.Customer.Emails {
			r.Customer.Emails = appendNew(r.Customer.Emails, e)
		}
		if r.Customer.Gender == "" {
			r.Customer.Gender, r.Customer.GenderSource = o.Customer.Gender, o.Customer.GenderSource
		}
	}
}

// totalsRepeat tells over the whole file whether an order's lines carry the order's amount each: they do when the lines
// of different works always agree.
func totalsRepeat(rows []Row, groups map[string][]int) bool {
	equal, different := 0, 0
	for _, g := range groups {
		var a *Record
		for _, at := range g {
			b := rows[at].Record
			if a != nil && b != nil && !slices.Equal(a.Works, b.Works) && a.Total.Valid && b.Total.Valid {
				if a.Total == b.Total {
					equal++
				} else {
					different++
				}
			}
			if a == nil {
				a = b
			}
		}
	}
	return equal > 0 && different == 0
}

// samePerson: the same id where both have one, else the same name.
func samePerson(a, b Customer) bool {
	if a.ExternalID != "" && b.ExternalID != "" {
		return a.ExternalID == b.ExternalID
	}
	return fold(a.Name) == fold(b.Name)
}

// sameCar: the same chassis number where both have one, else the same plate.
func sameCar(a, b Vehicle) bool {
	if a.VIN != "" && b.VIN != "" {
		return a.VIN == b.VIN
	}
	return a.Plate != "" && VIN(a.Plate) == VIN(b.Plate)
}
