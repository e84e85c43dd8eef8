package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/email"
	"otklik/channels/sms"
	"otklik/internal/testserver"
)

// newSink starts a sink that ends with the test.
func newSink(t testing.TB, delay time.Duration) *sink {
	t.Helper()
	s, err := startSink(delay, false, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// numbers are what a sink says, in the order of the ids they must be of.
func assertSeen(t *testing.T, s *sink, path string, want ...string) {
	t.Helper()
	got, err := s.numbers(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var expected []uint64
	for _, id := range want {
		expected = append(expected, number(id))
	}
	slices.Sort(expected)
	if !slices.Equal(got, expected) {
		t.Errorf("%s: %d messages, want those of %q", path, len(got), want)
	}
}

// TestSinkCountsTheProgramsMail: the program's own client sends, several mails on
// one connection, and the sink knows each by its Message.ID and its recipient.
func TestSinkCountsTheProgramsMail(t *testing.T) {
	s := newSink(t, 0)
	ch, err := email.New(email.Config{SMTPURL: "smtp+insecure://" + s.SMTP, From: "Load <service@load.example>", Connections: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer ch.Close()
	var ms []channels.Message
	var ids, people []string
	for i := range 40 {
		m := channels.Message{ID: fmt.Sprintf("id-%d", i), To: emailAddress(i), Subject: "Визит", Text: "Как прошло?\n.\n<x@y>", HTML: "<p>Как прошло?</p>", ReplyTo: "reply+token@load.example", Unsubscribe: "https://otklik.example/u/x"}
		ms, ids, people = append(ms, m), append(ids, m.ID), append(people, m.To)
	}
	ch.SendBatch(t.Context(), ms, func(i int, r channels.Receipt, err error) {
		if err != nil || r.ProviderID == "" {
			t.Errorf("mail %d: %+v, %v", i, r, err)
		}
	})
	assertSeen(t, s, "/ids", ids...)
	assertSeen(t, s, "/recipients", people...)
	c, err := s.count(t.Context())
	if err != nil || c.Received != 40 || c.First.IsZero() || c.Last.Before(c.First) {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestSinkCountsTheProgramsSMS is the same for the Twilio-shaped endpoint, with one
// message sent twice.
func TestSinkCountsTheProgramsSMS(t *testing.T) {
	s := newSink(t, 0)
	ch, err := sms.New(sms.Config{AccountSID: accountSID, AuthToken: authToken, From: smsFrom, APIBase: s.Twilio, PublicURL: "https://otklik.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer ch.Close()
	seen := map[string]bool{}
	for _, i := range []int{1, 2, 2} {
		r, err := ch.Send(t.Context(), channels.Message{ID: fmt.Sprintf("id-%d", i), To: phone(i), Text: "Оцените от 1 до 5 & To=x"})
		if err != nil || len(r.ProviderID) != 34 || seen[r.ProviderID] {
			t.Errorf("message %d: %+v, %v", i, r, err)
		}
		seen[r.ProviderID] = true
	}
	assertSeen(t, s, "/ids", "id-1", "id-2", "id-2")
	assertSeen(t, s, "/recipients", "%2B79000000001", "%2B79000000002", "%2B79000000002")
}

// TestDelayedSink: an answer is held back for as long as asked and not for ever.
func TestDelayedSink(t *testing.T) {
	const delay = 150 * time.Millisecond
	s := newSink(t, delay)
	for name, c := range map[string]carrier{"email": &mailer{address: s.SMTP}, "sms": newTexter(s.Twilio)} {
		began := time.Now()
		letters := []letter{{key: "a", to: "a@mail.example"}, {key: "b", to: "b@mail.example"}}
		next := 0
		err := c.carry(t.Context(), func() *letter {
			if next++; next > len(letters) {
				return nil
			}
			return &letters[next-1]
		}, func(*letter) {})
		if took := time.Since(began); err != nil || took < 2*delay {
			t.Errorf("%s: two messages took %v, %v", name, took, err)
		}
	}
}

// TestSinkEndsWithItsStarter: when whoever started it is gone, the kernel closes
// the pipe, and the process ends.
func TestSinkEndsWithItsStarter(t *testing.T) {
	s := newSink(t, 0)
	if err := s.process.leash.Close(); err != nil {
		t.Fatal(err)
	}
	testserver.Wait(t, "the sink has ended", func() bool {
		ended, _ := s.process.ended()
		return ended
	})
	if _, err := s.count(context.WithoutCancel(t.Context())); err == nil {
		t.Error("it still answers")
	}
}
