package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// webhook is where updates go when the bot does not fetch them.
type webhook struct {
	url, secret string
	lastError   string
	lastErrorAt time.Time
}

const (
	maxUpdates     = 100
	longestPoll    = 50 * time.Second
	typeMessage    = "message"
	typeCallback   = "callback_query"
	typeMembership = "my_chat_member"
)

var errOtherPoll = errors.New("another getUpdates has begun")

var secretToken = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// wanted tells whether the bot asked for a type of update.
func (t *telegram) wanted(kind string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.allowed) == 0 || slices.Contains(t.allowed, kind)
}

func (t *telegram) setAllowed(params url.Values) *apiError {
	raw := params.Get("allowed_updates")
	if raw == "" || raw == "null" {
		return nil
	}
	var kinds []string
	if err := json.Unmarshal([]byte(raw), &kinds); err != nil {
		return badRequest("can't parse allowed updates JSON object")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.allowed = kinds
	return nil
}

// getUpdates confirms everything before offset, then waits up to timeout seconds
// for something to give. A second call ends the first with a conflict.
func (t *telegram) getUpdates(r *http.Request, params url.Values) (any, *apiError) {
	if failure := t.setAllowed(params); failure != nil {
		return nil, failure
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	if failure := t.takePoll(cancel); failure != nil {
		return nil, failure
	}
	offset, _ := strconv.ParseInt(params.Get("offset"), 10, 64)
	limit, _ := strconv.Atoi(params.Get("limit"))
	if limit < 1 || limit > maxUpdates {
		limit = maxUpdates
	}
	seconds, _ := strconv.Atoi(params.Get("timeout"))
	timer := time.NewTimer(min(time.Duration(max(seconds, 0))*time.Second, longestPoll))
	defer timer.Stop()
	if err := t.s.Phones.confirm(offset); err != nil {
		return nil, t.failed(err)
	}
	changed, unsubscribe := t.s.Phones.Changed()
	defer unsubscribe()
	for {
		if found := t.s.Phones.unconfirmed(limit); len(found) > 0 {
			return found, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return []json.RawMessage{}, nil
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errOtherPoll) {
				return nil, &apiError{code: http.StatusConflict, description: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"}
			}
			return []json.RawMessage{}, nil
		}
	}
}

func (t *telegram) takePoll(cancel context.CancelCauseFunc) *apiError {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hook.url != "" {
		return &apiError{code: http.StatusConflict, description: "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"}
	}
	if t.poll != nil {
		t.poll(errOtherPoll)
	}
	t.poll = cancel
	return nil
}

// confirm forgets the updates before offset; a negative one keeps that many of
// the newest.
func (p *Phones) confirm(offset int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if offset < 0 {
		if int64(len(p.updates)) <= -offset {
			return nil
		}
		offset = p.updates[int64(len(p.updates))+offset].ID
	}
	if len(p.updates) == 0 || p.updates[0].ID >= offset {
		return nil
	}
	r := record{Confirmed: offset}
	if err := p.journal.append(r); err != nil {
		return err
	}
	p.apply(r)
	return nil
}

// unconfirmed gives the oldest updates that the bot has not confirmed.
func (p *Phones) unconfirmed(limit int) []json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := make([]json.RawMessage, 0, min(limit, len(p.updates)))
	for _, u := range p.updates[:min(limit, len(p.updates))] {
		found = append(found, u.Body)
	}
	return found
}

// setWebhook begins pushing; an empty url ends it. Telegram itself wants https,
// the stand-in takes http because all of it stays on loopback.
func (t *telegram) setWebhook(_ *http.Request, params url.Values) (any, *apiError) {
	address, secret := params.Get("url"), params.Get("secret_token")
	if address == "" {
		return t.deleteWebhook(nil, params)
	}
	if u, err := url.Parse(address); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, badRequest("bad webhook: invalid URL specified")
	}
	if secret == "" {
		secret = t.s.config.TelegramSecret
	}
	if secret != "" && !secretToken.MatchString(secret) {
		return nil, badRequest("secret token contains unallowed characters")
	}
	if failure := t.setAllowed(params); failure != nil {
		return nil, failure
	}
	if failure := t.drop(params); failure != nil {
		return nil, failure
	}
	ctx, cancel := context.WithCancel(t.s.ctx)
	t.mu.Lock()
	if t.pushed != nil {
		t.pushed()
	}
	if t.poll != nil {
		t.poll(errOtherPoll)
		t.poll = nil
	}
	t.pushed = cancel
	t.hook = webhook{url: address, secret: secret}
	t.mu.Unlock()
	t.s.spawn(func(context.Context) { t.push(ctx, address, secret) })
	return true, nil
}

