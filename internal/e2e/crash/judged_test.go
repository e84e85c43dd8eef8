package crash_test

import (
	"slices"
	"testing"
)

// campaign is one of four people: two texts, of which one was asked about, and two
// mails, of which one was repeated; nothing is wrong with it.
func campaign() (b books, texts, mails []arrival) {
	b = books{contacts: map[string]bool{}, attempts: map[string][]string{"m2": {"uncertain"}, "m4": {"uncertain"}}, visits: 4}
	for _, m := range []messageRow{
		{id: "m1", channel: "sms", address: "+1", state: "sent", provider: "SM1", attempts: 1},
		{id: "m2", channel: "sms", address: "+2", state: "sent", provider: "SM2", attempts: 1, asked: 1},
		{id: "m3", channel: "email", address: "a@x", state: "sent", provider: "m3@x", attempts: 1},
		{id: "m4", channel: "email", address: "b@x", state: "sent", provider: "m4@x", attempts: 2, asked: 1},
	} {
		n := m.id[1:]
		m.outreach, m.conversation, m.contact = "o"+n, "c"+n, "p"+n
		b.messages = append(b.messages, m)
		b.outreach = append(b.outreach, outreachRow{id: m.outreach, contact: m.contact, state: "done"})
		b.conversations = append(b.conversations, conversationRow{m.conversation, m.outreach, m.contact})
		b.contacts[m.contact] = true
	}
	return b, []arrival{{id: "SM1", to: "+1", ref: "m1"}, {id: "SM2", to: "+2", ref: "m2"}}, []arrival{{id: "m3@x", to: "a@x"}, {id: "m4@x", to: "b@x"}, {id: "m4@x", to: "b@x"}}
}

