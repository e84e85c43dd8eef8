package console

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/sandbox"
	"otklik/internal/store"
)

const (
	// mostPhones is how many demo customers are shown at once; the others are folded.
	mostPhones = 12
	// foldedPhones is how many others at most.
	foldedPhones = 48
)

// phonesPage shows the demo customers' phones.
type phonesPage struct {
	People []person
	// Chosen is the customer whose phone is open.
	Chosen *person
	// Ahead is how far business time is before the system's.
	Ahead time.Duration
	// Next is when the next message is due; zero when none waits.
	Next time.Time
	// Typed is what was typed and refused, for Channel.
	Typed, Channel string
}

// person is one demo customer with his threads side by side.
type person struct {
	Key      string
	Contact  store.Contact
	Car      string
	Locale   string
	Threads  []thread
	Last     time.Time
	Items    int
	Selected bool
	// Preview is the newest text, PreviewFile the kind of file that came instead.
	Preview, PreviewFile string
}

// thread is one app on a phone.
type thread struct {
	Channel channels.Kind
	Address string
	Peer    string
	Items   []sandbox.Item
	// CanWrite: the person can type here; CanStart: the bot was never opened.
	CanWrite, CanStart bool
	Typed              string
}

func (c *Console) phones(q *request) error {
	p, err := c.phonesOf(q, q.r.URL.Query().Get("who"))
	if err != nil {
		return err
	}
	return q.page("phones", "phones.title", p)
}

func (c *Console) phonesOf(q *request, who string) (p phonesPage, err error) {
	p.Ahead = q.now.Sub(c.Clock.Machine()).Round(time.Minute)
	if p.Next, err = c.Store.NextDue(q.ctx()); err != nil {
		return p, fmt.Errorf("reading what is due next: %w", err)
	}
	if p.People, err = c.people(q); err != nil {
		return p, err
	}
	for i := range p.People {
		if p.People[i].Key == who {
			p.Chosen = &p.People[i]
		}
	}
	if p.Chosen == nil && len(p.People) > 0 {
		p.Chosen = &p.People[0]
	}
	if p.Chosen != nil {
		p.Chosen.Selected = true
	}
	return p, nil
}

// Front are the people with the newest messages.
func (p phonesPage) Front() []person { return p.People[:min(len(p.People), mostPhones)] }

// Others are the rest.
func (p phonesPage) Others() []person { return p.People[len(p.Front()):] }

// OtherChosen: the open phone is of one of the others.
func (p phonesPage) OtherChosen() bool {
	return slices.ContainsFunc(p.Others(), func(x person) bool { return x.Selected })
}

// people joins the phones' threads with the customers they belong to. Customers of
// the demo without any message yet are there too, so that one can write first.
func (c *Console) people(q *request) ([]person, error) {
	known, err := c.Store.SearchContacts(q.ctx(), q.dealer.ID, "", mostPhones*2)
	if err != nil {
		return nil, fmt.Errorf("reading the demo's customers: %w", err)
	}
	var out []person
	owner := map[string]bool{}
	add := func(x store.Contact, key string) {
		for _, a := range x.Addresses {
			owner[string(a.Channel)+":"+strings.ToLower(a.Value)] = true
		}
		out = append(out, person{Key: key, Contact: x, Locale: cmp.Or(x.Locale, q.dealer.Locale)})
	}
	for _, x := range known {
		if !slices.ContainsFunc(out, func(p person) bool { return p.Key == x.ID }) && len(x.Addresses) > 0 {
			add(x, x.ID)
		}
	}
	for _, a := range c.Sandbox.Phones.Addresses() {
		if len(out) == mostPhones+foldedPhones {
			break
		}
		key := string(a.Channel) + ":" + strings.ToLower(a.Address)
		if owner[key] {
			continue
		}
		x, err := c.atAddress(q, a)
		if err != nil {
			return nil, err
		}
		add(x, cmp.Or(x.ID, key))
	}
	for i := range out {
		c.threads(&out[i])
	}
	slices.SortStableFunc(out, func(a, b person) int { return b.Last.Compare(a.Last) })
	return out, nil
}

// atAddress is who owns an address; a stranger is called as his phone is.
func (c *Console) atAddress(q *request, a sandbox.Address) (store.Contact, error) {
	ids, err := c.Store.ContactsAt(q.ctx(), a.Channel, a.Address)
	if err != nil {
		return store.Contact{}, fmt.Errorf("looking for a phone's owner: %w", err)
	}
	if len(ids) > 0 {
		return c.Store.Contact(q.ctx(), ids[0])
	}
	return store.Contact{Name: cmp.Or(a.Name, a.Address), Addresses: []store.Address{{Channel: a.Channel, Value: a.Address}}}, nil
}

// threads fills what a person's apps show.
func (c *Console) threads(p *person) {
	for _, ch := range []channels.Kind{channels.SMS, channels.Telegram, channels.Email} {
		address := p.Contact.On(ch)
		if address == "" {
			continue
		}
		t := thread{Channel: ch, Address: address, Items: c.Sandbox.Phones.Thread(ch, address), CanWrite: true}
		for _, item := range t.Items {
			t.Peer = peerName(item)
			p.Items++
			if !item.At.Before(p.Last) {
				p.Last, p.Preview, p.PreviewFile = item.At, item.Text, item.File
			}
		}
		t.CanStart = ch == channels.Telegram && len(t.Items) == 0
		p.Threads = append(p.Threads, t)
	}
	// Apps that show something stand before those that show nothing yet.
	slices.SortStableFunc(p.Threads, func(a, b thread) int { return min(len(b.Items), 1) - min(len(a.Items), 1) })
}

