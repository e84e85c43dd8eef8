package inbox

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"otklik/channels"
	"otklik/internal/callback"
	"otklik/internal/outreach"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/internal/survey"
)

// People write one thought in several messages. Each is read and acted upon at once,
// and only what is answered waits a little: a message that comes within joinWithin of
// the one before is read again together with it, and waits likewise.
const (
	joinWithin = 8 * time.Second
	answerWait = 4 * time.Second
)

// position is what is kept of a conversation: where the survey stands, and what was
// written last.
type position struct {
	survey.State
	Last  *said  `json:"last,omitempty"`
	Which *which `json:"which,omitempty"`
}

// said is what a person wrote last, in one message or in several that belong
// together.
type said struct {
	// At is when the latest of it came.
	At time.Time `json:"at"`
	// Heard are its messages, Told those that answer it.
	Heard []string `json:"heard"`
	Told  []string `json:"told,omitempty"`
	// Edited are the messages that the person has edited since, with what stands for
	// them in Heard.
	Edited map[string]string `json:"edited,omitempty"`
	// Before is where the survey stood when it began.
	Before survey.State `json:"before"`
}

// chatty channels are those on which one thought comes in several messages.
func chatty(ch channels.Kind) bool { return ch == channels.SMS || ch == channels.Telegram }

// urgent tells what is obeyed alone and answered at once.
func urgent(r *reply.Reading) bool {
	return r.Has(reply.IntentOptOut) || r.Intent == reply.IntentResume || r.Intent == reply.IntentHelp
}

// fragment tells whether the message may belong to what was written before it.
func (e *entry) fragment(r *reply.Reading) bool {
	return e.last != nil && !e.held && !e.state.Silent && !urgent(r) && !r.Has(reply.IntentWrongPerson) && chatty(e.in.Channel) && e.in.EditOf == "" &&
		e.conv.Channel == e.in.Channel && e.conv.Address == e.in.From && e.now.Sub(e.last.At) <= joinWithin
}

// joint is what a fragment and what it follows say together.
type joint struct {
	last  said
	heard []store.Message
	// left are messages that answered the earlier part and cannot be changed any more.
	left []store.Message
	// old is the earlier part, text the whole, which ids are the messages of.
	old, text string
	texts     []string
	ids       []string
	question  string
	reading   reply.Reading
}

// joint reads what was written last; nil when it is not there any more.
func (e *entry) joint() (*joint, error) {
	j := &joint{last: *e.last}
	ms, err := e.tx.Messages(e.ctx, slices.Concat(e.last.Heard, e.last.Told))
	if err != nil {
		return nil, err
	}
	for _, m := range ms {
		switch {
		case m.Direction == store.In:
			j.heard = append(j.heard, m)
		case m.State != outreach.Queued && m.State != outreach.Canceled:
			j.left = append(j.left, m)
		}
	}
	if len(j.heard) < len(e.last.Heard) {
		return nil, nil //nolint:nilnil // nothing to read again is no error
	}
	j.order(e.last.Heard)
	j.old = words(j.heard)
	return j, nil
}

// join reads a fragment together with what it follows; nil when it stands for itself.
func (e *entry) join(question string, alone *reply.Reading, read func(string, *reply.Question) reply.Reading) (*joint, error) {
	j, err := e.joint()
	if err != nil || j == nil || e.answersTold(question, alone, j.left) {
		return nil, err
	}
	j.tell(j.with(e.in, e.msg))
	j.question, j.reading = e.reread(j, read)
	before, now := e.def.Accepts(j.question, &j.reading), e.def.Accepts(question, alone)
	if !before && (now || answeredMore(e.state, j.last.Before)) && !urgent(&j.reading) {
		return nil, nil //nolint:nilnil // together they say less than each alone
	}
	return j, nil
}

// reread reads the whole against what was asked when it began. A refusal may be cut in
// two; it is found where the cut is not heard.
func (e *entry) reread(j *joint, read func(string, *reply.Question) reply.Reading) (string, reply.Reading) {
	target := func(text string) (string, reply.Reading) {
		return survey.Target(e.def, j.last.Before, e.locale(), e.in.Channel, text, func(q *reply.Question) reply.Reading { return read(text, q) })
	}
	question, r := target(j.text)
	if !r.Has(reply.IntentOptOut) {
		if q, flat := target(strings.ReplaceAll(j.text, "\n", " ")); flat.Has(reply.IntentOptOut) {
			return q, flat
		}
	}
	if r.When == nil {
		r.When = j.when(read)
	}
	return question, r
}

// when is the time that messages of their own name: "2", "the noise is still there",
// "after six".
func (j *joint) when(read func(string, *reply.Question) reply.Reading) *reply.Interval {
	times := slices.DeleteFunc(slices.Clone(j.texts), func(text string) bool {
		r := read(text, nil)
		return !r.OnlyTime
	})
	r := read(strings.Join(times, "\n"), nil)
	return r.When
}

