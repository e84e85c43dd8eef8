package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"otklik/channels"
	"otklik/internal/outreach"
)

// Key names the occasion of a campaign's outreach.
func (c Campaign) Key() string { return c.ID + "@" + c.Date }

// ofCampaign is the condition of the index outreach_campaign; $1 is the occasion.
const ofCampaign = "o.occasion = $1 and o.purpose in ('greeting', 'ad') and length(o.occasion) > 36"

// fateOf is the state of the newest message of an outreach; ” before there is one.
const fateOf = "coalesce((select m.state from message m where m.contact_id = o.contact_id and m.outreach_id = o.id and m.direction = 'out' order by m.created_at desc, m.id desc limit 1), '')"

// ruleOf is why an outreach has not been sent.
const ruleOf = "case when o.state in ('planned', 'claimed', 'done') then '' else o.rule end"

// heardFor is how long after its last hour what people write counts as an answer to a
// campaign.
const heardFor = 72 * time.Hour

// Ended is what has become of some people of a campaign.
type Ended struct {
	State outreach.State
	// Rule is why they are held, dropped or merged; "" for others.
	Rule string
	// Message is the state of their newest message; "" before there is one.
	Message outreach.MessageState
	// News tells that the news beside wishes stand in it (R055).
	News bool
	N    int
}

// CampaignEnds counts what has become of the people of a campaign.
func (s *Store) CampaignEnds(ctx context.Context, c Campaign) ([]Ended, error) {
	es, err := collect(ctx, s.read, func(r *sql.Rows) (e Ended, err error) {
		return e, r.Scan(&e.State, &e.Rule, &e.Message, &e.News, &e.N)
	}, `select state, why, sent, news, count(*) from (select o.state as state, `+ruleOf+` as why, `+fateOf+` as sent, o.state = 'done' and o.inputs like '%"news":"included"%' as news
		from outreach o where `+ofCampaign+`) as fates group by state, why, sent, news order by state, why, sent, news`, c.Key())
	if err != nil {
		return nil, fmt.Errorf("counting a campaign: %w", err)
	}
	return es, nil
}

// Reached is one person of a campaign.
type Reached struct {
	ContactID, Name string
	Ended
	Inputs string
	At     time.Time
}

// CampaignPeople lists those of a campaign who have come to the same end, behind a
// contact, "" for the first; the state "" is every state.
func (s *Store) CampaignPeople(ctx context.Context, c Campaign, e Ended, after string, limit int) ([]Reached, error) {
	if after == "" {
		after = "00000000-0000-0000-0000-000000000000"
	}
	rs, err := collect(ctx, s.read, func(r *sql.Rows) (x Reached, err error) {
		var at moment
		var id text
		err = r.Scan(&id, &x.Name, &x.State, &x.Rule, &x.Message, &x.Inputs, &at)
		x.ContactID, x.At = string(id), at.Time
		return x, err
	}, `select f.contact_id, c.name, f.state, f.why, f.sent, f.inputs, f.updated_at from (select o.contact_id, o.state, `+ruleOf+` as why, `+fateOf+` as sent, o.inputs, o.updated_at
		from outreach o where `+ofCampaign+` and o.contact_id > $2 and $3 in ('', o.state)) as f join contact c on c.id = f.contact_id
		where $3 = '' or f.why = $4 and f.sent = $5 order by f.contact_id limit $6`, c.Key(), key(after), e.State, e.Rule, e.Message, limit)
	if err != nil {
		return nil, fmt.Errorf("reading the people of a campaign: %w", err)
	}
	return rs, nil
}

// Heard is what somebody wrote after a campaign had reached him.
type Heard struct {
	MessageID, ContactID, Name string
	Channel                    channels.Kind
	Text, Reading              string
	At                         time.Time
	// TaskID is the task that it has opened or was added to; "" for none.
	TaskID string
}

// heardBy joins what people wrote after a campaign had reached them; $2 is until when.
const heardBy = ` from outreach o join message i on i.contact_id = o.contact_id and i.direction = 'in' and i.created_at >= o.updated_at and i.created_at < $2
	where ` + ofCampaign + ` and o.state = 'done' and (i.conversation_id is null or exists (select 1 from conversation v where v.id = i.conversation_id and v.outreach_id = o.id))`

func (c Campaign) heardUntil() (time.Time, error) {
	day, err := time.Parse(time.DateOnly, c.Date)
	return day.Add(24*time.Hour + heardFor), err
}

