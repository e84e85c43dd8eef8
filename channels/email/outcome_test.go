package email

import (
	"errors"
	"strings"
	"testing"
	"time"

	"otklik/channels"
)

// TestOutcomeTable has a row for each line of the table of replies (design.md,
// one message as data, step 7), played by a server over the wire, with and
// without pipelining.
func TestOutcomeTable(t *testing.T) {
	bad := channels.ReasonBadAddress
	config := channels.ReasonConfig
	for _, row := range []struct {
		name   string
		server *script
		class  channels.Class
		scope  channels.Scope
		reason channels.Reason
		code   string
	}{
		{"greeting 421", &script{greeting: "421 4.3.2 busy"}, channels.Transient, channels.ScopeAccount, "", "421 4.3.2"},
		{"greeting 554", &script{greeting: "554 5.7.1 go away"}, channels.Suspended, channels.ScopeAccount, config, "554 5.7.1"},
		{"greeting then nothing", &script{greeting: hangUp}, channels.Transient, channels.ScopeAccount, "", ""},
		{"AUTH 535", &script{auth: "535 5.7.8 bad password"}, channels.Suspended, channels.ScopeAccount, config, "535 5.7.8"},
		{"AUTH 454", &script{auth: "454 4.7.0 later"}, channels.Transient, channels.ScopeAccount, "", "454 4.7.0"},
		{"no AUTH offered", &script{extensions: []string{"PIPELINING"}}, channels.Suspended, channels.ScopeAccount, config, ""},
		{"MAIL 550", &script{mail: "550 5.7.1 not your address"}, channels.Suspended, channels.ScopeSender, config, "550 5.7.1"},
		{"MAIL 553", &script{mail: "553 5.7.1 sender not owned"}, channels.Suspended, channels.ScopeSender, config, "553 5.7.1"},
		{"MAIL 530", &script{mail: "530 5.7.0 log in first"}, channels.Suspended, channels.ScopeAccount, config, "530 5.7.0"},
		{"MAIL 552", &script{mail: "552 5.3.4 too big"}, channels.Rejected, "", "", "552 5.3.4"},
		{"MAIL 451", &script{mail: "451 4.3.0 later"}, channels.Transient, "", "", "451 4.3.0"},
		{"MAIL 421", &script{mail: "421 4.7.0 slow down"}, channels.Transient, "", "", "421 4.7.0"},
		{"MAIL cut", &script{mail: hangUp}, channels.Transient, "", "", ""},
		{"RCPT 550 5.1.1", &script{rcpt: "550 5.1.1 unknown"}, channels.Unreachable, "", bad, "550 5.1.1"},
		{"RCPT 550 5.1.10", &script{rcpt: "550 5.1.10 null MX"}, channels.Unreachable, "", bad, "550 5.1.10"},
		{"RCPT 550 5.4.1", &script{rcpt: "550 5.4.1 access denied"}, channels.Unreachable, "", bad, "550 5.4.1"},
		{"RCPT 550 bare", &script{rcpt: "550 no such user"}, channels.Unreachable, "", bad, "550"},
		{"RCPT 551 bare", &script{rcpt: "551 user not local"}, channels.Unreachable, "", bad, "551"},
		{"RCPT 553 bare", &script{rcpt: "553 mailbox name not allowed"}, channels.Unreachable, "", bad, "553"},
		{"RCPT 556 bare", &script{rcpt: "556 domain takes no mail"}, channels.Unreachable, "", bad, "556"},
		{"RCPT 521 bare", &script{rcpt: "521 host takes no mail"}, channels.Unreachable, "", bad, "521"},
		{"RCPT 550 5.2.1", &script{rcpt: "550 5.2.1 disabled"}, channels.Unreachable, "", channels.ReasonDead, "550 5.2.1"},
		{"RCPT 552 5.2.2", &script{rcpt: "552 5.2.2 full"}, channels.Transient, channels.ScopeMessage, "", "552 5.2.2"},
		{"RCPT 552 bare", &script{rcpt: "552 over quota"}, channels.Transient, channels.ScopeMessage, "", "552"},
		{"RCPT 550 5.7.1", &script{rcpt: "550 5.7.1 policy"}, channels.Rejected, "", channels.ReasonFiltered, "550 5.7.1"},
		{"RCPT 554 bare", &script{rcpt: "554 no"}, channels.Rejected, "", "", "554"},
		{"RCPT 550 5.1.8", &script{rcpt: "550 5.1.8 sender domain unknown"}, channels.Suspended, channels.ScopeSender, config, "550 5.1.8"},
		{"RCPT 530", &script{rcpt: "530 5.7.0 log in first"}, channels.Suspended, channels.ScopeAccount, config, "530 5.7.0"},
		{"RCPT 450", &script{rcpt: "450 4.2.0 greylisted"}, channels.Transient, channels.ScopeMessage, "", "450 4.2.0"},
		{"RCPT 450 bare", &script{rcpt: "450 try again"}, channels.Transient, channels.ScopeMessage, "", "450"},
		{"RCPT 451 4.7.1", &script{rcpt: "451 4.7.1 greylisting in action"}, channels.Transient, channels.ScopeMessage, "", "451 4.7.1"},
		{"RCPT 451 4.7.1 busy", &script{rcpt: "451 4.7.1 too much mail"}, channels.Transient, "", "", "451 4.7.1"},
		{"RCPT 450 4.3.0", &script{rcpt: "450 4.3.0 tables away"}, channels.Transient, "", "", "450 4.3.0"},
		{"RCPT 451", &script{rcpt: "451 4.3.0 error"}, channels.Transient, "", "", "451 4.3.0"},
		{"RCPT 452", &script{rcpt: "452 4.3.1 disk"}, channels.Transient, "", "", "452 4.3.1"},
		{"RCPT 421", &script{rcpt: "421 4.3.2 closing"}, channels.Transient, "", "", "421 4.3.2"},
		{"RCPT cut", &script{rcpt: hangUp}, channels.Transient, "", "", ""},
		{"DATA 451", &script{data: "451 4.3.0 later"}, channels.Transient, "", "", "451 4.3.0"},
		{"DATA 554", &script{data: "554 5.7.1 no"}, channels.Rejected, "", channels.ReasonFiltered, "554 5.7.1"},
		{"DATA 250", &script{data: "250 what"}, channels.Transient, "", "", "250"},
		{"DATA cut", &script{data: hangUp}, channels.Transient, "", "", ""},
		{"dot 451", &script{dot: "451 4.3.0 scanner away"}, channels.Transient, "", "", "451 4.3.0"},
		{"dot 421", &script{dot: "421 4.3.0 closing"}, channels.Transient, "", "", "421 4.3.0"},
		{"dot 554 5.7.1", &script{dot: "554 5.7.1 spam"}, channels.Rejected, "", channels.ReasonFiltered, "554 5.7.1"},
		{"dot 554 5.6.0", &script{dot: "554 5.6.0 malformed"}, channels.Rejected, "", "", "554 5.6.0"},
		{"dot 550 5.1.1", &script{dot: "550 5.1.1 unknown"}, channels.Unreachable, "", bad, "550 5.1.1"},
		{"dot 554 bare", &script{dot: "554 no"}, channels.Rejected, "", "", "554"},
		{"dot cut", &script{dot: hangUp}, channels.Uncertain, "", "", ""},
		{"dot reset", &script{dot: reset}, channels.Uncertain, "", "", ""},
		{"dot garbled", &script{dot: "25O queued"}, channels.Uncertain, "", "", ""},
	} {
		for mode, extensions := range map[string][]string{"pipelined": nil, "stepwise": {"ENHANCEDSTATUSCODES", "AUTH PLAIN"}} {
			t.Run(row.name+"/"+mode, func(t *testing.T) {
				s := &script{greeting: row.server.greeting, auth: row.server.auth, mail: row.server.mail,
					rcpt: row.server.rcpt, data: row.server.data, dot: row.server.dot, extensions: row.server.extensions}
				if s.extensions == nil {
					s.extensions = extensions
				}
				c := s.start(t).channel("bot:s3cret-word@")
				receipt, err := c.Send(t.Context(), message("1"))
				var e *channels.Error
				if !errors.As(err, &e) {
					t.Fatalf("accepted as %+v (%v)", receipt, err)
				}
				if e.Class != row.class || e.Scope != row.scope || e.Reason != row.reason || e.Code != row.code {
					t.Errorf("got %v, scope %q, reason %q, code %q (%v)", e.Class, e.Scope, e.Reason, e.Code, err)
				}
			})
		}
	}
}

// patience bounds waits that only a broken channel uses up.
const patience = time.Minute

func message(id string) channels.Message {
	return channels.Message{ID: id, To: "anna@client.example", Subject: "Как прошёл визит?", Text: "Оцените от 1 до 5\n"}
}

func TestDialRefusedIsTransient(t *testing.T) {
	s := (&script{}).start(t)
	c := s.channel("")
	_ = s.listener.Close()
	_, err := c.Send(t.Context(), message("1"))
	if e := channels.AsError(err); e == nil || e.Class != channels.Transient || e.Scope != channels.ScopeAccount {
		t.Fatalf("got %v", err)
	}
}

func TestErrorsHideAddressesAndPasswords(t *testing.T) {
	s := (&script{rcpt: "550 5.1.1 <anna@client.example>: unknown; s3cret-word"}).start(t)
	_, err := s.channel("bot:s3cret-word@").Send(t.Context(), message("1"))
	if err == nil || strings.Contains(err.Error(), "anna@") || strings.Contains(err.Error(), "s3cret") {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(err.Error(), "@client.example") {
		t.Errorf("the domain is worth knowing: %v", err)
	}
}
