package crash_test

import (
	"fmt"
	"slices"
	"strings"
)

// complaint is one thing that must not be, with its kind for counting.
type complaint struct{ kind, text string }

// Kinds of complaints.
const (
	lost     = "lost"     // planned and neither arrived nor accounted for
	standing = "standing" // claimed, queued or sending after everything has passed
	doubled  = "doubled"  // arrived more often than may be
	wrong    = "wrong"    // the row says something else than the sink
	unasked  = "unasked"  // left unknown without the questions that are due
	orphan   = "orphan"   // a row without the row it belongs to
)

// judgement compares rows with arrivals.
type judgement struct {
	books    books
	bySMS    map[string][]arrival // by address
	byMail   map[string][]arrival
	messages map[string][]messageRow // by outreach
	found    []complaint
}

// judge names everything in which what arrived and what the rows say break the
// promise: nothing lost, nothing doubled whose outcome was certain, what is
// uncertain named and asked about. All work must have come to its end.
func judge(b books, texts, mails []arrival) []complaint {
	j := &judgement{books: b, bySMS: map[string][]arrival{}, byMail: map[string][]arrival{}, messages: map[string][]messageRow{}}
	for _, a := range texts {
		j.bySMS[a.to] = append(j.bySMS[a.to], a)
	}
	for _, a := range mails {
		j.byMail[a.to] = append(j.byMail[a.to], a)
	}
	for _, m := range b.messages {
		j.messages[m.outreach] = append(j.messages[m.outreach], m)
	}
	j.plans()
	j.relations()
	known := map[string]bool{}
	for _, m := range b.messages {
		known[m.channel+" "+m.address] = true
		switch m.channel {
		case "sms":
			j.text(m)
		case "email":
			j.mail(m)
		default:
			j.complain(wrong, "message %s goes by %s", m.id, m.channel)
		}
	}
	for to, as := range j.bySMS {
		if !known["sms "+to] {
			j.complain(wrong, "%d SMS to %s have no row", len(as), to)
		}
	}
	for to, as := range j.byMail {
		if !known["email "+to] {
			j.complain(wrong, "%d mails to %s have no row", len(as), to)
		}
	}
	return j.found
}

func (j *judgement) complain(kind, format string, args ...any) {
	j.found = append(j.found, complaint{kind, fmt.Sprintf(format, args...)})
}

// plans checks that every visit has its outreach and every outreach its message.
func (j *judgement) plans() {
	if n := len(j.books.outreach); n != j.books.visits {
		j.complain(lost, "%d visits have %d surveys planned", j.books.visits, n)
	}
	for _, o := range j.books.outreach {
		ms := j.messages[o.id]
		switch {
		case o.claimed || o.state == "planned" || o.state == "held" || o.state == "claimed":
			j.complain(standing, "outreach %s stands %s (claimed: %v)", o.id, o.state, o.claimed)
		case o.state != "done":
			j.complain(lost, "outreach %s ended %s by rule %q, and there was no reason to", o.id, o.state, o.rule)
		case len(ms) == 0:
			j.complain(lost, "outreach %s is done and has no message", o.id)
		case len(ms) > 1:
			j.complain(doubled, "outreach %s has %d messages: %s", o.id, len(ms), ms)
		}
	}
}

// relations checks what foreign keys would.
func (j *judgement) relations() {
	outreach, conversations, opened, spoken := map[string]bool{}, map[string]conversationRow{}, map[string]int{}, map[string]bool{}
	for _, o := range j.books.outreach {
		outreach[o.id] = true
		if !j.books.contacts[o.contact] {
			j.complain(orphan, "outreach %s has no contact", o.id)
		}
	}
	for _, c := range j.books.conversations {
		conversations[c.id] = c
		if opened[c.outreach]++; opened[c.outreach] > 1 {
			j.complain(doubled, "outreach %s has opened %d conversations", c.outreach, opened[c.outreach])
		}
		if !outreach[c.outreach] || !j.books.contacts[c.contact] {
			j.complain(orphan, "conversation %s has no outreach or no contact", c.id)
		}
	}
	for _, m := range j.books.messages {
		spoken[m.conversation] = true
		c, ok := conversations[m.conversation]
		switch {
		case !outreach[m.outreach] || !j.books.contacts[m.contact]:
			j.complain(orphan, "message %s has no outreach or no contact", m.id)
		case !ok || c.outreach != m.outreach || c.contact != m.contact:
			j.complain(orphan, "message %s has no conversation of its own", m.id)
		}
	}
	for _, c := range j.books.conversations {
		if !spoken[c.id] {
			j.complain(orphan, "conversation %s has no message", c.id)
		}
	}
}