// order puts what was heard into the order in which it stands in the position.
func (j *joint) order(heard []string) {
	slices.SortStableFunc(j.heard, func(a, b store.Message) int {
		return cmp.Compare(slices.Index(heard, a.ID), slices.Index(heard, b.ID))
	})
}

// with puts the new message where it belongs.
func (j *joint) with(in channels.Inbound, m store.Message) []store.Message {
	m.Text = in.Text
	all := append(slices.Clone(j.heard), m)
	inOrder(all)
	return all
}

// inOrder sorts messages by the provider's time where every one has one.
func inOrder(ms []store.Message) {
	if !slices.ContainsFunc(ms, func(m store.Message) bool { return m.ProviderAt.IsZero() }) {
		slices.SortStableFunc(ms, func(a, b store.Message) int { return a.ProviderAt.Compare(b.ProviderAt) })
	}
}

// tell sets what the messages say together.
func (j *joint) tell(ms []store.Message) {
	j.text, j.texts, j.ids = words(ms), nil, nil
	for _, m := range ms {
		j.texts, j.ids = append(j.texts, m.Text), append(j.ids, m.ID)
	}
}

func words(ms []store.Message) string {
	parts := make([]string, len(ms))
	for i, m := range ms {
		parts[i] = m.Text
	}
	return strings.Join(parts, "\n")
}

// answersTold tells whether the message answers a question that has reached the person
// since: then it is no fragment.
func (e *entry) answersTold(question string, r *reply.Reading, left []store.Message) bool {
	if e.state.Question == "" || question != e.state.Question || !e.def.Accepts(question, r) {
		return false
	}
	return slices.ContainsFunc(left, func(m store.Message) bool { return asks(m, e.def, question) })
}

// asks tells whether a message asked a question, for the first or the second time.
func asks(m store.Message, def *survey.Definition, question string) bool {
	t := def.ID + "/" + question
	return m.Template == t || m.Template == t+"/again"
}

func answeredMore(st, before survey.State) bool {
	for q, a := range st.Answers {
		if old, had := before.Answers[q]; !had || !old.Same(a) {
			return true
		}
	}
	return false
}

// remember keeps what was written, for what may follow; what is told because of it
// waits.
func (e *entry) remember(before survey.State, heard []string) {
	if !chatty(e.in.Channel) {
		return
	}
	e.said = &said{At: e.now, Heard: heard, Before: before}
	if e.original != "" {
		e.said.Edited = map[string]string{}
		if e.last != nil {
			maps.Copy(e.said.Edited, e.last.Edited)
		}
		e.said.Edited[e.original] = e.msg.ID
	}
	for i := range e.outbox {
		m := &e.outbox[i]
		if due := e.now.Add(answerWait); m.DueAt.Before(due) {
			m.DueAt = due
		}
		e.said.Told = append(e.said.Told, m.ID)
	}
}

// again carries out what the words together say, in the place of what the earlier part
// said alone.
func (e *entry) again(j *joint) error {
	in, err := e.taken()
	if err != nil {
		return err
	}
	in.Reading, in.Question, in.Text, in.Number = &j.reading, j.question, j.text, e.brings(j.text)
	was := e.state
	var effects []survey.Effect
	e.state, effects = survey.Step(e.def, j.last.Before, in, e.now)
	if err := e.dial(j.text, e.state.Flagged); err != nil {
		return err
	}
	e.tx.ForgetRemarks(j.last.Heard)
	e.tx.Recall(j.last.Told, "rewritten", e.now)
	if effects, err = e.amend(j, was, effects); err != nil {
		return err
	}
	unasked(j.left, e.def, effects)
	if err := e.carry(effects); err != nil {
		return err
	}
	e.hold(j.left)
	if urgent(&j.reading) {
		return e.save()
	}
	e.remember(j.last.Before, j.ids)
	return e.save()
}

// amend gives the effects of the words together that are still to be carried out,
// after those of the earlier part. What that part alone brought about is taken back.
func (e *entry) amend(j *joint, was survey.State, effects []survey.Effect) ([]survey.Effect, error) {
	effects = e.amendAnswers(was, effects)
	if err := e.amendReview(j, effects); err != nil {
		return nil, err
	}
	return e.amendCallback(j, was, effects)
}

// amendAnswers leaves an answer that stands already as it is.
func (e *entry) amendAnswers(was survey.State, effects []survey.Effect) []survey.Effect {
	var out []survey.Effect
	changed := map[string]bool{}
	for _, f := range effects {
		if f.Kind == survey.SaveAnswer {
			changed[f.Question] = true
			if old, stands := was.Answers[f.Question]; stands && old.Same(f.Answer) {
				e.state.Answers[f.Question] = old
				continue
			}
		}
		out = append(out, f)
	}
	for i := range e.def.Questions {
		q := e.def.Questions[i].ID
		old, stood := was.Answers[q]
		now, stands := e.state.Answers[q]
		switch {
		case stood && !stands:
			e.tx.TakeBack(e.conv.ID, q, e.now)
		case stands && !changed[q] && !now.Same(old):
			out = append(out, survey.Effect{Kind: survey.SaveAnswer, Question: q, Answer: now})
		}
	}
	return out
}

