package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"
	gomail "github.com/wneessen/go-mail"

	"otklik/channels"
	"otklik/internal/sandbox"
)

// sendSMS makes one raw request and gives status, Retry-After and body.
func (b *bench) sendSMS(ctx context.Context) (int, string, string, error) {
	form := url.Values{"To": {customer}, "From": {dealer}, "Body": {"x"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.TwilioBase+"/2010-04-01/Accounts/"+account+"/Messages.json", strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(account, token)
	resp, err := b.client.Do(req)
	if err != nil {
		return 0, "", "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("Retry-After"), string(body), err
}

func TestFaultStatuses(t *testing.T) {
	b := newBench(t, memory(t))
	for _, c := range []struct {
		fault      sandbox.Fault
		retryAfter string
		part       string
	}{
		{sandbox.Fault{Status: 429, RetryAfter: 1500 * time.Millisecond}, "2", `"code":20429`},
		{sandbox.Fault{Status: 401}, "", `"code":20003`},
		{sandbox.Fault{Status: 503, RetryAfter: 7 * time.Second}, "7", `"code":20500`},
		{sandbox.Fault{Status: 400, Code: 30410}, "", `"code":30410`},
		{sandbox.Fault{Status: 502}, "", "<html>"},
	} {
		b.Fault(channels.SMS, c.fault)
		status, after, body, err := b.sendSMS(t.Context())
		if err != nil || status != c.fault.Status || after != c.retryAfter || !strings.Contains(body, c.part) {
			t.Errorf("%+v gave %d, Retry-After %q, %q, %v", c.fault, status, after, body, err)
		}
	}
	if got := b.Phones.Thread(channels.SMS, customer); len(got) != 0 {
		t.Errorf("a struck message arrived: %+v", got)
	}
	b.Fault(channels.SMS, sandbox.Fault{})
	if status, _, body, err := b.sendSMS(t.Context()); err != nil || status != 201 {
		t.Errorf("after healing: %d %s %v", status, body, err)
	}
}

func TestFaultResetTearsTheConnection(t *testing.T) {
	b := newBench(t, memory(t))
	for _, taken := range []bool{false, true} {
		before := len(b.Phones.Thread(channels.SMS, customer))
		b.Fault(channels.SMS, sandbox.Fault{Reset: true, Taken: taken, Count: 1})
		if _, _, _, err := b.sendSMS(t.Context()); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("taken %v: %v, want a reset", taken, err)
		}
		if arrived := len(b.Phones.Thread(channels.SMS, customer))-before == 1; arrived != taken {
			t.Errorf("taken %v: arrived %v", taken, arrived)
		}
		if status, _, _, err := b.sendSMS(t.Context()); err != nil || status != 201 {
			t.Errorf("the fault goes on after its count: %d %v", status, err)
		}
	}
}

func TestFaultHangEndsWithTheCallerTheFaultAndTheServer(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(b *bench, cancel context.CancelFunc)
	}{
		{"caller", func(_ *bench, cancel context.CancelFunc) { cancel() }},
		{"fault", func(b *bench, _ context.CancelFunc) { b.Fault(channels.SMS, sandbox.Fault{}) }},
		{"server", func(b *bench, _ context.CancelFunc) { _ = b.Close() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, memory(t))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			b.Fault(channels.SMS, sandbox.Fault{Hang: true, Taken: true})
			done := make(chan error, 1)
			go func() {
				status, _, body, err := b.sendSMS(ctx)
				if err == nil {
					t.Errorf("answered %d %s", status, body)
				}
				done <- err
			}()
			eventually(t, func() bool { return b.Struck(channels.SMS) == 1 && len(b.Phones.Thread(channels.SMS, customer)) == 1 })
			c.end(b, cancel)
			if err := <-done; err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestFaultsKeepToTheirStage(t *testing.T) {
	b, bot := opened(t)
	b.Fault(channels.Telegram, sandbox.Fault{Status: 429, RetryAfter: 7 * time.Second})
	_, err := bot.Send(tgbotapi.NewMessage(chatID(t), "x"))
	var refusal *tgbotapi.Error
	if !errors.As(err, &refusal) || refusal.Code != 429 || refusal.RetryAfter != 7 {
		t.Errorf("send: %v", err)
	}
	if _, err := bot.GetUpdates(tgbotapi.UpdateConfig{}); err != nil {
		t.Errorf("a fault of sending struck getUpdates: %v", err)
	}
	b.Fault(channels.Telegram, sandbox.Fault{Stage: sandbox.StageRead, Status: 500})
	if _, err := bot.GetUpdates(tgbotapi.UpdateConfig{}); !isAPIError(err, 500, "Internal Server Error") {
		t.Errorf("getUpdates: %v", err)
	}
	if _, err := bot.Send(tgbotapi.NewMessage(chatID(t), "x")); err != nil {
		t.Errorf("a fault of reading struck sendMessage: %v", err)
	}
	b.Fault(channels.Telegram, sandbox.Fault{Stage: sandbox.StageAny, Status: 502})
	if _, err := bot.Send(tgbotapi.NewMessage(chatID(t), "x")); err == nil {
		t.Error("StageAny spared sendMessage")
	}
	if got := b.Struck(channels.Telegram); got != 1 {
		t.Errorf("struck %d times", got)
	}
}

func TestFaultProbability(t *testing.T) {
	b := newBench(t, memory(t))
	b.Fault(channels.SMS, sandbox.Fault{Status: 500, Probability: 0.5})
	const tries = 200
	failed := 0
	for range tries {
		status, _, _, err := b.sendSMS(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if status == 500 {
			failed++
		}
	}
	// Outside of this a fair coin lands once in 10^9 runs.
	if failed < 57 || failed > 143 {
		t.Errorf("%d of %d struck, want about half", failed, tries)
	}
}

func TestFaultsOfSMTPByStage(t *testing.T) {
	b := newBench(t, memory(t))
	for _, c := range []struct {
		fault   sandbox.Fault
		reason  gomail.SendErrReason
		code    string
		arrived bool
	}{
		{sandbox.Fault{Stage: sandbox.StageSender, Status: 451}, gomail.ErrSMTPMailFrom, "4.3.0", false},
		{sandbox.Fault{Stage: sandbox.StageRecipient, Status: 450}, gomail.ErrSMTPRcptTo, "4.2.1", false},
		{sandbox.Fault{Status: 554}, gomail.ErrSMTPDataClose, "5.7.1", false},
		{sandbox.Fault{Status: 451, Taken: true}, gomail.ErrSMTPDataClose, "4.3.0", true},
		{sandbox.Fault{Reset: true, Taken: true}, gomail.ErrSMTPDataClose, "", true},
		{sandbox.Fault{Reset: true}, gomail.ErrSMTPDataClose, "", false},
	} {
		t.Run(fmt.Sprintf("%+v", c.fault), func(t *testing.T) {
			before := len(b.Phones.Thread(channels.Email, reader))
			b.Fault(channels.Email, c.fault)
			err := b.smtp(t).DialAndSend(mailTo(t, reader, "x", "x", ""))
			var e *gomail.SendError
			if !errors.As(err, &e) || e.Reason != c.reason || (c.code != "" && e.EnhancedStatusCode() != c.code) {
				t.Errorf("%v, want reason %v, code %s", err, c.reason, c.code)
			}
			if arrived := len(b.Phones.Thread(channels.Email, reader))-before == 1; arrived != c.arrived {
				t.Errorf("arrived %v, want %v", arrived, c.arrived)
			}
		})
	}
	b.Fault(channels.Email, sandbox.Fault{Stage: sandbox.StageConnect, Status: 421})
	if err := b.smtp(t).DialAndSend(mailTo(t, reader, "x", "x", "")); err == nil || !strings.Contains(err.Error(), "421") {
		t.Errorf("greeting: %v", err)
	}
}

func TestFaultHangInSMTPEndsWithTheFault(t *testing.T) {
	b := newBench(t, memory(t))
	b.Fault(channels.Email, sandbox.Fault{Hang: true, Taken: true})
	done := make(chan error, 1)
	go func() { done <- b.smtp(t).DialAndSend(mailTo(t, reader, "x", "x", "")) }()
	eventually(t, func() bool { return b.Struck(channels.Email) == 1 && len(b.Phones.Thread(channels.Email, reader)) == 1 })
	b.Fault(channels.Email, sandbox.Fault{})
	if err := <-done; err == nil {
		t.Error("sent without an error")
	}
}

func TestFaultOfTheMailbox(t *testing.T) {
	b := newBench(t, memory(t))
	for _, fault := range []sandbox.Fault{
		{Stage: sandbox.StageRead, Status: 1},
		{Stage: sandbox.StageRead, Reset: true},
	} {
		b.Fault(channels.Email, fault)
		if err := b.login(t); err == nil {
			t.Errorf("%+v: logged in", fault)
		}
	}
	b.Fault(channels.Email, sandbox.Fault{})
	if err := b.login(t); err != nil {
		t.Errorf("after healing: %v", err)
	}
}