// ended checks what holds for a message on any channel; false when it has not come
// to its end.
func (j *judgement) ended(m messageRow, copies int) bool {
	switch m.state {
	case "queued", "sending":
		j.complain(standing, "message %s stands (claimed: %v)", m, m.claimed)
		return false
	case "sent", "delivered", "unknown":
	case "failed", "expired":
		if m.code == "" && len(j.books.attempts[m.id]) == 0 {
			j.complain(lost, "message %s, and nothing says why", m)
		}
		if copies > 0 && (m.channel == "sms" || !slices.Contains(j.books.attempts[m.id], "uncertain")) {
			j.complain(wrong, "message %s, and the sink has it %d times", m, copies)
		}
	default:
		j.complain(lost, "message %s, and there was no reason to", m)
	}
	// What a report finished keeps the claim of a node that died before it recorded.
	if m.claimed && m.state != "delivered" {
		j.complain(standing, "message %s is still claimed", m)
	}
	return true
}

// questions is how often the provider is asked before a text is given up.
const questions = 2

// text checks one SMS. The provider can be asked, so that there is never a second.
func (j *judgement) text(m messageRow) {
	got := j.bySMS[m.address]
	for _, a := range got {
		if a.ref != m.id {
			j.complain(doubled, "SMS to %s came as message %s, and its row is %s", m.address, a.ref, m)
		}
	}
	if len(got) > 1 {
		j.complain(doubled, "SMS %s, attempts %v, arrived %d times:%s", m, j.books.attempts[m.id], len(got), times(got))
	}
	if !j.ended(m, len(got)) {
		return
	}
	gone := m.state == "sent" || m.state == "delivered"
	switch {
	case gone && len(got) == 0:
		j.complain(lost, "SMS %s, and the sink does not have it", m)
	case gone && m.provider != got[0].id:
		j.complain(wrong, "SMS %s, and the sink has it as%s", m, times(got))
	case m.state == "unknown" && len(got) > 0:
		j.complain(wrong, "SMS %s, and the sink has it as%s", m, times(got))
	case m.state == "unknown" && m.asked < questions:
		j.complain(unasked, "SMS %s: the provider was not asked often enough", m)
	}
}

// mail checks one mail. An uncertain one may come a second time under the same
// Message-ID, which the mailbox throws away.
func (j *judgement) mail(m messageRow) {
	got := j.byMail[m.address]
	for _, a := range got {
		if !strings.HasPrefix(a.id, m.id+"@") || a.id != got[0].id {
			j.complain(doubled, "mail to %s came as %s, and its row is %s", m.address, a.id, m)
		}
	}
	most := 1
	if m.asked > 0 {
		most = 2
	}
	if len(got) > most {
		j.complain(doubled, "mail %s, attempts %v, arrived %d times:%s", m, j.books.attempts[m.id], len(got), times(got))
	}
	if !j.ended(m, len(got)) {
		return
	}
	switch {
	case m.state == "sent" && len(got) == 0:
		j.complain(lost, "mail %s, and the sink does not have it", m)
	case m.state == "sent" && m.provider != got[0].id:
		j.complain(wrong, "mail %s, and the sink has it as%s", m, times(got))
	case m.state == "unknown" && m.asked < 1:
		j.complain(unasked, "mail %s was not repeated", m)
	}
}

func times(as []arrival) string {
	var b strings.Builder
	for _, a := range as {
		fmt.Fprintf(&b, " %s at %s (answered: %v, dot at byte %d)", a.id, a.at.Format("15:04:05.000"), a.answered, a.dot)
	}
	return b.String()
}

// summary counts complaints by kind and shows some of each.
func summary(cs []complaint) string {
	const shown = 8
	kinds := map[string]int{}
	var b strings.Builder
	for _, c := range cs {
		if kinds[c.kind]++; kinds[c.kind] <= shown {
			fmt.Fprintf(&b, "\n%s: %s", c.kind, c.text)
		}
	}
	return fmt.Sprintf("%d complaints %v%s", len(cs), kinds, b.String())
}
