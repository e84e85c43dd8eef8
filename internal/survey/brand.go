package survey

import "strings"

// Brand is the brand of the question under which a vehicle falls, by the first words of
// its model; "" for none.
func (q *Question) Brand(model string) string {
	if len(q.Brands) == 0 {
		return ""
	}
	model = strings.ToLower(strings.Join(strings.Fields(model), " ")) + " "
	found := ""
	for b := range q.Brands {
		if strings.HasPrefix(model, b+" ") && len(b) > len(found) {
			found = b // of "land" and "land rover" the longer one
		}
	}
	return found
}

// AskOf is the wording for a brand: its own, and where it has none that of the question.
func (q *Question) AskOf(brand string) Wording {
	own, ok := q.Brands[brand]
	if !ok {
		return q.Ask
	}
	out := Wording{}
	for l, p := range q.Ask {
		out[l] = p.under(own[l])
	}
	return out
}

// under gives the phrases of p with those of a brand over them. A text of the brand for
// any channel holds for every channel.
func (p Phrases) under(own Phrases) Phrases {
	if own.Any != "" {
		own.Subject, own.Preheader = p.Subject, p.Preheader
		return own
	}
	for _, x := range [...]struct{ to, from *string }{{&p.SMS, &own.SMS}, {&p.Email, &own.Email}, {&p.Telegram, &own.Telegram}, {&p.Phone, &own.Phone}, {&p.Paper, &own.Paper}, {&p.Form, &own.Form}} {
		if *x.from != "" {
			*x.to = *x.from
		}
	}
	return p
}

// brands checks the wordings of brands: languages of the definition, and numbered
// answers where the question's own text must number them.
func (v *validator) brands(q *Question, i int) {
	for _, b := range sortedKeys(q.Brands) {
		path := at("questions", i, "brands", b)
		if b == "" || b != strings.ToLower(strings.Join(strings.Fields(b), " ")) {
			v.bad(path, "brand", q.ID, b)
		}
		for _, l := range sortedKeys(q.Brands[b]) {
			if _, ok := q.Ask[l]; !ok {
				v.bad(append(path, l), "brand_locale", q.ID, b, l)
			}
		}
		v.numbered(q, q.AskOf(b), path)
	}
}
