package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestDocument compares the OpenAPI document with the one that callers know.
func TestDocument(t *testing.T) {
	got := document(t)
	golden := filepath.Join("testdata", "openapi.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what is served; look at the difference, then go test -update", golden)
	}
}

// TestExamples holds every example of the document to its own schema, and every
// reference to something that is there.
func TestExamples(t *testing.T) {
	doc := parsed(t, document(t))
	n := 0
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			schema, ok := v["schema"].(map[string]any)
			if example, has := v["example"]; ok && has {
				n++
				for _, p := range doc.check(schema, example, at) {
					t.Errorf("example %s", p)
				}
			}
			if ref, ok := v["$ref"].(string); ok {
				if _, ok := doc.resolve(v); !ok {
					t.Errorf("%s: %s leads nowhere", at, ref)
				}
			}
			for k, x := range v {
				walk(at+"/"+k, x)
			}
		case []any:
			for _, x := range v {
				walk(at, x)
			}
		}
	}
	walk("", map[string]any(doc))
	if n < 20 {
		t.Errorf("only %d examples", n)
	}
	if bytes.Contains(document(t), []byte("$schema")) || bytes.Contains(document(t), []byte("ErrorModel")) {
		t.Error("huma's own additions are in the document")
	}
}

func parsed(t testing.TB, b []byte) spec {
	t.Helper()
	var doc spec
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}