// peerName is whom a thread is with, as a phone shows it.
func peerName(item sandbox.Item) string {
	if a, err := mail.ParseAddress(item.Peer); err == nil {
		return cmp.Or(a.Name, a.Address)
	}
	return item.Peer
}

// phoneWrite types into a thread as the customer.
func (c *Console) phoneWrite(q *request) error {
	return c.onPhone(q, func() error {
		text := q.text("text")
		ch, address := channels.Kind(q.r.PostFormValue("channel")), q.r.PostFormValue("address")
		if kind := q.r.PostFormValue("file"); kind != "" && ch == channels.Telegram {
			return c.Sandbox.Servers.SendFile(q.ctx(), address, kind, text)
		}
		if text == "" {
			return errEmptyText
		}
		if ch == channels.Telegram && q.r.PostFormValue("start") != "" {
			return c.Sandbox.Servers.StartBot(q.ctx(), address, q.r.PostFormValue("name"), "")
		}
		return c.Sandbox.Servers.Write(q.ctx(), ch, address, text)
	})
}

// phoneSample is a file as the phone that sent it shows it.
func (c *Console) phoneSample(q *request) error {
	x, ok := sandbox.Sample(q.r.PathValue("kind"))
	if !ok {
		return store.ErrNotFound
	}
	q.w.Header().Set("Content-Type", x.Type)
	http.ServeContent(q.w, q.r, "", time.Time{}, bytes.NewReader(x.Content))
	return nil
}

// phoneTap presses a button of a chat.
func (c *Console) phoneTap(q *request) error {
	return c.onPhone(q, func() error {
		return c.Sandbox.Servers.Tap(q.ctx(), q.r.PostFormValue("chat"), q.r.PostFormValue("item"), q.r.PostFormValue("data"))
	})
}

// onPhone acts as the customer and returns to his phone.
func (c *Console) onPhone(q *request, do func() error) error {
	if err := q.r.ParseForm(); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	who := q.r.PostFormValue("who")
	err := do()
	if err == nil {
		return q.redirect(phoneOf(who) + "#" + url.PathEscape(q.r.PostFormValue("channel")))
	}
	if !refused(err) {
		return err
	}
	status, key := failureOf(err)
	p, err := c.phonesOf(q, who)
	if err != nil {
		return err
	}
	p.Typed, p.Channel = q.r.PostFormValue("text"), q.r.PostFormValue("channel")
	return q.pageWith(status, "phones", "phones.title", p, q.lang.text(key))
}

// steps of the clock that the page offers, in hours.
func clockSteps() []int { return []int{1, 24, 48} }

// womensDay is the one day that the page jumps to: the greetings of 8 March (R052).
const womensDay = "03-08"

// untilWomensDay is how long it is to noon of the next 8 March.
func untilWomensDay(now time.Time) time.Duration {
	day := time.Date(now.Year(), time.March, 8, 12, 0, 0, 0, now.Location())
	if !day.After(now) {
		day = day.AddDate(1, 0, 0)
	}
	return day.Sub(now)
}

// phoneAdvance moves business time forward.
func (c *Console) phoneAdvance(q *request) error {
	by := untilWomensDay(q.now.In(q.dealer.Location()))
	if q.r.PostFormValue("to") != womensDay {
		hours, err := strconv.Atoi(q.r.PostFormValue("hours"))
		if err != nil || !slices.Contains(clockSteps(), hours) {
			return errBadForm
		}
		by = time.Duration(hours) * time.Hour
	}
	if err := c.Sandbox.Advance(q.ctx(), by); err != nil {
		return fmt.Errorf("moving the clock: %w", err)
	}
	q.flash("phones.moved")
	return q.redirect(phoneOf(q.r.PostFormValue("who")))
}

// phoneOf is the address of one customer's phone.
func phoneOf(who string) string { return "/phones?" + url.Values{"who": {who}}.Encode() }

// mailPolicy lets a mail show itself with its own styles and nothing else: it is
// somebody else's document inside our page.
const mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"

// phoneMail is one mail as a mail program shows it, for a frame.
func (c *Console) phoneMail(q *request) error {
	seq, err := strconv.ParseInt(q.r.PathValue("seq"), 10, 64)
	if err != nil {
		return store.ErrNotFound
	}
	for _, a := range c.Sandbox.Phones.Addresses() {
		if a.Channel != channels.Email {
			continue
		}
		for _, item := range c.Sandbox.Phones.Thread(a.Channel, a.Address) {
			if item.Seq == seq && item.HTML != "" {
				h := q.w.Header()
				h.Set("Content-Security-Policy", mailPolicy)
				h.Set("X-Frame-Options", "SAMEORIGIN")
				h.Set("Content-Type", "text/html; charset=utf-8")
				q.w.WriteHeader(http.StatusOK)
				// Links of a mail open beside the console, as they would in a mail program.
				_, _ = q.w.Write([]byte(strings.Replace(item.HTML, "<head>", `<head><base target="_blank">`, 1)))
				return nil
			}
		}
	}
	return store.ErrNotFound
}

// Steps are the offered steps of the clock.
func (phonesPage) Steps() []int { return clockSteps() }
