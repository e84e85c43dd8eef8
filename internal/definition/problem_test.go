package definition_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"otklik/internal/definition"
)

// TestYAML: what the library refuses has its line and a code; its own words are the text.
func TestYAML(t *testing.T) {
	raised := map[string]int{}
	for name, c := range map[string]struct {
		content, code string
		line          int
		args          []string
	}{
		"a bracket that is open": {"id: a\nlist: [x\nn: 1\n", definition.NotYAML, 2, []string{"did not find expected ',' or ']'"}},
		"no line is known":       {"id: \x00", definition.NotYAML, 1, []string{"control characters are not allowed"}},
		"nothing":                {"", definition.Empty, 1, nil},
		"an unknown field":       {"id: a\ncolor: red\n", definition.UnknownField, 2, []string{"color"}},
		"a word for a number":    {"id: a\n\nn: \"many\"\n", definition.WrongValue, 3, []string{"many"}},
		"a list for a text":      {"id: [a]\n", definition.WrongShape, 1, nil},
		"a key twice":            {"id: a\nn: 1\nn: 2\n", definition.Twice, 3, []string{"n", "2"}},
	} {
		var into struct {
			ID   string   `yaml:"id"`
			N    int      `yaml:"n"`
			List []string `yaml:"list"`
		}
		dec := yaml.NewDecoder(bytes.NewReader([]byte(c.content)))
		dec.KnownFields(true)
		err := dec.Decode(&into)
		if err == nil {
			t.Errorf("%s: read", name)
			continue
		}
		ps := definition.YAML("x.yaml", err)
		if len(ps) != 1 {
			t.Errorf("%s: %+v", name, ps)
			continue
		}
		p := ps[0]
		if p.Code != c.code || p.Line != c.line || !cmp.Equal(p.Args, c.args) || p.Text == "" {
			t.Errorf("%s: %+v", name, p)
		}
		raised[p.Code] = len(p.Args)
	}
	if diff := cmp.Diff(definition.YAMLCodes(), raised); diff != "" {
		t.Errorf("codes and how many args (-listed +raised):\n%s", diff)
	}
}

func TestLine(t *testing.T) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte("# what\nid: a\nsteps:\n  - {id: b}\n  - id: c\n    late: skip\n"), &root); err != nil {
		t.Fatal(err)
	}
	for want, path := range map[int][]any{2: {"id"}, 3: {"steps"}, 4: {"steps", 0}, 5: {"steps", 1, "gone"}, 6: {"steps", 1, "late"}} {
		if got := definition.Line(&root, path...); got != want {
			t.Errorf("%v stands on line %d, want %d", path, got, want)
		}
	}
}
