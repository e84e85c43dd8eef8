package campaign

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"otklik/channels"
	"otklik/internal/clock"
	"otklik/internal/dispatch"
	"otklik/internal/draft"
	"otklik/internal/outreach"
	"otklik/internal/policy"
	"otklik/internal/program"
	"otklik/internal/store"
)

// Programs of campaigns.
const (
	// Greeting are wishes of one's own; News an advertisement to all who agreed to it.
	Greeting = "own-greeting"
	News     = "company-news"
)

// What a person is told.
var (
	// ErrLaunched: what has been launched is not edited; a copy can be.
	ErrLaunched = errors.New("the campaign has been launched")
	// ErrProblems: something keeps it from being launched.
	ErrProblems = errors.New("the campaign cannot be launched yet")
	// ErrChanged: it would reach others than the person was shown.
	ErrChanged = errors.New("the campaign reaches others than was shown")
	// ErrSecond: the second pair of eyes is the first.
	ErrSecond = errors.New("nobody approves what he launched")
	// ErrOver: it has come to its end.
	ErrOver = errors.New("the campaign is over")
)

// Desk is where campaigns are made. All fields but Price, Wake and Changed are set
// before first use; it is safe for concurrent use.
type Desk struct {
	Store      *store.Store
	Clock      clock.Clock
	Planner    *program.Planner
	Dispatcher *dispatch.Dispatcher
	Drafter    *draft.Drafter
	Policy     *policy.Rules
	// Programs are all of them, those that cannot start too.
	Programs    func() []program.Listed
	Advertising *Advertising
	// Price is what a segment of an SMS costs; zero where nobody has said it.
	Price Price
	// Wake makes planner and dispatcher look at once, Changed the pages.
	Wake, Changed func()

	mu    sync.Mutex
	known map[rehearsed]*counting
	run   context.Context // rehearsals go on beyond the request that asked first
	stop  context.CancelFunc
	work  sync.WaitGroup
}

// Price is an amount of money.
type Price struct {
	Minor    int64
	Currency string
}

// Message is the id of the text that a campaign is sent in.
func Message(programID string) string {
	if programID == News {
		return "news.company"
	}
	return "greeting.own"
}

// Editable tells whether a campaign may still be changed.
func Editable(c store.Campaign) bool { return c.State == store.CampaignDraft }

// Save keeps a draft, a new one too, at the version that the person has seen.
func (d *Desk) Save(ctx context.Context, c store.Campaign, by store.Employee) (store.Campaign, error) {
	if c.Version > 0 {
		was, err := d.Store.Campaign(ctx, c.ID)
		if err != nil {
			return c, err
		}
		if was.DealerID != c.DealerID {
			return c, store.ErrNotFound
		}
		if !Editable(was) {
			return c, ErrLaunched
		}
		c.CreatedBy, c.CreatedAt = was.CreatedBy, was.CreatedAt
	} else {
		c.CreatedBy = by.ID
	}
	c.State, c.People, c.Size = store.CampaignDraft, 0, 0
	return d.keep(ctx, c, by, "campaign.save", "")
}

// keep writes a campaign with an audit row.
func (d *Desk) keep(ctx context.Context, c store.Campaign, by store.Employee, action, detail string) (store.Campaign, error) {
	now := d.Clock.Business()
	var out store.Campaign
	err := d.Store.Tx(ctx, store.RankPerson, func(tx *store.Tx) (err error) {
		if out, err = tx.SaveCampaign(ctx, c, now); err != nil {
			return err
		}
		return tx.Audit(ctx, c.DealerID, by.ID, action, "campaign", out.ID, detail, now)
	})
	if err != nil {
		return c, fmt.Errorf("keeping campaign %s: %w", c.ID, err)
	}
	d.changed()
	return out, nil
}

func (d *Desk) changed() {
	if d.Changed != nil {
		d.Changed()
	}
}

func (d *Desk) wake() {
	if d.Wake != nil {
		d.Wake()
	}
	d.changed()
}

// Order is what a person orders when he launches a campaign: what he was shown.
type Order struct {
	Version int
	// Size is to how many people it goes.
	Size int
	// NoAd: he answers for it that what looks like an advertisement is none.
	NoAd bool
}

// Launch launches a campaign in the name of a person, or lets it wait for the second
// one where it advertises to many (38-FZ art. 18).
func (d *Desk) Launch(ctx context.Context, c store.Campaign, order Order, by store.Employee) (store.Campaign, error) {
	switch {
	case !Editable(c):
		return c, ErrLaunched
	case c.Version != order.Version:
		return c, store.ErrConflict
	}
	r, err := d.Rehearse(ctx, c, by.ID)
	if err != nil {
		return c, err
	}
	ps, err := d.Problems(ctx, c, r)
	if err != nil {
		return c, err
	}
	detail := fmt.Sprintf("%d people", r.Send)
	for _, p := range ps {
		switch {
		case p.Rule == LooksLikeAd && order.NoAd:
			detail += ", answers for it that it is no advertisement"
		default:
			return c, ErrProblems
		}
	}
	if order.Size != r.Send {
		return c, ErrChanged
	}
	c.LaunchedBy, c.LaunchedAt, c.ApprovedBy, c.ApprovedAt = by.ID, d.Clock.Business(), "", time.Time{}
	c.People, c.Size = r.Send, r.Ads()
	c.State = store.CampaignLaunched
	action := "campaign.launch"
	if d.NeedsSecond(c) {
		c.State, action = store.CampaignReady, "campaign.ready"
	}
	if c, err = d.keep(ctx, c, by, action, detail); err != nil {
		return c, err
	}
	d.wake()
	return c, nil
}

