package telegram_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/telegram"
	"otklik/internal/testserver"
)

// peer is telegram-test-api, a Bot API that others made, with its client as the
// person. It knows no offsets, long polls, secrets and failures: those are tested
// against recorded replies.
type peer struct {
	t    *testing.T
	base string
	in   io.Writer
	out  *bufio.Scanner
}

func startPeer(t *testing.T) *peer {
	t.Helper()
	node := testserver.NeedBinary(t, "node")
	module := testserver.PeerModule(t, "telegram-test-api")
	port := strconv.Itoa(testserver.FreePort(t))
	cmd := exec.Command(node, filepath.Join("testdata", "peer.js"), module, port, token)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("telegram-test-api: %v\n%s", err, complaints.String())
		}
	})
	p := &peer{t: t, base: "http://127.0.0.1:" + port, in: in, out: bufio.NewScanner(out)}
	p.out.Buffer(nil, 1<<20)
	p.line(nil)
	return p
}

// line reads the next answer into result, which may be nil.
func (p *peer) line(result any) {
	p.t.Helper()
	if !p.out.Scan() {
		p.t.Fatalf("telegram-test-api says nothing: %v", p.out.Err())
	}
	answer := struct {
		Error  string
		Result any
	}{Result: result}
	if err := json.Unmarshal(p.out.Bytes(), &answer); err != nil || answer.Error != "" {
		p.t.Fatalf("telegram-test-api: %s, %v", p.out.Text(), err)
	}
}

// does lets the person act.
func (p *peer) does(what, text string, message int, result any) {
	p.t.Helper()
	line, err := json.Marshal(map[string]any{"do": what, "text": text, "message": message})
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(p.in, "%s\n", line); err != nil {
		p.t.Fatal(err)
	}
	p.line(result)
}

// seen is a message as the person's client shows it.
type seen struct {
	Message struct {
		ChatID string `json:"chat_id"`
		Text   string
		Markup struct {
			Rows [][]struct {
				Text string
				Data string `json:"callback_data"`
				URL  string
			} `json:"inline_keyboard"`
		} `json:"reply_markup"`
	}
	MessageID int `json:"messageId"`
}

// hears polls until the next event.
func hears(t *testing.T, c *telegram.Channel) channels.Inbound {
	t.Helper()
	enough := errors.New("enough")
	var got channels.Inbound
	err := c.Poll(t.Context(), "", func(_ context.Context, e channels.Event, _ string) error {
		got = *e.Inbound
		return enough
	})
	if !errors.Is(err, enough) {
		t.Fatal(err)
	}
	return got
}

func TestPeer(t *testing.T) {
	p := startPeer(t)
	c, err := telegram.New(telegram.Config{Token: token, APIBase: p.base, Mode: telegram.ModePoll, Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if link, err := c.DeepLink("abc_DEF-123"); err != nil || link != "https://t.me/TestNameBot?start=abc_DEF-123" {
		t.Errorf("%q, %v", link, err)
	}

	p.does("command", "/start abc_DEF-123", 0, nil)
	hello := hears(t, c)
	if hello.Start != "abc_DEF-123" || hello.From != "1001" || hello.FromName != "Иван" {
		t.Fatalf("start: %+v", hello)
	}

	question := channels.Message{To: hello.From, Text: "Как прошёл визит? <5> & *1*", Buttons: [][]channels.Button{
		{{Label: "5 — отлично", Data: "v1:q1:5"}, {Label: "1 — плохо", Data: "v1:q1:1"}},
		{{Label: "Анкета", URL: "https://example.com/s/x"}},
	}}
	receipt, err := c.Send(t.Context(), question)
	if err != nil {
		t.Fatal(err)
	}
	shown := p.reads()
	keys := shown.Message.Markup.Rows
	if shown.Message.Text != question.Text || shown.Message.ChatID != "1001" || len(keys) != 2 || len(keys[0]) != 2 ||
		keys[0][1].Text != "1 — плохо" || keys[1][0].URL != "https://example.com/s/x" {
		t.Fatalf("shown: %+v", shown)
	}
	if want := fmt.Sprintf("1001:%d", shown.MessageID); receipt.ProviderID != want {
		t.Errorf("receipt %q, want %q", receipt.ProviderID, want)
	}

	p.does("tap", keys[0][1].Data, shown.MessageID, nil)
	tap := hears(t, c)
	if tap.Data != "v1:q1:1" || tap.Callback == "" || len(tap.References) != 1 || tap.References[0] != receipt.ProviderID {
		t.Fatalf("tap: %+v", tap)
	}
	if err := c.Acknowledge(t.Context(), tap.Callback); err != nil {
		t.Error(err)
	}

	thanks := channels.Message{To: "1001", Text: "Ваша оценка: 1", Edit: receipt.ProviderID}
	if r, err := c.Edit(t.Context(), thanks); err != nil || r != receipt {
		t.Errorf("edit: %+v, %v", r, err)
	}
	if now := p.remembers(shown.MessageID); now.Message.Text != thanks.Text {
		t.Errorf("after the edit: %+v", now)
	}

	p.does("say", "2. ждал 3 часа, и стук остался", 0, nil)
	if said := hears(t, c); said.Text != "2. ждал 3 часа, и стук остался" || said.ProviderID == hello.ProviderID {
		t.Errorf("said: %+v", said)
	}
}

// reads gives the one message that the person has not seen yet.
func (p *peer) reads() seen {
	p.t.Helper()
	var answer struct{ Result []seen }
	p.does("read", "", 0, &answer)
	if len(answer.Result) != 1 {
		p.t.Fatalf("%d new messages: %+v", len(answer.Result), answer)
	}
	return answer.Result[0]
}

// remembers gives a message as the chat shows it now.
func (p *peer) remembers(message int) seen {
	p.t.Helper()
	var all []seen
	p.does("history", "", 0, &all)
	for _, s := range all {
		if s.MessageID == message && s.Message.ChatID != "" {
			return s
		}
	}
	p.t.Fatalf("message %d is not in the chat: %+v", message, all)
	return seen{}
}
