package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestLimit sets, lists and clears limits in a database of its own, and refuses what
// could limit nothing.
func TestLimit(t *testing.T) {
	environ := []string{"OTKLIK_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "otklik.db"), "OTKLIK_DEALER_NAME=Север", "OTKLIK_PUBLIC_URL=https://otklik.example", "OTKLIK_SMTP_URL=smtp://mail.example:25", "OTKLIK_EMAIL_FROM=survey@dealer.example"}
	do := func(args ...string) (int, string, string) {
		var out, problems bytes.Buffer
		code := execute(run{ctx: t.Context(), stdin: strings.NewReader(""), stdout: &out, stderr: &problems, environ: environ}, append([]string{"limit"}, args...))
		return code, out.String(), problems.String()
	}
	list := func() map[string][]string {
		t.Helper()
		code, out, problems := do("list")
		if code != exitDone {
			t.Fatalf("list: exit %d: %s", code, problems)
		}
		rows := map[string][]string{}
		for line := range strings.Lines(out) {
			name, rest, _ := strings.Cut(line, " ")
			var columns []string
			for c := range strings.SplitSeq(rest, "  ") {
				if c = strings.TrimSpace(c); c != "" {
					columns = append(columns, c)
				}
			}
			rows[name] = columns
		}
		return rows
	}
	if row := list()["channel:sms"]; len(row) != 3 || row[0] != "10/s burst 10" || row[1] != "10/s burst 10" || row[2] != "-" {
		t.Errorf("shipped: %q", row)
	}
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"set", "channel:sms", "600/min", "burst", "3"}, "channel:sms is 10/s burst 3 now\n"},
		{[]string{"set", "sender:email:survey@dealer.example", "none"}, "sender:email:survey@dealer.example is none now\n"},
		{[]string{"set", "dealer:main", "100/h"}, "dealer:main is 100/h now\n"},
		{[]string{"set", "domain:GMAIL.com", "5/s"}, "domain:gmail.com is 5/s now\n"},
		{[]string{"clear", "dealer:main"}, "dealer:main is none now, as shipped\n"},
	} {
		if code, out, problems := do(tt.args...); code != exitDone || out != tt.says {
			t.Errorf("%q: exit %d, %q, %s", tt.args, code, out, problems)
		}
	}
	rows := list()
	if row := rows["channel:sms"]; len(row) != 3 || row[0] != "10/s burst 3" || row[1] != "10/s burst 10" || !strings.HasSuffix(row[2], "Z by command") {
		t.Errorf("set: %q", row)
	}
	if row := rows["domain:gmail.com"]; len(row) != 3 || row[0] != "5/s" || row[1] != "-" {
		t.Errorf("added: %q", row)
	}
	if row := rows["sender:email:survey@dealer.example"]; len(row) != 3 || row[0] != "none" {
		t.Errorf("lifted: %q", row)
	}
	if row, ok := rows["dealer:main"]; ok {
		t.Errorf("cleared: %q", row)
	}
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"set", "channel:sms", "fast"}, "fast"},
		{[]string{"set", "channel:sms", "10/s", "bust", "3"}, "want a form like"},
		{[]string{"set", "channel:sms"}, "value"},
		{[]string{"set", "channel:sms", "-5/s"}, `limit "-5/s": the number of units must be a whole number from 1 to 1000000, not "-5"`},
		{[]string{"set", "channel:sms", "--5/s"}, `limit "--5/s": the number of units must be`},
		{[]string{"set", "channel:sms", "-.5/s"}, `limit "-.5/s": the number of units must be`},
		{[]string{"set", "channel:sms", "5/s", "burst", "-3"}, `limit "5/s burst -3": burst must be a whole number from 1 to 1000000, not "-3"`},
		{[]string{"set", "--", "channel:sms", "-5/s"}, `not "-5"`},
		{[]string{"set", "-5/s", "channel:sms"}, `"-5/s"`},
		{[]string{"set", "channel:sms", "--fast", "5/s"}, "unknown flag --fast"},
		{[]string{"set", "channel:fax", "1/s"}, "fax"},
		{[]string{"set", "speed", "1/s"}, "a name is global"},
		{[]string{"set", "dealer:SOUTH", "1/s"}, "SOUTH"},
		{[]string{"set", "sender:email:other@dealer.example", "1/s"}, "survey@dealer.example"},
		{[]string{"clear", "speed"}, "a name is global"},
	} {
		if code, out, problems := do(tt.args...); code != exitUsage || !strings.Contains(problems, tt.says) {
			t.Errorf("%q: exit %d, %q, %s", tt.args, code, out, problems)
		}
	}
}
