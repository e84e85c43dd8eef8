package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestProgram lists programs and switches them on a fresh database.
func TestProgram(t *testing.T) {
	environ := []string{"OTKLIK_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "otklik.db"), "OTKLIK_DEALER_NAME=South", "OTKLIK_SMTP_URL=smtp://127.0.0.1:9", "OTKLIK_EMAIL_FROM=service@south.example", "OTKLIK_PUBLIC_URL=https://south.example"}
	stdin := ""
	do := func(code int, args string) string {
		t.Helper()
		var out bytes.Buffer
		if got := execute(run{ctx: t.Context(), stdin: strings.NewReader(stdin), stdout: &out, stderr: &out, environ: environ}, strings.Fields(args)); got != code {
			t.Errorf("%s: exit %d, want %d: %s", args, got, code, &out)
		}
		return out.String()
	}
	// line is what the list says of a program, without the time.
	line := func(id string) string {
		t.Helper()
		for _, l := range strings.Split(do(exitDone, "program list"), "\n") {
			if f := strings.Fields(l); len(f) > 0 && f[0] == id {
				return strings.Join(f[1:], " ")
			}
		}
		t.Fatalf("the list does not have %s", id)
		return ""
	}
	if got := line("birthday"); got != "birthday off - marketer -" {
		t.Error(got)
	}
	if got := line("holidays-cn"); !strings.Contains(got, "only for dealers in CN") {
		t.Error(got)
	}
	do(exitDone, "program on birthday")
	if got := line("birthday"); !strings.HasPrefix(got, "birthday on ") || !strings.HasSuffix(got, " by command marketer -") {
		t.Error(got)
	}
	do(exitDone, "program off birthday --dealer main")
	if got := line("birthday"); !strings.HasPrefix(got, "birthday off ") {
		t.Error(got)
	}
	stdin = "a long password"
	do(exitDone, "user add maria --role operator")
	if got := line("birthday"); !strings.Contains(got, "nobody answers for it") {
		t.Error(got)
	}
	for args, says := range map[string]string{
		"program on nothing":                      "service-followup",
		"program on birthday --dealer nowhere":    "is not known",
		"program on holidays-cn":                  "only for dealers in CN",
		"program on next-service":                 "--by LOGIN",
		"program on next-service --by nobody":     "nobody logs in",
		"program on":                              "expected",
		"program off birthday --dealer main --by": "by",
	} {
		if got := do(exitUsage, args); !strings.Contains(got, says) {
			t.Errorf("%s says %s", args, got)
		}
	}
	do(exitDone, "program on next-service --by maria")
	if got := line("next-service"); !strings.HasPrefix(got, "visit_completed on ") || !strings.Contains(got, "maria") {
		t.Error(got)
	}
}
