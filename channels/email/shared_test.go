package email

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"otklik/internal/testserver"
)

// The tests of this file read mails that others collected, from ../shared beside
// the checkout; they are skipped where it is absent.

// TestCollectedBounces: bounces, complaints and automatic replies of some seventy
// mail systems, each as it was read by eye. The address is judged by where it
// stands: in the mail, and not as its recipient alone.
func TestCollectedBounces(t *testing.T) {
	folder := filepath.Join(testserver.Shared(t), "fixtures", "bounces")
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("no collected bounces: %v", err)
	}
	table, err := os.ReadFile("testdata/collected-bounces.txt")
	if err != nil {
		t.Fatal(err)
	}
	var named int
	for line := range strings.Lines(string(table)) {
		name, want, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "#" {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(folder, name+".eml"))
		if err != nil {
			t.Fatal(err)
		}
		m := Parse(raw)
		got := []string{string(m.Kind)}
		for _, b := range m.Bounced {
			got = append(got, fmt.Sprintf("%s/%s", cmp.Or(b.Status, "-"), b.Class))
			if !strings.Contains(b.Address, "@") || !strings.Contains(string(raw)+m.Raw, b.Address) {
				t.Errorf("%s: address %q", name, b.Address)
			}
		}
		if g := strings.Join(got, " "); g != want {
			t.Errorf("%s is read as %s, not %s", name, g, want)
		}
		if m.Original != "" {
			named++
		}
	}
	const floor = 260
	if t.Logf("%d with the original's Message-ID", named); named < floor {
		t.Errorf("%d with the original's Message-ID", named)
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
	if right < total {
		t.Errorf("%d of %d replies are free of the quote", right, total)
	}
}
