package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"otklik/internal/calendar"
	"otklik/internal/campaign"
	"otklik/internal/outreach"
	"otklik/internal/program"
	"otklik/internal/reply"
	"otklik/internal/store"
)

// rehearsalPage is what would become of a draft; Confirm asks for the launch.
type rehearsalPage struct {
	store.Campaign
	*campaign.Rehearsal
	// Ready is false while it is made; Seen is how many people have been counted.
	Ready    bool
	Seen     int
	Problems []campaign.Problem
	// Doubts are those among them that the launcher can answer for.
	Doubts  []campaign.Problem
	Confirm bool
	// Second: a second person must approve, above Limit people.
	Second bool
	Limit  int
	// Cost is in minor units of Currency; zero where no price is known.
	Cost     int64
	Currency string
	Audience program.Audience
}

// rehearse shows the dry run of a draft.
func (c *Console) rehearse(q *request) error { return c.showRehearsal(q, false, nil) }

// confirmLaunch shows what exactly a launch would do.
func (c *Console) confirmLaunch(q *request) error { return c.showRehearsal(q, true, nil) }

func (c *Console) showRehearsal(q *request, confirm bool, refusal error) error {
	x, err := c.campaignOf(q)
	if err != nil {
		return err
	}
	if !campaign.Editable(x) {
		return q.redirect("/campaigns/" + x.ID)
	}
	p := rehearsalPage{Campaign: x, Rehearsal: &campaign.Rehearsal{}, Ready: true, Confirm: confirm, Limit: c.Campaigns.Policy.Tact.ApprovalAbove}
	if p.Audience, err = program.ParseAudience(x.Audience); err != nil {
		return err
	}
	made, seen, err := c.Campaigns.RehearseWithin(q.ctx(), x, q.employee.ID, c.Patience)
	var problems []campaign.Problem
	switch {
	case err == nil && made == nil:
		p.Ready, p.Seen = false, seen
	case errors.Is(err, program.ErrNoCampaign): // without a day there is nothing to count
		problems, err = c.Campaigns.Checked(q.ctx(), x)
	case err == nil:
		p.Rehearsal = made
		problems, err = c.Campaigns.Problems(q.ctx(), x, p.Rehearsal)
	}
	if err != nil {
		return err
	}
	for _, one := range problems {
		if one.Rule == campaign.LooksLikeAd {
			p.Doubts = append(p.Doubts, one)
		} else {
			p.Problems = append(p.Problems, one)
		}
	}
	x.LaunchedBy, x.ApprovedBy, x.Size = q.employee.ID, "", p.Ads()
	p.Second = c.Campaigns.NeedsSecond(x)
	p.Cost, p.Currency = int64(p.SMS())*c.Campaigns.Price.Minor, c.Campaigns.Price.Currency
	title := "campaigns.rehearsal"
	if confirm {
		title = "campaigns.confirm"
	}
	if refusal != nil {
		status, key := failureOf(refusal)
		return q.pageWith(status, "rehearsal", title, p, q.lang.text(key))
	}
	return q.page("rehearsal", title, p)
}

// launch launches a campaign in the reader's name.
func (c *Console) launch(q *request) error {
	x, err := c.campaignForm(q)
	if err != nil {
		return err
	}
	order := campaign.Order{NoAd: q.text("no_ad") == "yes"}
	if _, err := fmt.Sscan(q.text("version")+" "+q.text("size"), &order.Version, &order.Size); err != nil {
		return fmt.Errorf("%w: %w", errBadForm, err)
	}
	x, err = c.Campaigns.Launch(q.ctx(), x, order, q.employee)
	switch {
	case errors.Is(err, campaign.ErrProblems), errors.Is(err, campaign.ErrChanged), errors.Is(err, store.ErrConflict):
		return c.showRehearsal(q, true, err)
	case err != nil:
		return err
	}
	q.flash(map[bool]string{true: "campaigns.was_launched", false: "campaigns.now_waits"}[x.State == store.CampaignLaunched])
	return q.redirect("/campaigns/" + x.ID)
}

// campaignForm reads a posted form about a campaign.
func (c *Console) campaignForm(q *request) (store.Campaign, error) {
	if err := q.r.ParseForm(); err != nil {
		return store.Campaign{}, fmt.Errorf("%w: %w", errBadForm, err)
	}
	return c.campaignOf(q)
}

// campaignAct makes an action of one that changes a campaign and has a sentence for it.
func (c *Console) campaignAct(do func(q *request, x store.Campaign) (flash string, err error)) handler {
	return func(q *request) error {
		x, err := c.campaignForm(q)
		if err != nil {
			return err
		}
		flash, err := do(q, x)
		switch {
		case refused(err) && err != nil:
			status, key := failureOf(err)
			return c.showLaunched(q, x, status, q.lang.text(key))
		case err != nil:
			return err
		}
		q.flash(flash)
		return q.redirect("/campaigns/" + x.ID)
	}
}