// CampaignAnswers counts what people wrote after a campaign had reached them, and those
// who refused anything since; the newest answers come first, at most limit.
func (s *Store) CampaignAnswers(ctx context.Context, c Campaign, limit int) (answers []Heard, n, refused int, err error) {
	until, err := c.heardUntil()
	if err != nil {
		return nil, 0, 0, fmt.Errorf("reading the date of a campaign: %w", err)
	}
	count := func(query string) (n int, err error) {
		return one(ctx, s.read, func(r *sql.Rows) (n int, err error) { return n, r.Scan(&n) }, query, c.Key(), at(until))
	}
	if n, err = count("select count(*)" + heardBy); err == nil {
		refused, err = count(`select count(distinct o.contact_id) from outreach o join consent k on k.contact_id = o.contact_id and not k.given and k.at >= o.updated_at and k.at < $2
			where ` + ofCampaign + ` and o.state = 'done'`)
	}
	if err == nil && n > 0 {
		answers, err = collect(ctx, s.read, func(r *sql.Rows) (h Heard, err error) {
			var when moment
			var id, contact, task text
			err = r.Scan(&id, &contact, &h.Name, &h.Channel, &h.Text, &h.Reading, &when, &task)
			h.MessageID, h.ContactID, h.TaskID, h.At = string(id), string(contact), string(task), when.Time
			return h, err
		}, `select h.id, h.contact_id, c.name, h.channel, h.text, h.reading, h.created_at,
			(select t.id from task t where t.contact_id = h.contact_id and (t.message_id = h.id or exists (select 1 from task_step p where p.task_id = t.id and p.message_id = h.id)) order by t.opened_at desc limit 1)
			from (select i.id, i.contact_id, i.channel, i.text, i.reading, i.created_at`+heardBy+` order by i.created_at desc, i.id desc limit $3) as h join contact c on c.id = h.contact_id
			order by h.created_at desc, h.id desc`, c.Key(), at(until), limit)
	}
	if err != nil {
		return nil, 0, 0, fmt.Errorf("reading the answers to a campaign: %w", err)
	}
	return answers, n, refused, nil
}

// campaignChunk bounds a transaction that changes a campaign's outreach.
const campaignChunk = 500

// DropCampaign ends what of a campaign has not begun, with a decision each, and
// withdraws its messages that wait for another try. It returns how many people get
// nothing any more.
func (s *Store) DropCampaign(ctx context.Context, c Campaign, rule string, now time.Time) (dropped int, err error) {
	for n := campaignChunk; n == campaignChunk && err == nil; dropped += n {
		err = s.Tx(ctx, RankBulk, func(tx *Tx) (err error) {
			n, err = tx.dropSome(ctx, c, rule, now)
			return err
		})
	}
	if err == nil {
		_, err = s.exec(ctx, RankBulk, `update message set state = 'canceled', reason = $2, done_at = $3, updated_at = $3, claim_token = null, claim_until = null
			where direction = 'out' and state = 'queued' and outreach_id in (select o.id from outreach o where `+ofCampaign+")", c.Key(), rule, at(now))
	}
	if err != nil {
		return dropped, fmt.Errorf("ending a campaign: %w", err)
	}
	return dropped, nil
}

func (t *Tx) dropSome(ctx context.Context, c Campaign, rule string, now time.Time) (int, error) {
	type row struct{ id, contact string }
	rows, err := collect(ctx, t, func(r *sql.Rows) (x row, err error) { return x, r.Scan(&x.id, &x.contact) },
		`update outreach set state = 'dropped', rule = $2, inputs = '', claim_token = null, claim_until = null, updated_at = $3 where state in ('planned', 'held', 'claimed') and id in
			(select o.id from outreach o where `+ofCampaign+` and o.state in ('planned', 'held', 'claimed') limit $4) returning id, contact_id`, c.Key(), rule, at(now), campaignChunk)
	if err != nil {
		return 0, err
	}
	decisions := make([][]any, len(rows))
	for i, x := range rows {
		decisions[i] = []any{t.NewID(), c.DealerID, x.id, x.contact, "drop", rule, moment{}, "", at(now)}
	}
	return len(rows), t.decide(ctx, decisions)
}

// RetryCampaign plans those of a campaign again whose messages have all certainly not
// arrived, the newest of them in the given state, Failed or Undelivered: with the ladder
// behind that message's channel, or the whole ladder. Whoever has a message that was
// taken, or of which nobody knows, is left alone, and so is he for whom it is too late.
// Policy judges each anew. It returns how many there are.
func (s *Store) RetryCampaign(ctx context.Context, c Campaign, state outreach.MessageState, behind bool, now time.Time) (planned int, err error) {
	for n := campaignChunk; n == campaignChunk && err == nil; planned += n {
		err = s.Tx(ctx, RankBulk, func(tx *Tx) (err error) {
			n, err = tx.retrySome(ctx, c, state, behind, now)
			return err
		})
	}
	if err != nil {
		return planned, fmt.Errorf("trying a campaign again: %w", err)
	}
	return planned, nil
}

func (t *Tx) retrySome(ctx context.Context, c Campaign, state outreach.MessageState, behind bool, now time.Time) (int, error) {
	type row struct {
		id      string
		channel channels.Kind
	}
	rows, err := collect(ctx, t, func(r *sql.Rows) (x row, err error) { return x, r.Scan(&x.id, &x.channel) },
		"select o.id, o.channel from outreach o where "+ofCampaign+" and o.state = 'done' and o.deadline_at > $2 and "+fateOf+` = $3
			and not exists (select 1 from message m where m.contact_id = o.contact_id and m.outreach_id = o.id and m.direction = 'out' and m.state not in ('failed', 'undelivered')) limit $4`,
		c.Key(), at(now), state, campaignChunk)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	values := make([][]any, len(rows))
	for i, x := range rows {
		if !behind {
			x.channel = ""
		}
		values[i] = []any{x.id, x.channel}
	}
	changed, err := t.change(ctx, []column{{"id", "uuid"}, {"channel", "text"}}, values,
		`update outreach set state = 'planned', rule = '', inputs = '', lane = '', channel = v.channel, due_at = $1, updated_at = $1, claim_token = null, claim_until = null
			from v where outreach.id = v.id and outreach.state = 'done' returning outreach.id`, at(now))
	return len(changed), err
}
