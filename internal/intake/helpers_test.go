package intake

import (
	"context"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"go.yaml.in/yaml/v3"
)

func readWordFile(t *testing.T, lang string) wordFile {
	t.Helper()
	data, err := wordFiles.ReadFile("words/" + lang + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var w wordFile
	if err := yaml.Unmarshal(data, &w); err != nil {
		t.Fatal(err)
	}
	return w
}

func trimExact(name string) string { return strings.TrimPrefix(name, "=") }

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// moscow are the options of a Russian dealer.
func moscow(t testing.TB, kind Kind) Options {
	return Options{Kind: kind, Country: "RU", Locale: "ru", Zone: zone(t, "Europe/Moscow"), Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
}

func read(t *testing.T, text string, o Options) *File {
	t.Helper()
	f, err := Read(context.Background(), "test.csv", strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// codes are the reasons of a row, refusals marked.
func codes(r Row) string {
	var out []string
	for _, p := range r.Problems {
		c := p.Code
		if p.Refused {
			c = "!" + c
		}
		out = append(out, c)
	}
	return strings.Join(out, " ")
}
