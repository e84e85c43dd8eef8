package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// TestSending steers and shows sending on a fresh database.
func TestSending(t *testing.T) {
	environ := []string{"OTKLIK_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "otklik.db"), "OTKLIK_DEALER_NAME=South", "OTKLIK_SMTP_URL=smtp://127.0.0.1:9", "OTKLIK_EMAIL_FROM=service@south.example", "OTKLIK_PUBLIC_URL=https://south.example"}
	want := func(code int, args string, says ...string) {
		t.Helper()
		var out bytes.Buffer
		got := execute(run{ctx: t.Context(), stdin: strings.NewReader(""), stdout: &out, stderr: &out, environ: environ}, strings.Fields(args))
		if got != code {
			t.Errorf("%s: exit %d, want %d: %s", args, got, code, &out)
		}
		for _, s := range says {
			if no, ok := strings.CutPrefix(s, "!"); ok == strings.Contains(out.String(), no) {
				t.Errorf("%s: want %q: %s", args, s, &out)
			}
		}
	}
	const sender = "sender:email:service@south.example"
	want(exitDone, "sending status", "WAITING", "!paused")
	want(exitDone, "sending pause "+sender, "otklik sending resume "+sender)
	want(exitDone, "sending pause all")
	want(exitDone, "sending pause program:service-followup")
	want(exitDone, "sending status", "paused: "+sender+" since ", "paused: all since ", " by command")
	want(exitUsage, "sending pause sender:email:nobody@south.example", sender, "program:service-followup")
	want(exitUsage, "sending resume dealer:south", "paused: ", "all")
	want(exitDone, "sending resume all", "all goes on")
	want(exitUsage, "sending resume all", "is not paused")
	want(exitDone, "sending status", "paused: "+sender, "!paused: all")
}