// approve is the second person's word.
func (c *Console) approve(q *request, x store.Campaign) (string, error) {
	version := 0
	if _, err := fmt.Sscan(q.text("version"), &version); err != nil {
		return "", fmt.Errorf("%w: %w", errBadForm, err)
	}
	_, err := c.Campaigns.Approve(q.ctx(), x, version, q.employee)
	return "campaigns.approved", err
}

func (c *Console) withdrawCampaign(q *request, x store.Campaign) (string, error) {
	_, err := c.Campaigns.Withdraw(q.ctx(), x, q.employee)
	return "campaigns.withdrawn", err
}

func (c *Console) cancelCampaign(q *request, x store.Campaign) (string, error) {
	_, err := c.Campaigns.Cancel(q.ctx(), x, q.employee)
	return "campaigns.was_canceled", err
}

func (c *Console) retryCampaign(q *request, x store.Campaign) (string, error) {
	n, err := c.Campaigns.Retry(q.ctx(), x, q.text("next") == "yes", q.employee)
	if n == 0 {
		return "campaigns.nobody_retried", err
	}
	return "campaigns.retried", err
}

func (c *Console) pauseCampaign(q *request, x store.Campaign) (string, error) {
	return "campaigns.was_paused", c.campaignPause(q, x, c.Store.Pause)
}

func (c *Console) resumeCampaign(q *request, x store.Campaign) (string, error) {
	return "campaigns.was_resumed", c.campaignPause(q, x, c.Store.Resume)
}

func (c *Console) campaignPause(q *request, x store.Campaign, do func(ctx context.Context, name, employeeID string, now time.Time) error) error {
	if x.State != store.CampaignLaunched {
		return campaign.ErrOver
	}
	return do(q.ctx(), store.CampaignPause(x.ID), q.employee.ID, q.now)
}

// copyCampaign makes a draft of a campaign.
func (c *Console) copyCampaign(q *request) error {
	x, err := c.campaignForm(q)
	if err != nil {
		return err
	}
	if x, err = c.Campaigns.Copy(q.ctx(), x, q.employee); err != nil {
		return err
	}
	q.flash("campaigns.copied")
	return q.redirect("/campaigns/" + x.ID)
}

// launchedPage is a campaign that has been launched, or waits for the second person.
type launchedPage struct {
	campaignLine
	Launcher, Approver string
	Texts, News        map[string]string
	Audience           program.Audience
	Pause              *store.Pause
	// Limit is above how many people two must agree; May: the reader may be the second,
	// Own: he is the first.
	Limit    int
	May, Own bool
	Counts   campaignCounts
	Answers  []heardLine
	// Heard is how many answers there are, Refused who has refused anything since.
	Heard, Refused int
	// Ends are the people who got nothing, by why.
	Ends []store.Ended
	// Over tells that its day is over; Late that nothing more can leave on it.
	Over, Late bool
	Day        time.Time
}

// campaignCounts are the figures of a campaign that has been launched.
type campaignCounts struct {
	Waiting, Held, Flight, Sent, Delivered, Undelivered, Failed, Unknown, Nothing, WithNews int
}

// Reached is to how many it was handed over.
func (n campaignCounts) Reached() int { return n.Sent + n.Delivered }

// heardLine is one answer.
type heardLine struct {
	store.Heard
	// Read is how it was understood.
	Read string
}

// shownAnswers is how many answers a page shows.
const shownAnswers = 50

// launched shows how a campaign goes.
func (c *Console) launched(q *request, x store.Campaign) error {
	return c.showLaunched(q, x, http.StatusOK, "")
}

func (c *Console) showLaunched(q *request, x store.Campaign, status int, problem string) error {
	if x.State == store.CampaignDraft {
		return q.redirect("/campaigns/" + x.ID)
	}
	pauses, err := c.Store.Pauses(q.ctx())
	if err != nil {
		return err
	}
	names, err := q.names()
	if err != nil {
		return err
	}
	p := launchedPage{campaignLine: campaignLine{x, q.phase(x, pauses), names[x.LaunchedBy]}, Launcher: names[x.LaunchedBy], Approver: names[x.ApprovedBy], Limit: c.Campaigns.Policy.Tact.ApprovalAbove,
		May: q.employee.Has(store.RoleManager) && q.employee.ID != x.LaunchedBy, Own: q.employee.ID == x.LaunchedBy}
	if i := slices.IndexFunc(pauses, func(p store.Pause) bool { return p.Name == store.CampaignPause(x.ID) }); i >= 0 {
		p.Pause = &pauses[i]
	}
	if p.Texts, p.News, err = x.Wording(); err != nil {
		return err
	}
	if p.Audience, err = program.ParseAudience(x.Audience); err != nil {
		return err
	}
	if day, err := calendar.Parse(x.Date); err == nil {
		p.Day = day.In(q.dealer.Location(), 12*time.Hour)
		p.Over, p.Late = !q.now.Before(day.In(q.dealer.Location(), 24*time.Hour)), !q.now.Before(day.In(q.dealer.Location(), 19*time.Hour))
	}
	if x.State != store.CampaignReady {
		look, err := c.counts.campaign(q.ctx(), c, x)
		if err != nil {
			return err
		}
		p.Counts, p.Ends, p.Heard, p.Refused = look.counts, look.nothing, look.heard, look.refused
		if p.Phase == phaseWaits && p.Counts == (campaignCounts{}) {
			p.Counts.Waiting = x.People // it is written out a day and a half before
		}
		for _, a := range look.answers {
			p.Answers = append(p.Answers, heardLine{a, q.readAs(a.Reading)})
		}
	}
	return q.pageWith(status, "launched", "campaigns.one", p, problem)
}