// TestJudge: each way in which the promise can be broken is noticed, and only that.
func TestJudge(t *testing.T) {
	t.Parallel()
	if b, texts, mails := campaign(); len(judge(b, texts, mails)) != 0 {
		t.Errorf("a campaign without fault: %s", summary(judge(b, texts, mails)))
	}
	b, texts, mails := campaign()
	if b.messages[0].state, b.messages[0].claimed = "delivered", true; len(judge(b, texts, mails)) != 0 {
		t.Errorf("reported before its node recorded it and died: %s", summary(judge(b, texts, mails)))
	}
	for name, c := range map[string]struct {
		breaks func(b *books, texts, mails *[]arrival)
		kinds  []string
	}{
		"a text is lost":                 {func(_ *books, texts, _ *[]arrival) { *texts = (*texts)[1:] }, []string{lost}},
		"a mail is lost":                 {func(_ *books, _, mails *[]arrival) { *mails = (*mails)[1:] }, []string{lost}},
		"a text comes twice":             {func(_ *books, texts, _ *[]arrival) { *texts = append(*texts, (*texts)[0]) }, []string{doubled}},
		"an asked text comes twice":      {func(_ *books, texts, _ *[]arrival) { *texts = append(*texts, (*texts)[1]) }, []string{doubled}},
		"a certain mail comes twice":     {func(_ *books, _, mails *[]arrival) { *mails = append(*mails, (*mails)[0]) }, []string{doubled}},
		"a mail comes three times":       {func(_ *books, _, mails *[]arrival) { *mails = append(*mails, (*mails)[1]) }, []string{doubled}},
		"delivered, and it is not there": {func(b *books, texts, _ *[]arrival) { b.messages[0].state, *texts = "delivered", (*texts)[1:] }, []string{lost}},
		"a text of another row":          {func(_ *books, texts, _ *[]arrival) { (*texts)[0].ref = "m9" }, []string{doubled}},
		"repeated under another id":      {func(_ *books, _, mails *[]arrival) { (*mails)[2].id = "m9@x" }, []string{doubled}},
		"a stranger is written to":       {func(_ *books, texts, _ *[]arrival) { *texts = append(*texts, arrival{id: "SM3", to: "+3"}) }, []string{wrong}},
		"a stranger is mailed":           {func(_ *books, _, mails *[]arrival) { *mails = append(*mails, arrival{id: "m7@x", to: "c@x"}) }, []string{wrong}},
		"sent under another SID":         {func(b *books, _, _ *[]arrival) { b.messages[0].provider = "SM9" }, []string{wrong}},
		"sent without a SID":             {func(b *books, _, _ *[]arrival) { b.messages[0].provider = "" }, []string{wrong}},
		"unknown, and it arrived":        {func(b *books, _, _ *[]arrival) { b.messages[1].state, b.messages[1].asked = "unknown", 2 }, []string{wrong}},
		"failed, and it arrived":         {func(b *books, _, _ *[]arrival) { b.messages[1].state = "failed" }, []string{wrong}},
		"a certain mail failed":          {func(b *books, _, _ *[]arrival) { b.messages[2].state, b.messages[2].code = "failed", "550" }, []string{wrong}},
		"unknown before both asks":       {func(b *books, texts, _ *[]arrival) { b.messages[1].state, *texts = "unknown", (*texts)[:1] }, []string{unasked}},
		"a mail unknown, not repeated":   {func(b *books, _, _ *[]arrival) { b.messages[2].state = "unknown" }, []string{unasked}},
		"failed for no reason":           {func(b *books, texts, _ *[]arrival) { b.messages[0].state, *texts = "failed", (*texts)[1:] }, []string{lost}},
		"canceled":                       {func(b *books, texts, _ *[]arrival) { b.messages[0].state, *texts = "canceled", (*texts)[1:] }, []string{lost}},
		"still sending":                  {func(b *books, _, _ *[]arrival) { b.messages[1].state = "sending" }, []string{standing}},
		"still queued":                   {func(b *books, _, _ *[]arrival) { b.messages[3].state = "queued" }, []string{standing}},
		"still claimed":                  {func(b *books, _, _ *[]arrival) { b.messages[1].claimed = true }, []string{standing}},
		"outreach claimed":               {func(b *books, _, _ *[]arrival) { b.outreach[0].claimed = true }, []string{standing}},
		"outreach planned":               {func(b *books, _, _ *[]arrival) { b.outreach[0].state = "planned" }, []string{standing}},
		"outreach dropped":               {func(b *books, _, _ *[]arrival) { b.outreach[0].state = "dropped" }, []string{lost}},
		"a visit was not planned":        {func(b *books, _, _ *[]arrival) { b.visits++ }, []string{lost}},
		"done without a message": {func(b *books, texts, _ *[]arrival) { b.messages, *texts = b.messages[1:], (*texts)[1:] },
			[]string{lost, orphan}},
		"two messages of one outreach": {func(b *books, _, _ *[]arrival) { b.messages[1].outreach = "o1" }, []string{doubled, lost, orphan}},
		"outreach without contact":     {func(b *books, _, _ *[]arrival) { b.outreach[0].contact = "p9" }, []string{orphan}},
		"message without contact":      {func(b *books, _, _ *[]arrival) { b.messages[0].contact = "p9" }, []string{orphan}},
		"message without conversation": {func(b *books, _, _ *[]arrival) { b.conversations = b.conversations[1:] }, []string{orphan}},
		"conversation without message": {func(b *books, _, _ *[]arrival) {
			b.conversations = append(b.conversations, conversationRow{"c9", "o1", "p1"})
		}, []string{doubled, orphan}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, texts, mails := campaign()
			c.breaks(&b, &texts, &mails)
			found := judge(b, texts, mails)
			var kinds []string
			for _, f := range found {
				kinds = append(kinds, f.kind)
			}
			slices.Sort(kinds)
			if kinds = slices.Compact(kinds); !slices.Equal(kinds, c.kinds) {
				t.Errorf("noticed %v, want %v: %s", kinds, c.kinds, summary(found))
			}
		})
	}
}