func (t *telegram) deleteWebhook(_ *http.Request, params url.Values) (any, *apiError) {
	if failure := t.drop(params); failure != nil {
		return nil, failure
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pushed != nil {
		t.pushed()
		t.pushed = nil
	}
	t.hook = webhook{}
	return true, nil
}

// drop forgets what waits, where drop_pending_updates asks for it.
func (t *telegram) drop(params url.Values) *apiError {
	if on, _ := strconv.ParseBool(params.Get("drop_pending_updates")); !on {
		return nil
	}
	if err := t.s.Phones.confirm(1 << 62); err != nil {
		return t.failed(err)
	}
	return nil
}

func (t *telegram) getWebhookInfo(*http.Request, url.Values) (any, *apiError) {
	t.s.Phones.mu.Lock()
	waiting := len(t.s.Phones.updates)
	t.s.Phones.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	info := struct {
		URL                  string   `json:"url"`
		HasCustomCertificate bool     `json:"has_custom_certificate"`
		PendingUpdateCount   int      `json:"pending_update_count"`
		LastErrorDate        int64    `json:"last_error_date,omitempty"`
		LastErrorMessage     string   `json:"last_error_message,omitempty"`
		AllowedUpdates       []string `json:"allowed_updates,omitempty"`
	}{URL: t.hook.url, PendingUpdateCount: waiting, LastErrorMessage: t.hook.lastError, AllowedUpdates: t.allowed}
	if t.hook.lastError != "" {
		info.LastErrorDate = t.hook.lastErrorAt.Unix()
	}
	return info, nil
}

// push hands updates to a webhook one after the other, each until it is taken.
func (t *telegram) push(ctx context.Context, address, secret string) {
	changed, unsubscribe := t.s.Phones.Changed()
	defer unsubscribe()
	for {
		first, ok := t.s.Phones.firstUpdate()
		if !ok {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return
			}
		}
		err := t.s.hooks.deliver(ctx, triesForever, func(ctx context.Context) (*http.Request, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(first.Body))
			if err != nil {
				return nil, err
			}
			req.Header.Set("Content-Type", "application/json")
			if secret != "" {
				req.Header.Set("X-Telegram-Bot-Api-Secret-Token", secret)
			}
			return req, nil
		}, t.pushFailed)
		if err == nil {
			err = t.s.Phones.confirm(first.ID + 1)
		}
		if err != nil {
			return
		}
	}
}

func (t *telegram) pushFailed(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hook.lastError, t.hook.lastErrorAt = err.Error(), time.Now()
}

func (p *Phones) firstUpdate() (update, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.updates) == 0 {
		return update{}, false
	}
	return p.updates[0], true
}

// newUpdate frames one update; nothing when the bot does not want its type.
func (t *telegram) newUpdate(id int64, kind string, body any) ([]update, error) {
	if !t.wanted(kind) {
		return nil, nil
	}
	raw, err := json.Marshal(map[string]any{"update_id": id, kind: body})
	if err != nil {
		return nil, err
	}
	return []update{{id, raw}}, nil
}

// membership tells the bot that the person has blocked or unblocked it.
func (t *telegram) membership(id int64, chatID string, blocked bool) ([]update, error) {
	type member struct {
		User      user   `json:"user"`
		Status    string `json:"status"`
		UntilDate *int64 `json:"until_date,omitempty"`
	}
	var never int64
	in, out := member{User: t.bot(), Status: "member"}, member{User: t.bot(), Status: "kicked", UntilDate: &never}
	before, after := out, in
	if blocked {
		before, after = in, out
	}
	person := t.person(chatID)
	return t.newUpdate(id, typeMembership, map[string]any{
		"chat": chat{person.ID, "private", person.FirstName}, "from": person, "date": t.s.config.Now().Unix(),
		"old_chat_member": before, "new_chat_member": after,
	})
}