// amendReview takes the earlier part out of the operator's review; it stands there
// alone when the review is of it.
func (e *entry) amendReview(j *joint, effects []survey.Effect) error {
	t, err := e.tx.OpenTaskOf(e.ctx, e.contact.ID, store.TaskReview)
	if err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	}
	rest, ok := strings.CutSuffix(t.Words, j.old)
	if !ok {
		return nil
	}
	again := slices.ContainsFunc(effects, func(f survey.Effect) bool { return f.Kind == survey.Review })
	if t.Words = strings.TrimSuffix(rest, "\n"); t.Words == "" && !again {
		return callback.Finish(e.ctx, e.tx, t, "answered", "", e.now)
	}
	return e.tx.SaveTask(e.ctx, t, e.now)
}

// amendCallback changes the callback that the earlier part opened, withdraws it, or
// opens the one that it withdrew.
func (e *entry) amendCallback(j *joint, was survey.State, effects []survey.Effect) ([]survey.Effect, error) {
	before := j.last.Before
	mine := was.Flagged && !before.Flagged
	if before.Flagged && !was.Flagged && e.state.Flagged {
		return append([]survey.Effect{{Kind: survey.Callback, Words: j.text}}, effects...), nil
	}
	if mine && !e.state.Flagged {
		return effects, e.dropCallback(was)
	}
	if mine {
		e.state.FlaggedAt = was.FlaggedAt
	}
	if was.Flagged {
		e.amended = j
	}
	return effects, nil
}

// rewrite puts the words together in the place of the earlier part in the open
// callback. The person who has it sees them one after the other.
func (e *entry) rewrite(f survey.Effect) error {
	change := func(t store.Task) error {
		if err := e.callAt(&t, f.When); err != nil {
			return err
		}
		if t.OwnerID != "" {
			return callback.AddWords(e.ctx, e.tx, t, e.in.Text, e.msg.ID, int(f.Severity), e.now)
		}
		t.Words = strings.TrimSuffix(strings.TrimSuffix(t.Words, e.amended.old), "\n")
		if f.Kind == survey.Callback {
			t.Reason, t.Severity = string(f.Reason), int(f.Severity)
		}
		return callback.AddWords(e.ctx, e.tx, t, f.Words, e.msg.ID, int(f.Severity), e.now)
	}
	if e.conv.TaskID == "" {
		return e.onCallback(change)
	}
	t, err := e.tx.Task(e.ctx, e.conv.TaskID)
	if err != nil {
		return err
	}
	return change(t)
}

// dropCallback withdraws the callback that words read anew give no cause for; once a
// person has it, it is his to close.
func (e *entry) dropCallback(was survey.State) error {
	return e.onCallback(func(t store.Task) error {
		if t.OwnerID == "" && e.now.Sub(was.FlaggedAt) <= survey.CorrectionWindow {
			return callback.Withdraw(e.ctx, e.tx, t, e.msg.ID, e.now)
		}
		e.state.Flagged, e.state.FlaggedAt, e.state.Causes = was.Flagged, was.FlaggedAt, was.Causes
		return callback.AddWords(e.ctx, e.tx, t, e.in.Text, e.msg.ID, 0, e.now)
	})
}

// unasked says in a message of its own what was to stand before a question that has left
// already.
func unasked(left []store.Message, def *survey.Definition, effects []survey.Effect) {
	for i := range effects {
		f := &effects[i]
		if f.Before == "" || !slices.ContainsFunc(left, func(m store.Message) bool { return asks(m, def, f.Question) }) {
			continue
		}
		f.Before = ""
		for k := range effects {
			switch effects[k].Kind {
			case survey.Inquiry:
				effects[k].Message = "inquiry.received"
			case survey.Callback:
				effects[k].Message = "callback.promise"
			}
		}
	}
}

// hold leaves unsaid what has left already: the thanks, or a question.
func (e *entry) hold(left []store.Message) {
	for _, m := range left {
		for i := range e.def.Questions {
			if q := e.def.Questions[i].ID; asks(m, e.def, q) {
				e.state.Told(q, m.Channel)
			}
		}
	}
	e.outbox = slices.DeleteFunc(e.outbox, func(m store.Message) bool {
		return slices.ContainsFunc(left, func(l store.Message) bool {
			return l.Template == m.Template && (l.Text == m.Text || !strings.HasPrefix(m.Template, "callback."))
		})
	})
}
