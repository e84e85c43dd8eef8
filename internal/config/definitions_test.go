package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDefinitionsFolder: a folder that is named must be there; without a name the one of
// the working directory is used where it exists.
func TestDefinitionsFolder(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if c, err := Load(nil); err != nil || c.Definitions != "" {
		t.Errorf("without a folder: %q, %v", c.Definitions, err)
	}
	if err := os.Mkdir("definitions", 0o700); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(nil); err != nil || c.Definitions != "definitions" {
		t.Errorf("with a folder of that name: %q, %v", c.Definitions, err)
	}
	own := filepath.Join(dir, "own")
	if err := os.Mkdir(own, 0o700); err != nil {
		t.Fatal(err)
	}
	if c, err := Load([]string{"OTKLIK_DEFINITIONS=" + own}); err != nil || c.Definitions != own {
		t.Errorf("named: %q, %v", c.Definitions, err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{filepath.Join(dir, "nowhere"), file} {
		if _, err := Load([]string{"OTKLIK_DEFINITIONS=" + bad}); err == nil || !strings.Contains(err.Error(), "OTKLIK_DEFINITIONS") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
