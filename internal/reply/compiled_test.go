package reply

import (
	"flag"
	"os"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the compiled lexicon anew")

// TestCompiled: the compiled lexicon that the program carries is what its files say.
func TestCompiled(t *testing.T) {
	lx, err := loadLexicon(lexiconFiles)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hashOf(lexiconFiles)
	if err != nil {
		t.Fatal(err)
	}
	want := hash + string(lx.encode())
	if *update {
		if err := os.WriteFile("lexicon/compiled.bin", []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if compiled != want {
		t.Fatal("the lexicons have changed since they were compiled: run make lexicon")
	}
	if _, ok := precompiled(fstest.MapFS{"lexicon/ru.yaml": {Data: []byte("optout: стоп")}}); ok {
		t.Error("the compiled form of other files is used")
	}
	got, ok := precompiled(lexiconFiles)
	if !ok {
		t.Fatal("the compiled lexicon is not used")
	}
	if diff := cmp.Diff(lx, got, cmp.AllowUnexported(lexicon{}, automaton{}, state{}, edge{}, term{}, typoKey{}, folder{})); diff != "" {
		t.Errorf("compiled and read again it differs (-want +got):\n%.2000s", diff)
	}
}
