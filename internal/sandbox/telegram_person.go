package sandbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"otklik/channels"
)

// writeTelegram lets the person type into a chat with the bot.
func (s *Servers) writeTelegram(chatID, text string) error {
	_, err := s.Phones.write(func(n numbers) (record, error) {
		if err := s.canWrite(chatID); err != nil {
			return record{}, err
		}
		return s.telegram.typed(n, chatID, text, text)
	})
	return err
}

// canWrite checks that the chat is open. Phones.mu is held.
func (s *Servers) canWrite(chatID string) error {
	if s.Phones.marks[markKey{markChat, channels.Telegram, chatID, ""}] == "" {
		return fmt.Errorf("chat %s: %w", chatID, ErrUnknownChat)
	}
	if s.Phones.marks[markKey{markBlocked, channels.Telegram, chatID, ""}] != "" {
		return fmt.Errorf("chat %s: %w", chatID, ErrBlocked)
	}
	return nil
}

// typed is a person's message: shown is what stands on the phone, sent what the
// bot gets.
func (t *telegram) typed(n numbers, chatID, shown, sent string) (record, error) {
	item := t.item(n.seq, chatID, shown)
	whole := *item
	whole.Text = sent
	updates, err := t.newUpdate(n.update, typeMessage, t.describe(whole))
	return record{Item: item, Machine: time.Now().UTC(), Updates: updates}, err
}

// StartBot opens t.me/bot?start=payload under a name and presses Start: the chat
// becomes known, a block is lifted first. The phone shows "/start" without the
// payload, as Telegram's own clients do. chat is a positive number.
func (s *Servers) StartBot(ctx context.Context, chat, name, payload string) error {
	if err := s.alive(ctx); err != nil {
		return err
	}
	if id, err := strconv.ParseInt(chat, 10, 64); err != nil || id <= 0 {
		return fmt.Errorf("starting the bot: %q is no chat id of a person", chat)
	}
	if name == "" {
		name = chat
	}
	p := s.Phones
	if p.marked(markKey{markBlocked, channels.Telegram, chat, ""}) {
		if err := s.membership(chat, false); err != nil {
			return err
		}
	}
	_, err := p.write(func(numbers) (record, error) {
		return record{Mark: &mark{Kind: markChat, Channel: channels.Telegram, Address: chat, Value: name}}, nil
	})
	if err != nil {
		return err
	}
	sent := "/start"
	if payload != "" {
		sent += " " + payload
	}
	_, err = p.write(func(n numbers) (record, error) { return s.telegram.typed(n, chat, "/start", sent) })
	return err
}

// Block lets the person block the bot; StartBot ends it.
func (s *Servers) Block(ctx context.Context, chat string) error {
	if err := s.alive(ctx); err != nil {
		return err
	}
	return s.membership(chat, true)
}

func (s *Servers) membership(chat string, blocked bool) error {
	_, err := s.Phones.write(func(n numbers) (record, error) {
		if blocked {
			if err := s.canWrite(chat); err != nil {
				return record{}, err
			}
		}
		m := &mark{Kind: markBlocked, Channel: channels.Telegram, Address: chat}
		if blocked {
			m.Value = "blocked"
		}
		updates, err := s.telegram.membership(n.update, chat, blocked)
		return record{Mark: m, Updates: updates}, err
	})
	return err
}

// Tap presses a button that a message of the bot shows now; itemID is Item.ID,
// data is Button.Data.
func (s *Servers) Tap(ctx context.Context, chat, itemID, data string) error {
	if err := s.alive(ctx); err != nil {
		return err
	}
	query, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return fmt.Errorf("numbering a tap: %w", err)
	}
	t := s.telegram
	_, err = s.Phones.write(func(n numbers) (record, error) {
		if err := s.canWrite(chat); err != nil {
			return record{}, err
		}
		e, ok := s.Phones.byID[place{channels.Telegram, itemID}]
		if !ok || e.Address != chat || !e.shows(data) {
			return record{}, fmt.Errorf("tapping %q on message %s: %w", data, itemID, ErrNoButton)
		}
		updates, err := t.newUpdate(n.update, typeCallback, map[string]any{
			"id": query.String(), "from": t.person(chat), "message": t.describe(e.Item),
			"chat_instance": chat, "data": data,
		})
		if err == nil {
			t.mu.Lock()
			t.queries[query.String()] = true
			t.mu.Unlock()
		}
		return record{Updates: updates}, err
	})
	return err
}

func (e *entry) shows(data string) bool {
	return slices.ContainsFunc(e.Buttons, func(row []channels.Button) bool {
		return slices.ContainsFunc(row, func(b channels.Button) bool { return b.Data != "" && b.Data == data })
	})
}

// alive tells whether a person's action can still have an effect.
func (s *Servers) alive(ctx context.Context) error {
	if s.ctx.Err() != nil {
		return ErrClosed
	}
	return ctx.Err()
}
