package serve_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/sandbox"
	"otklik/internal/testserver"
)

// Credentials that the stand-ins accept; they open nothing else.
const (
	twilioSID   = "AC0123456789abcdef0123456789abcdef"
	twilioToken = "0123456789abcdef0123456789abcdef"
	twilioFrom  = "+74950000000"
	// The rooftops of a group have numbers of their own.
	groupFrom = "+74950000001,+74950000002,+74950000003,+74950000004"
	botToken  = "7000000002:e2e-bot-token"
	mailbox   = "service@otklik.example"
)

// town is a dealership with providers and customers, before any node runs in it.
type town struct {
	shell
	servers *sandbox.Servers
	front   *front
	api     api
}

// newTown starts the providers and prepares the database: an operator who can be
// named to customers, and a token.
func newTown(t *testing.T, db string, env ...string) *town {
	t.Helper()
	w := newProviders(t, db, env...)
	if e := w.feed("correct horse\n", "user", "add", "maria", "--role", "operator", "--full-name", "Мария Орлова"); e.code != 0 {
		t.Fatalf("user add: %+v", e)
	}
	w.api.token = strings.TrimSpace(w.ok("token", "add"))
	return w
}

// newProviders is a town without people.
func newProviders(t *testing.T, db string, env ...string) *town {
	t.Helper()
	phones, err := sandbox.Open("")
	if err != nil {
		t.Fatal(err)
	}
	w := &town{front: newFront(t)}
	w.servers, err = sandbox.Start(t.Context(), phones, sandbox.Config{PublicURL: w.front.server.URL, TwilioSID: twilioSID, TwilioToken: twilioToken, TwilioFrom: twilioFrom + "," + groupFrom,
		TelegramToken: botToken, TelegramSecret: "unused", BotName: "otklik_e2e_bot", Mailbox: mailbox, HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.servers.Close(); err != nil {
			t.Errorf("closing the stand-ins: %v", err)
		}
	})
	w.shell = newShell(t, append([]string{"OTKLIK_DATABASE_URL=" + db, "OTKLIK_PUBLIC_URL=" + w.front.server.URL, "OTKLIK_DEALER_ZONE=" + testserver.Noon(time.Now()),
		"OTKLIK_DEALER_NAME=Автоцентр Юг", "OTKLIK_DEALER_PHONE=+74950000000"}, env...)...)
	w.api = api{t: t, url: w.front.server.URL}
	return w
}

// Environments of the channels.
func (w *town) sms() []string {
	return []string{"OTKLIK_TWILIO_ACCOUNT_SID=" + twilioSID, "OTKLIK_TWILIO_AUTH_TOKEN=" + twilioToken, "OTKLIK_TWILIO_FROM=" + twilioFrom, "OTKLIK_TWILIO_API_BASE=" + w.servers.TwilioBase}
}

func (w *town) telegram(mode string) []string {
	return []string{"OTKLIK_TELEGRAM_TOKEN=" + botToken, "OTKLIK_TELEGRAM_API_BASE=" + w.servers.TelegramBase, "OTKLIK_TELEGRAM_MODE=" + mode}
}

func (w *town) mail() []string {
	return []string{"OTKLIK_SMTP_URL=" + w.servers.SMTPURL, "OTKLIK_IMAP_URL=" + w.servers.IMAPURL, "OTKLIK_EMAIL_FROM=Автоцентр Юг <" + mailbox + ">"}
}

// open starts one node with channels and puts it behind the front.
func (w *town) open(channelEnv ...string) *node {
	w.t.Helper()
	n := w.with(channelEnv...).serve()
	w.front.set(w.t, n)
	return n
}

// visit is a body of POST /visits that was handed over so long ago.
func visit(order string, ago time.Duration, customer map[string]any) map[string]any {
	return map[string]any{"external_id": order, "handed_over_at": time.Now().Add(-ago).Format(time.RFC3339), "works": []string{"ТО-4", "Замена колодок"},
		"advisor": "Ким О.А.", "department": "Слесарный", "customer": customer, "vehicle": map[string]any{"model": "LADA Vesta", "plate": "А001АА77"}}
}

// due is how long ago a visit was whose survey goes out at once.
const due = 25 * time.Hour

// arrived waits for the n-th message from the dealer in a thread and gives it.
func (w *town) arrived(ch channels.Kind, address string, n int) sandbox.Item {
	w.t.Helper()
	var got []sandbox.Item
	testserver.Wait(w.t, fmt.Sprintf("message %d is on %s %s", n, ch, address), func() bool {
		got = got[:0]
		for _, i := range w.servers.Phones.Thread(ch, address) {
			if i.FromDealer {
				got = append(got, i)
			}
		}
		return len(got) >= n
	})
	return got[n-1]
}

// write lets a customer write.
func (w *town) write(ch channels.Kind, address, text string) {
	w.t.Helper()
	if err := w.servers.Write(w.t.Context(), ch, address, text); err != nil {
		w.t.Fatal(err)
	}
}

// sqlite is a database file in the town's own directory.
func sqlite(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "otklik.db") }