// NeedsSecond tells whether a campaign that somebody has launched needs a second person.
func (d *Desk) NeedsSecond(c store.Campaign) bool {
	return c.Size > 0 && d.Policy.Launch(c.LaunchedBy, c.ApprovedBy, c.Size) == policy.RuleApproval
}

// Approve is the second person's word; he is not who launched it.
func (d *Desk) Approve(ctx context.Context, c store.Campaign, version int, by store.Employee) (store.Campaign, error) {
	switch {
	case c.State != store.CampaignReady:
		return c, ErrLaunched
	case c.Version != version:
		return c, store.ErrConflict
	case c.LaunchedBy == by.ID:
		return c, ErrSecond
	case d.past(c):
		return c, ErrOver
	}
	c.ApprovedBy, c.ApprovedAt, c.State = by.ID, d.Clock.Business(), store.CampaignLaunched
	c, err := d.keep(ctx, c, by, "campaign.approve", fmt.Sprintf("%d people", c.People))
	if err == nil {
		d.wake()
	}
	return c, err
}

// Withdraw makes a draft again of what waits for the second person.
func (d *Desk) Withdraw(ctx context.Context, c store.Campaign, by store.Employee) (store.Campaign, error) {
	if c.State != store.CampaignReady {
		return c, ErrLaunched
	}
	c.State, c.LaunchedBy, c.LaunchedAt, c.People, c.Size = store.CampaignDraft, "", time.Time{}, 0, 0
	return d.keep(ctx, c, by, "campaign.withdraw", "")
}

// Cancel ends a campaign: who has not got it yet gets nothing. It returns how many.
func (d *Desk) Cancel(ctx context.Context, c store.Campaign, by store.Employee) (int, error) {
	if c.State == store.CampaignCanceled {
		return 0, ErrOver
	}
	c.State = store.CampaignCanceled
	c, err := d.keep(ctx, c, by, "campaign.cancel", "")
	if err != nil {
		return 0, err
	}
	n, err := d.Store.DropCampaign(ctx, c, dispatch.RuleCanceled, d.Clock.Business())
	d.wake()
	return n, err
}

// Retry tries those again whose messages have certainly failed; with the next channel
// those whose messages did not arrive.
func (d *Desk) Retry(ctx context.Context, c store.Campaign, next bool, by store.Employee) (int, error) {
	if c.State != store.CampaignLaunched {
		return 0, ErrOver
	}
	state, action := outreach.Failed, "campaign.retry"
	if next {
		state, action = outreach.Undelivered, "campaign.next_channel"
	}
	now := d.Clock.Business()
	n, err := d.Store.RetryCampaign(ctx, c, state, next, now)
	if err != nil {
		return n, err
	}
	err = d.Store.Tx(ctx, store.RankPerson, func(tx *store.Tx) error {
		return tx.Audit(ctx, c.DealerID, by.ID, action, "campaign", c.ID, fmt.Sprintf("%d people", n), now)
	})
	d.wake()
	return n, err
}

// Copy makes a new draft of a campaign, for another day.
func (d *Desk) Copy(ctx context.Context, c store.Campaign, by store.Employee) (store.Campaign, error) {
	return d.Save(ctx, store.Campaign{DealerID: c.DealerID, Program: c.Program, Title: c.Title, Hour: c.Hour, Texts: c.Texts, News: c.News, Audience: c.Audience}, by)
}

// Sample is what somebody would get on a channel, with the news beside wishes or
// without. Errors of render are those of the text.
func (d *Desk) Sample(c store.Campaign, dealer store.Dealer, who store.Contact, ch channels.Kind, news bool) (store.Message, error) {
	texts, block, err := c.Wording()
	if err != nil {
		return store.Message{}, err
	}
	x := &draft.Occasion{Date: c.Date}
	if c.Program == News {
		x.News = texts
	} else if x.Wishes = texts; news {
		x.News = block
	}
	return d.Drafter.Shared(Message(c.Program), draft.Recipient{Dealer: dealer, Contact: who, Occasion: x, Channel: ch, Link: "preview", Now: d.Clock.Business()}, nil)
}

func (d *Desk) listed(id string) (program.Listed, bool) {
	for _, p := range d.Programs() {
		if p.ID == id {
			return p, true
		}
	}
	return program.Listed{}, false
}
