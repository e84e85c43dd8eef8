package sandbox_test

import (
	"context"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"
	twilio "github.com/twilio/twilio-go/rest/api/v2010"

	"otklik/channels"
	"otklik/internal/sandbox"
)

// session is one run of the demo over a journal; the next one opens it again.
func session(t *testing.T, name string, play func(b *bench)) {
	t.Helper()
	p := open(t, name)
	b := newBench(t, p)
	play(b)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestARestartShowsTheSame(t *testing.T) {
	began := time.Now().Unix()
	_, name := journaled(t)
	var before []sandbox.Item
	var validity uint32
	var sid string
	session(t, name, func(b *bench) {
		m, err := b.twilio(token).CreateMessage(message(customer, "1-5?"))
		if err != nil {
			t.Fatal(err)
		}
		sid = *m.Sid
		must(t, b.Write(t.Context(), channels.SMS, customer, "STOP"))
		must(t, b.StartBot(t.Context(), chat, "Иван", "abc"))
		bot := b.bot(t)
		sent, err := bot.Send(question(t))
		must(t, err)
		must(t, b.Tap(t.Context(), chat, "5", "r:5"))
		_, err = bot.Send(tgbotapi.NewEditMessageText(chatID(t), sent.MessageID, "✅"))
		must(t, err)
		if got := fetch(t, bot, 2); len(got) != 1 || got[0].CallbackQuery == nil {
			t.Fatalf("expected the tap to wait: %+v", got)
		}
		must(t, b.smtp(t).DialAndSend(mailTo(t, reader, "Тема", "текст", "")))
		must(t, b.Write(t.Context(), channels.Email, reader, "5"))
		must(t, b.Phones.Refuse(channels.Email, "gone@example.org", 550))
		before = everything(b.Phones)
		validity, _ = b.inbox(t)
	})
	session(t, name, func(b *bench) {
		after := everything(b.Phones)
		for i := range before {
			if !before[i].At.Equal(after[i].At) {
				t.Errorf("item %d moved in time", i)
			}
			before[i].At, after[i].At = start, start
		}
		if !reflect.DeepEqual(before, after) {
			t.Errorf("after the restart:\n%+v\nbefore:\n%+v", after, before)
		}
		bot := b.bot(t)
		if got := fetch(t, bot, 0); len(got) != 1 || got[0].UpdateID != 2 || got[0].CallbackQuery.Data != "r:5" {
			t.Errorf("unconfirmed updates: %+v", got)
		}
		must(t, b.Write(t.Context(), channels.Telegram, chat, "next"))
		if got := fetch(t, bot, 3); len(got) != 1 || got[0].UpdateID != 3 {
			t.Errorf("update ids do not go on: %+v", got)
		}
		if _, err := b.twilio(token).CreateMessage(message(customer, "x")); !hasCode(err, 21610) {
			t.Errorf("STOP is forgotten: %v", err)
		}
		if m, err := b.twilio(token).FetchMessage(sid, &twilio.FetchMessageParams{}); err != nil || *m.Status != "delivered" {
			t.Errorf("the message is unknown to Twilio: %v", err)
		}
		if err := b.smtp(t).DialAndSend(mailTo(t, "gone@example.org", "x", "x", "")); err == nil {
			t.Error("the refusal is forgotten")
		}
		must(t, b.Write(t.Context(), channels.Email, reader, "4"))
		again, mails := b.inbox(t)
		if int64(validity) < began {
			t.Errorf("UIDVALIDITY %d does not tell this journal from an older one", validity)
		}
		if again != validity || len(mails) != 2 || !strings.Contains(string(mails[2]), "To: <service+k7f3q9@demo.otklik.example>") {
			t.Errorf("UIDVALIDITY %d then %d, mails %d", validity, again, len(mails))
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func everything(p *sandbox.Phones) []sandbox.Item {
	var all []sandbox.Item
	for _, a := range []struct {
		channel channels.Kind
		address string
	}{{channels.SMS, customer}, {channels.Telegram, chat}, {channels.Email, reader}} {
		all = append(all, p.Thread(a.channel, a.address)...)
	}
	return all
}

func TestATornLastLineIsDropped(t *testing.T) {
	_, name := journaled(t)
	session(t, name, func(b *bench) { must(t, b.Write(t.Context(), channels.SMS, customer, "whole")) })
	whole, err := os.ReadFile(name)
	must(t, err)
	for cut := 1; cut <= 40; cut += 13 {
		must(t, os.WriteFile(name, append(whole, `{"item":{"seq":2,"channel":"sms","address":"+7999"}}`[:cut]...), 0o600))
		session(t, name, func(b *bench) {
			must(t, b.Write(t.Context(), channels.SMS, customer, "next"))
		})
		p := open(t, name)
		if got := p.Thread(channels.SMS, customer); len(got) != 2 || got[1].Text != "next" || got[1].Seq != 2 {
			t.Errorf("cut at %d: %+v", cut, got)
		}
		must(t, p.Close())
	}
}

func TestDamageInsideTheJournalIsNamed(t *testing.T) {
	_, name := journaled(t)
	session(t, name, func(b *bench) { must(t, b.Write(t.Context(), channels.SMS, customer, "x")) })
	whole, err := os.ReadFile(name)
	must(t, err)
	must(t, os.WriteFile(name, append([]byte("{\"born\":1}\nnonsense\n"), whole...), 0o600))
	if _, err := sandbox.Open(name); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("opened a damaged journal: %v", err)
	}
}

func TestClosedPhonesTakeNothing(t *testing.T) {
	p, _ := journaled(t)
	b := newBench(t, p)
	must(t, p.Close())
	if err := b.Write(t.Context(), channels.SMS, customer, "x"); err == nil {
		t.Error("wrote to closed phones")
	}
	if _, err := b.twilio(token).CreateMessage(message(customer, "x")); !hasCode(err, 20500) {
		t.Errorf("Twilio took what cannot be kept: %v", err)
	}
	if got := p.Thread(channels.SMS, customer); len(got) != 0 {
		t.Errorf("unexpected items: %+v", got)
	}
}

func TestChangedWakesAndFolds(t *testing.T) {
	b := newBench(t, memory(t))
	changed, cancel := b.Phones.Changed()
	for range 3 {
		must(t, b.Write(t.Context(), channels.SMS, customer, "x"))
	}
	<-changed
	select {
	case <-changed:
		t.Error("three changes woke twice")
	default:
	}
	cancel()
	must(t, b.Write(t.Context(), channels.SMS, customer, "x"))
	select {
	case <-changed:
		t.Error("woken after cancel")
	default:
	}
}

func TestAddressesNewestFirst(t *testing.T) {
	now := start
	c := config("http://127.0.0.1:1")
	c.Now = func() time.Time { now = now.Add(time.Minute); return now }
	p := memory(t)
	s, err := sandbox.Start(context.Background(), p, c)
	must(t, err)
	defer s.Close()
	must(t, s.StartBot(t.Context(), chat, "Иван", ""))
	must(t, s.Write(t.Context(), channels.Email, reader, "a"))
	must(t, s.Write(t.Context(), channels.Telegram, chat, "b"))
	got := p.Addresses()
	if len(got) != 2 || got[0].Channel != channels.Telegram || got[0].Items != 2 || got[0].Address != chat ||
		got[1].Address != reader || got[1].Items != 1 || !got[0].Last.After(got[1].Last) || got[0].Blocked {
		t.Errorf("unexpected addresses: %+v", got)
	}
	must(t, s.Block(t.Context(), chat))
	if got := p.Addresses(); !got[0].Blocked {
		t.Errorf("the block is not shown: %+v", got[0])
	}
}
