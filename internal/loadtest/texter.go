package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// texter is a bare client of Twilio's Messages API: net/http with connections that
// are kept. All workers share it.
type texter struct {
	url    string
	client *http.Client
}

// Credentials of an account that exists nowhere.
const (
	accountSID  = "AC00000000000000000000000000000000"
	authToken   = "an-auth-token-of-nobody"
	smsFrom     = "+74950000000"
	callbackURL = "https://otklik.example/hooks/twilio/status?id="
)

// fixedText is what every SMS says.
const fixedText = "Спасибо за визит! Оцените нашу работу от 1 до 5 ответом на это сообщение."

func newTexter(base string) *texter {
	return &texter{url: base + "/2010-04-01/Accounts/" + accountSID + "/Messages.json", client: &http.Client{Timeout: ioTimeout,
		Transport: &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections, DisableCompression: true}}}
}

func (t *texter) carry(ctx context.Context, next func() *letter, done func(*letter)) error {
	rest := "&From=" + url.QueryEscape(smsFrom) + "&Body=" + url.QueryEscape(fixedText) + "&StatusCallback=" + url.QueryEscape(callbackURL)
	for l := next(); l != nil; l = next() {
		if err := t.send(ctx, l, rest); err != nil {
			return err
		}
		done(l)
	}
	return nil
}

func (t *texter) send(ctx context.Context, l *letter, rest string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, strings.NewReader("To="+url.QueryEscape(l.to)+rest+l.key))
	if err != nil {
		return fmt.Errorf("sending an SMS: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(accountSID, authToken)
	resp, err := t.client.Do(req)
	if err != nil {
		return fmt.Errorf("sending an SMS: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	var answer struct{ Sid, Status string }
	if err := json.Unmarshal(body, &answer); err != nil || resp.StatusCode != http.StatusCreated || answer.Sid == "" {
		return fmt.Errorf("the sink answered %d %q", resp.StatusCode, body)
	}
	l.result, l.at = answer.Sid, time.Now()
	return nil
}
