package email

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"otklik/internal/testserver"
)

// The tests of this file read mails that others collected, from ../shared beside
// the checkout; they are skipped where it is absent. Their figures are floors:
// they may only be raised.

// TestCollectedBounces: bounces, complaints and automatic replies of some seventy
// mail systems.
func TestCollectedBounces(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testserver.Shared(t), "fixtures", "bounces", "*.eml"))
	if err != nil || len(files) == 0 {
		t.Skipf("no collected bounces: %v", err)
	}
	want := map[string]MailKind{"arf": Complaint, "rfc3834": AutoReply}
	var total, right, addressed, named int
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		family, _, _ := strings.Cut(filepath.Base(file), "-")
		kind, special := want[family]
		if !special {
			kind = BounceMail
		}
		m := Parse(raw)
		total++
		if m.Kind == kind {
			right++
		} else {
			t.Logf("%s is read as %s", filepath.Base(file), m.Kind)
		}
		if m.Kind == BounceMail && len(m.Bounced) > 0 && strings.Contains(m.Bounced[0].Address, "@") {
			addressed++
		}
		if m.Original != "" {
			named++
		}
	}
	t.Logf("%d mails: %d of the right kind, %d bounces with an address, %d with the original's Message-ID", total, right, addressed, named)
	if right*100 < total*97 || addressed*100 < total*93 || named*100 < total*75 {
		t.Errorf("%d mails: %d of the right kind, %d with an address, %d with the original's Message-ID", total, right, addressed, named)
	}
}

// TestCollectedReplies: many of these share one reply text, so what must remain is
// known without a label.
func TestCollectedReplies(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testserver.Shared(t), "fixtures", "email-replies", "*.txt"))
	if err != nil || len(files) == 0 {
		t.Skipf("no collected replies: %v", err)
	}
	const begins, ends = "Fusce bibendum, quam", "varius aliquet nec nec nibh."
	var total, right int
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(raw), "\r\n", "\n")
		end := strings.Index(text, ends)
		if !strings.HasPrefix(text, begins) || end < 0 {
			continue
		}
		total++
		if got := Unquote(text); got == text[:end+len(ends)] {
			right++
		} else {
			t.Logf("%s leaves %q", filepath.Base(file), strings.TrimPrefix(got, text[:end+len(ends)]))
		}
	}
	if total == 0 {
		t.Fatal("no reply of the collection can be judged: it has another form")
	}
	t.Logf("%d of %d replies are free of the quote", right, total)
	if right*100 < total*90 {
		t.Errorf("%d of %d replies are free of the quote", right, total)
	}
}
