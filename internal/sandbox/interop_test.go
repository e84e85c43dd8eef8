package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/email"
	"otklik/channels/telegram"
	"otklik/internal/attachment"
	"otklik/internal/sandbox"
)

// polled runs a channel's poller and hands over its events one by one.
func polled(t *testing.T, p channels.Poller, cursor string) <-chan channels.Event {
	t.Helper()
	events := make(chan channels.Event, 16)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		// What a poll ends with when its context ends is of no interest.
		_ = p.Poll(ctx, cursor, func(_ context.Context, e channels.Event, _ string) error {
			events <- e
			return nil
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return events
}

func inbound(t *testing.T, events <-chan channels.Event) channels.Inbound {
	t.Helper()
	select {
	case e := <-events:
		if e.Inbound == nil {
			t.Fatalf("unexpected event: %+v", e)
		}
		return *e.Inbound
	case <-time.After(time.Minute):
		t.Fatal("no event in a minute")
		return channels.Inbound{}
	}
}

func TestTheEmailChannelWorksAgainstTheStandIns(t *testing.T) {
	b := newBench(t, memory(t))
	ch, err := email.New(email.Config{
		SMTPURL: b.SMTPURL, IMAPURL: b.IMAPURL, From: `"Мария Орлова, Автоцентр Юг" <` + ourMail + ">", Timeout: time.Minute,
	})
	must(t, err)
	defer ch.Close()
	receipt, err := ch.Send(t.Context(), channels.Message{
		ID: "0190c0de", To: reader, ToName: "Иван Петрович", Subject: "Всё ли хорошо?", Text: "Оцените ремонт от 1 до 5.",
		HTML: "<p>Оцените <b>ремонт</b></p>", ReplyTo: "service+k7f3q9@demo.otklik.example",
	})
	must(t, err)
	if got := b.Phones.Thread(channels.Email, reader); len(got) != 1 || got[0].Text != "Оцените ремонт от 1 до 5." || got[0].HTML == "" {
		t.Fatalf("the phone shows %+v", got)
	}
	events := polled(t, ch, "")
	for _, text := range []string{"4\nдолго искали машину", "5, исправили!"} {
		must(t, b.Write(t.Context(), channels.Email, reader, text))
		in := inbound(t, events)
		if in.Text != text || in.From != reader || in.Token != "k7f3q9" || in.Automatic || in.Subject != "Re: Всё ли хорошо?" {
			t.Errorf("the channel read %+v", in)
		}
		if refs := strings.Join(in.References, " "); !strings.Contains(refs, strings.Trim(receipt.ProviderID, "<>")) {
			t.Errorf("references %q do not name %q", refs, receipt.ProviderID)
		}
	}
	_, err = ch.Send(t.Context(), channels.Message{ID: "0190dead", To: "x@bounce.example", Subject: "x", Text: "x"})
	if e := channels.AsError(err); e == nil || e.Class != channels.Unreachable {
		t.Errorf("to a bounce domain: %v", err)
	}
}

func TestTheTelegramChannelWorksAgainstTheStandIn(t *testing.T) {
	b := newBench(t, memory(t))
	ch, err := telegram.New(telegram.Config{Token: botToken, APIBase: b.TelegramBase, Mode: telegram.ModePoll, BotName: botName})
	must(t, err)
	must(t, ch.Start(t.Context()))
	events := polled(t, ch, "")
	must(t, b.StartBot(t.Context(), chat, "Иван Петрович", "k7f3q9"))
	if in := inbound(t, events); in.Start != "k7f3q9" || in.From != chat || in.FromName != "Иван Петрович" {
		t.Errorf("start was read as %+v", in)
	}
	receipt, err := ch.Send(t.Context(), channels.Message{To: chat, Text: "Как прошёл ремонт?", Buttons: [][]channels.Button{{{Label: "1 😞", Data: "r:1"}, {Label: "5 😊", Data: "r:5"}}}})
	must(t, err)
	shown := b.Phones.Thread(channels.Telegram, chat)[1]
	must(t, b.Tap(t.Context(), chat, shown.ID, "r:5"))
	in := inbound(t, events)
	if in.Data != "r:5" || in.Callback == "" || len(in.References) == 0 || in.References[0] != receipt.ProviderID {
		t.Errorf("the tap was read as %+v", in)
	}
	must(t, ch.Acknowledge(t.Context(), in.Callback))
	_, err = ch.Edit(t.Context(), channels.Message{To: chat, Edit: receipt.ProviderID, Text: "✅ 5 — спасибо!"})
	must(t, err)
	if got := b.Phones.Thread(channels.Telegram, chat)[1]; got.Text != "✅ 5 — спасибо!" || got.Buttons != nil {
		t.Errorf("the phone shows %+v", got)
	}
	must(t, b.Block(t.Context(), chat))
	if in := inbound(t, events); !in.Blocked {
		t.Errorf("the block was read as %+v", in)
	}
	_, err = ch.Send(t.Context(), channels.Message{To: chat, Text: "x"})
	if e := channels.AsError(err); e == nil || e.Class != channels.Unreachable || e.Reason != channels.ReasonBlocked {
		t.Errorf("to a blocked chat: %v", err)
	}
}

func TestTheTelegramChannelTakesTheWebhook(t *testing.T) {
	b := newBench(t, memory(t))
	ch, err := telegram.New(telegram.Config{Token: botToken, APIBase: b.TelegramBase, Mode: telegram.ModeWebhook, PublicURL: b.hooks.URL, BotName: botName})
	must(t, err)
	must(t, ch.Start(t.Context()))
	must(t, b.StartBot(t.Context(), chat, "Иван", "k7f3q9"))
	c := b.heard(t, "/hooks/telegram", 1)[0]
	events, err := ch.Receive(channels.Request{URL: c.url, Header: c.header, Body: []byte(c.body)})
	if err != nil || len(events) != 1 || events[0].Inbound == nil || events[0].Inbound.Start != "k7f3q9" {
		t.Errorf("received %+v, %v", events, err)
	}
	forged := c.header.Clone()
	forged.Set("X-Telegram-Bot-Api-Secret-Token", "guess")
	if _, err := ch.Receive(channels.Request{URL: c.url, Header: forged, Body: []byte(c.body)}); err == nil {
		t.Error("a forged webhook was taken")
	}
}

// TestTheTelegramChannelFetchesWhatAPersonSent: a photo and a voice note come to the bot
// with what it needs to fetch them.
func TestTheTelegramChannelFetchesWhatAPersonSent(t *testing.T) {
	b := newBench(t, memory(t))
	ch, err := telegram.New(telegram.Config{Token: botToken, APIBase: b.TelegramBase, Mode: telegram.ModePoll})
	must(t, err)
	must(t, b.StartBot(t.Context(), chat, "Иван", ""))
	must(t, b.SendFile(t.Context(), chat, sandbox.SamplePhoto, "вот царапина"))
	must(t, b.SendFile(t.Context(), chat, sandbox.SampleVoice, ""))
	events := polled(t, ch, "")
	inbound(t, events) // the start
	for kind, want := range map[string]string{sandbox.SamplePhoto: "image/jpeg", sandbox.SampleVoice: "audio/wav"} {
		sample, _ := sandbox.Sample(kind)
		if got := attachment.Type(sample.Content); got != want || len(sample.Content) > 200<<10 {
			t.Errorf("%s is %s of %d bytes", kind, got, len(sample.Content))
		}
	}
	for _, want := range []channels.Inbound{{Text: "вот царапина", Attachments: []channels.Attachment{{Name: "photo"}}}, {Attachments: []channels.Attachment{{Name: "voice", Type: "audio/wav"}}}} {
		in := inbound(t, events)
		if len(in.Attachments) != 1 || in.Text != want.Text || in.Attachments[0].Name != want.Attachments[0].Name || in.Attachments[0].Type != want.Attachments[0].Type {
			t.Fatalf("%+v", in)
		}
		sample, _ := sandbox.Sample(in.Attachments[0].Name)
		var got bytes.Buffer
		if err := ch.Fetch(t.Context(), in.Attachments[0].Ref, &got); err != nil || !bytes.Equal(got.Bytes(), sample.Content) || in.Attachments[0].Size != int64(got.Len()) {
			t.Errorf("%s: %d bytes, %v", in.Attachments[0].Name, got.Len(), err)
		}
	}
	if err := ch.Fetch(t.Context(), "another", &bytes.Buffer{}); !errors.Is(err, channels.ErrGone) {
		t.Errorf("a file that nobody sent: %v", err)
	}
	if err := b.SendFile(t.Context(), chat, "film", ""); !errors.Is(err, sandbox.ErrNoSample) {
		t.Errorf("a kind that there is not: %v", err)
	}
}
