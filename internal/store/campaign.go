package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"
)

// Campaign is one launch of a program for a date by a named person.
type Campaign struct {
	ID, DealerID, Program, Title string
	// Date is YYYY-MM-DD; Hour, HH:MM where each person is, "" for the program's own.
	Date, Hour string
	// Texts are the wordings of this launch by language, in JSON; "" for the program's
	// own. News stand beside wishes, for those who agreed to advertising (R055).
	Texts, News string
	// Audience narrows the program's, in YAML; "" for all of it.
	Audience string
	State    string
	// People is how many it was launched to, Size to how many of them it advertises, as
	// counted at the launch.
	People, Size                      int
	CreatedBy, LaunchedBy, ApprovedBy string
	CreatedAt, LaunchedAt, ApprovedAt time.Time
	Version                           int
	UpdatedAt                         time.Time
}

// Wording are the texts of this launch and the news beside them, by language; nil where
// it has none of its own.
func (c Campaign) Wording() (texts, news map[string]string, err error) {
	if texts, err = byLanguage(c.Texts); err == nil {
		news, err = byLanguage(c.News)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading the texts of campaign %s: %w", c.ID, err)
	}
	return texts, news, nil
}

func byLanguage(kept string) (out map[string]string, err error) {
	if kept != "" {
		err = json.Unmarshal([]byte(kept), &out)
	}
	return out, err
}

// Worded keeps texts and news by language; empty ones are left out.
func (c *Campaign) Worded(texts, news map[string]string) (err error) {
	if c.Texts, err = keptTexts(texts); err == nil {
		c.News, err = keptTexts(news)
	}
	if err != nil {
		return fmt.Errorf("keeping the texts of a campaign: %w", err)
	}
	return nil
}

func keptTexts(of map[string]string) (string, error) {
	of = maps.Clone(of)
	maps.DeleteFunc(of, func(_, text string) bool { return text == "" })
	if len(of) == 0 {
		return "", nil
	}
	b, err := json.Marshal(of)
	return string(b), err
}

// States of a campaign. Ready waits for a second pair of eyes.
const (
	CampaignDraft    = "draft"
	CampaignReady    = "ready"
	CampaignLaunched = "launched"
	CampaignCanceled = "canceled"
)

const campaignCols = "id, dealer_id, program, title, date, hour, texts, news, audience, state, people, size, created_by, created_at, launched_by, launched_at, approved_by, approved_at, version, updated_at"

func scanCampaign(r *sql.Rows) (c Campaign, err error) {
	var created, launched, approved text
	var createdAt, launchedAt, approvedAt, updated moment
	err = r.Scan(&c.ID, &c.DealerID, &c.Program, &c.Title, &c.Date, &c.Hour, &c.Texts, &c.News, &c.Audience, &c.State, &c.People, &c.Size, &created, &createdAt, &launched, &launchedAt, &approved, &approvedAt, &c.Version, &updated)
	c.CreatedBy, c.LaunchedBy, c.ApprovedBy = string(created), string(launched), string(approved)
	c.CreatedAt, c.LaunchedAt, c.ApprovedAt, c.UpdatedAt = createdAt.Time, launchedAt.Time, approvedAt.Time, updated.Time
	return c, err
}

// SaveCampaign writes a new campaign (Version 0), or changes one at the version the
// caller has seen; ErrConflict when somebody else changed it meanwhile. It returns the
// campaign as it stands.
func (t *Tx) SaveCampaign(ctx context.Context, c Campaign, now time.Time) (Campaign, error) {
	seen := c.Version
	c.Version, c.UpdatedAt = seen+1, now
	if seen == 0 {
		c.ID, c.CreatedAt = t.NewID(), now
		if c.State == "" {
			c.State = CampaignDraft
		}
		_, err := t.ExecContext(ctx, "insert into campaign ("+campaignCols+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
			c.ID, c.DealerID, c.Program, c.Title, c.Date, c.Hour, c.Texts, c.News, c.Audience, c.State, c.People, c.Size, opt(c.CreatedBy), at(c.CreatedAt), opt(c.LaunchedBy), at(c.LaunchedAt), opt(c.ApprovedBy), at(c.ApprovedAt), c.Version, at(now))
		if err != nil {
			return c, fmt.Errorf("keeping a campaign: %w", err)
		}
		return c, nil
	}
	r, err := t.ExecContext(ctx, `update campaign set title = $4, date = $5, texts = $6, audience = $7, state = $8, size = $9, launched_by = $10, launched_at = $11, approved_by = $12, approved_at = $13,
		program = $15, hour = $16, news = $17, people = $18, version = $3, updated_at = $14 where id = $1 and version = $2`, key(c.ID), seen, c.Version, c.Title, c.Date, c.Texts, c.Audience, c.State, c.Size,
		opt(c.LaunchedBy), at(c.LaunchedAt), opt(c.ApprovedBy), at(c.ApprovedAt), at(now), c.Program, c.Hour, c.News, c.People)
	if err != nil {
		return c, fmt.Errorf("changing a campaign: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return c, errors.Join(err, ErrConflict)
	}
	return c, nil
}

// Campaign reads one.
func (s *Store) Campaign(ctx context.Context, id string) (Campaign, error) {
	return one(ctx, s.read, scanCampaign, "select "+campaignCols+" from campaign where id = $1", key(id))
}

// Campaigns lists a dealer's with a date in [from, to], by date.
func (s *Store) Campaigns(ctx context.Context, dealerID, from, to string) ([]Campaign, error) {
	cs, err := collect(ctx, s.read, scanCampaign, "select "+campaignCols+" from campaign where dealer_id = $1 and date >= $2 and date <= $3 order by date, id", key(dealerID), from, to)
	if err != nil {
		return nil, fmt.Errorf("reading campaigns: %w", err)
	}
	return cs, nil
}

// LaunchedCampaigns are those of all dealers whose date is not long past.
func (s *Store) LaunchedCampaigns(ctx context.Context, now time.Time) ([]Campaign, error) {
	cs, err := collect(ctx, s.read, scanCampaign, "select "+campaignCols+" from campaign where state = $1 and date >= $2 order by date, id", CampaignLaunched, now.AddDate(0, 0, -7).UTC().Format(time.DateOnly))
	if err != nil {
		return nil, fmt.Errorf("reading launched campaigns: %w", err)
	}
	return cs, nil
}
