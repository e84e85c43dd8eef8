package calendar

import "time"

// westernEaster is Easter Sunday of the Gregorian calendar: the anonymous computus of
// Nature, 20 April 1876, as Meeus gives it (Astronomical Algorithms, chapter 8).
func westernEaster(year int) Date {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return Date{year, time.Month(n / 31), n%31 + 1}
}

// orthodoxEaster is Easter Sunday of the Julian calendar, as a Gregorian date: Meeus'
// Julian algorithm and the days that the calendars lie apart.
func orthodoxEaster(year int) Date {
	a, b, c := year%4, year%7, year%19
	d := (19*c + 15) % 30
	e := (2*a + 4*b - d + 34) % 7
	n := d + e + 114
	apart := year/100 - year/400 - 2
	return On(year, time.Month(n/31), n%31+1+apart)
}
