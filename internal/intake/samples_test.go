package intake

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sharedFile opens a file of the shared samples: $OTKLIK_SHARED, else ../shared beside the repository. The test is
// skipped where they are absent; the project's own exports are in read_test.go.
func sharedFile(t *testing.T, name string) *os.File {
	t.Helper()
	dir := os.Getenv("OTKLIK_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	f, err := os.Open(filepath.Join(dir, "samples", name))
	if err != nil {
		t.Skipf("shared samples are not here: %v", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestSamples(t *testing.T) {
	for _, c := range []struct {
		file, encoding, delim, region string
		guessed                       bool
		rows, joined, warnings        int
		phones                        int // rows with a telephone number
	}{
		{"visits-1c.csv", "windows-1251", ";", "RU", false, 62, 60, 3, 60},
		{"visits-dms.csv", "utf-8-bom", ",", "US", true, 30, 30, 0, 30},
		{"visits-cn.csv", "gb18030", ",", "CN", true, 30, 30, 0, 30},
	} {
		t.Run(c.file, func(t *testing.T) {
			f, err := Read(context.Background(), c.file, sharedFile(t, c.file), moscow(t, Visits))
			if err != nil {
				t.Fatal(err)
			}
			if f.Encoding != c.encoding || f.Delimiter != c.delim || f.Region != c.region || f.RegionGuessed != c.guessed {
				t.Errorf("read as %s %q region %s (guessed %v)", f.Encoding, f.Delimiter, f.Region, f.RegionGuessed)
			}
			if len(f.Header) != len(f.Fields) {
				t.Errorf("understood %d of %d headers: %v", len(f.Fields), len(f.Header), f.Fields)
			}
			warnings, phones := 0, 0
			for _, r := range f.Rows {
				warnings += len(r.Problems)
				if r.Refused() {
					t.Errorf("line %d refused: %v", r.Line, r.Problems)
					continue
				}
				if len(r.Record.Customer.Phones) > 0 {
					phones++
				}
				if !r.Record.Total.Valid || r.Record.Clock().IsZero() || len(r.Record.Vehicle.VIN) != 17 || len(r.Record.Works) == 0 {
					t.Errorf("line %d lost something: %+v", r.Line, r.Record)
				}
			}
			joined := Join(f.Rows)
			if len(f.Rows) != c.rows || len(joined) != c.joined || warnings != c.warnings || phones != c.phones {
				t.Errorf("%d rows, %d joined, %d warnings, %d with a number; want %d, %d, %d, %d",
					len(f.Rows), len(joined), warnings, phones, c.rows, c.joined, c.warnings, c.phones)
			}
			var out strings.Builder
			if n, err := f.WriteRefused(&out); n != 0 || err != nil || out.Len() != 0 {
				t.Errorf("nothing was refused, but %d rows written (%v)", n, err)
			}
		})
	}
}