// readAs is how a reply was understood, in a word.
func (q *request) readAs(reading string) string {
	v := q.view("campaigns.one")
	return v.Read(&store.Message{Reading: reading})
}

// sums makes the figures of a campaign of what has become of its people.
func sums(es []store.Ended) (n campaignCounts, nothing []store.Ended) {
	for _, e := range es {
		if e.News {
			n.WithNews += e.N
		}
		switch e.State {
		case outreach.Planned, outreach.Claimed:
			n.Waiting += e.N
		case outreach.Held:
			n.Held += e.N
			nothing = append(nothing, e)
		case outreach.Done:
			n.sent(e)
		default:
			n.Nothing += e.N
			nothing = append(nothing, e)
		}
	}
	slices.SortStableFunc(nothing, func(a, b store.Ended) int { return cmp.Compare(b.N, a.N) })
	return n, nothing
}

func (n *campaignCounts) sent(e store.Ended) {
	switch e.Message {
	case outreach.Sent:
		n.Sent += e.N
	case outreach.Delivered:
		n.Delivered += e.N
	case outreach.Undelivered:
		n.Undelivered += e.N
	case outreach.Failed, outreach.Expired:
		n.Failed += e.N
	case outreach.Unknown:
		n.Unknown += e.N
	case outreach.Canceled:
		n.Nothing += e.N
	default:
		n.Flight += e.N
	}
}

// peoplePage lists some people of a campaign.
type peoplePage struct {
	store.Campaign
	// Rule is why they are on the list, Kind what the list is about.
	Rule, Kind string
	People     []personLine
	Next       string
}

// personLine is one of them.
type personLine struct {
	ID, Name, Why string
	At            time.Time
}

// shownPeople is how many people a page shows.
const shownPeople = 50

// campaignPeople lists the people behind a figure.
func (c *Console) campaignPeople(q *request) error {
	x, err := c.campaignOf(q)
	if err != nil {
		return err
	}
	query := q.r.URL.Query()
	p := peoplePage{Campaign: x, Rule: query.Get("rule"), Kind: query.Get("list")}
	if campaign.Editable(x) {
		err = c.rehearsedPeople(q, &p, query.Get("after"))
	} else {
		err = c.reachedPeople(q, &p, query.Get("after"), store.Ended{State: outreach.State(query.Get("state")), Rule: p.Rule, Message: outreach.MessageState(query.Get("message"))})
	}
	if err != nil {
		return err
	}
	return q.page("people", "campaigns.people", p)
}

func (c *Console) rehearsedPeople(q *request, p *peoplePage, after string) error {
	fs, next, err := c.Campaigns.People(q.ctx(), p.Campaign, q.employee.ID, p.Kind, p.Rule, after, shownPeople)
	if err != nil {
		return err
	}
	ids := make([]string, len(fs))
	for i := range fs {
		ids[i] = fs[i].Contact
	}
	people, err := c.Store.Contacts(q.ctx(), ids)
	if err != nil {
		return fmt.Errorf("reading people: %w", err)
	}
	p.Next = next
	for _, f := range fs {
		w := q.why(store.ListedDecision{Program: f.Program, Verdict: f.Verdict, Rule: f.Rule, Inputs: f.Inputs})
		p.People = append(p.People, personLine{f.Contact, people[f.Contact].Name, w.Sentence, f.At})
	}
	return nil
}

func (c *Console) reachedPeople(q *request, p *peoplePage, after string, e store.Ended) error {
	rs, err := c.Store.CampaignPeople(q.ctx(), p.Campaign, e, after, shownPeople+1)
	if err != nil {
		return err
	}
	if len(rs) > shownPeople {
		rs = rs[:shownPeople]
		p.Next = rs[shownPeople-1].ContactID
	}
	p.Kind = cmp.Or(string(e.Message), string(e.State))
	for _, r := range rs {
		line := personLine{ID: r.ContactID, Name: r.Name, At: r.At}
		if r.Rule != "" {
			line.Why = q.why(store.ListedDecision{Program: p.Program, Rule: r.Rule, Inputs: r.Inputs}).Sentence
		}
		p.People = append(p.People, line)
	}
	return nil
}

// OptOut tells whether an answer refuses.
func (a heardLine) OptOut() bool {
	return strings.Contains(a.Reading, `"Intent":"`+string(reply.IntentOptOut)+`"`)
}
