package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"

	"otklik/channels"
)

var serviceSID = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)

// page is Twilio's ListMessageResponse.
type page struct {
	End             int       `json:"end"`
	FirstPageURI    string    `json:"first_page_uri"`
	NextPageURI     *string   `json:"next_page_uri"`
	Page            int       `json:"page"`
	PageSize        int       `json:"page_size"`
	PreviousPageURI *string   `json:"previous_page_uri"`
	Start           int       `json:"start"`
	URI             string    `json:"uri"`
	Messages        []message `json:"messages"`
}

const (
	defaultPageSize = 50
	maxPageSize     = 1000
)

// list gives the messages that match To, From and the DateSent bounds, the
// newest first, a page at a time.
func (t *twilio) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size := defaultPageSize
	if given := q.Get("PageSize"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 {
			refuse(w, http.StatusBadRequest, 20001, "PageSize must be between 1 and 1000")
			return
		}
		size = min(n, maxPageSize)
	}
	within, err := sentWithin(q)
	if err != nil {
		refuse(w, http.StatusBadRequest, 20001, err.Error())
		return
	}
	number, _ := strconv.Atoi(q.Get("Page"))
	found, more, known := t.find(q, within, size)
	if !known {
		refuse(w, http.StatusBadRequest, 20006, "PageToken is unknown")
		return
	}
	body := page{Page: number, PageSize: size, Start: number * size, Messages: []message{}}
	for _, e := range found {
		body.Messages = append(body.Messages, t.resource(e))
	}
	body.End = body.Start + max(len(found)-1, 0)
	body.URI = r.URL.RequestURI()
	body.FirstPageURI = pageURI(r.URL, 0, size, "")
	if more {
		next := pageURI(r.URL, number+1, size, "PA"+found[len(found)-1].ID)
		body.NextPageURI = &next
	}
	if number > 0 {
		body.PreviousPageURI = &body.FirstPageURI
	}
	writeJSON(w, http.StatusOK, body)
}

// find gives at most size entries behind the page token; more tells whether any
// are left, known whether the token was one of ours.
func (t *twilio) find(q url.Values, within func(time.Time) bool, size int) (found []*entry, more, known bool) {
	to, from, token := q.Get("To"), q.Get("From"), q.Get("PageToken")
	p := t.s.Phones
	p.mu.Lock()
	defer p.mu.Unlock()
	behind := token == ""
	for _, e := range slices.Backward(p.items) {
		if e.Channel != channels.SMS {
			continue
		}
		if !behind {
			behind = "PA"+e.ID == token
			continue
		}
		sender, recipient := e.Peer, e.Address
		if !e.FromDealer {
			sender, recipient = recipient, sender
		}
		if (to != "" && to != recipient) || (from != "" && from != sender) || !within(e.machine) {
			continue
		}
		if len(found) == size {
			return found, true, true
		}
		found = append(found, e)
	}
	return found, false, behind
}

func pageURI(u *url.URL, number, size int, token string) string {
	q := u.Query()
	q.Del("PageToken")
	q.Set("Page", strconv.Itoa(number))
	q.Set("PageSize", strconv.Itoa(size))
	if token != "" {
		q.Set("PageToken", token)
	}
	return u.Path + "?" + q.Encode()
}

// sentWithin reads DateSent, DateSent< and DateSent> (both inclusive, as the
// documented <= and >= arrive). A date without a time is a whole day in GMT.
func sentWithin(q url.Values) (func(time.Time) bool, error) {
	var from, until time.Time
	for _, key := range []string{"DateSent", "DateSent<", "DateSent>"} {
		given := q.Get(key)
		if given == "" {
			continue
		}
		first, last, err := span(given)
		if err != nil {
			return nil, fmt.Errorf("%s is not a date: %s", key, given)
		}
		if key != "DateSent<" {
			from = first
		}
		if key != "DateSent>" {
			until = last
		}
	}
	return func(at time.Time) bool {
		at = at.Truncate(time.Second)
		return !at.Before(from) && (until.IsZero() || !at.After(until))
	}, nil
}

// span gives the first and the last second that a written date means.
func span(given string) (first, last time.Time, err error) {
	if day, err := time.Parse(time.DateOnly, given); err == nil {
		return day, day.AddDate(0, 0, 1).Add(-time.Second), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.RFC1123Z} {
		if at, err := time.Parse(layout, given); err == nil {
			at = at.Truncate(time.Second)
			return at, at, nil
		}
	}
	return first, last, fmt.Errorf("unknown form of date %q", given)
}
