package console

import (
	"io/fs"
	"strings"
	"testing"

	"otklik/templates"
)

// TestStyleSheetCloses: a block of the style sheet ends before the next one begins. One that does not takes what stands
// behind it into its own condition, and a browser says nothing.
func TestStyleSheetCloses(t *testing.T) {
	sheet, err := fs.ReadFile(templates.FS, "console/style.css")
	if err != nil {
		t.Fatal(err)
	}
	depth := 0
	for i, line := range strings.Split(string(sheet), "\n") {
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "}") && depth != 0 {
			t.Fatalf("style.css:%d stands inside an earlier block", i+1)
		}
		depth += strings.Count(line, "{") - strings.Count(line, "}")
	}
	if depth != 0 {
		t.Fatalf("style.css ends inside %d blocks", depth)
	}
}
