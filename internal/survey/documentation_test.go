package survey_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"otklik/internal/program"
	"otklik/internal/survey"
)

// yamlFields collects the names of all fields that a file may have.
func yamlFields(t reflect.Type, into map[string]bool, seen map[reflect.Type]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return
	}
	seen[t] = true
	for i := range t.NumField() {
		f := t.Field(i)
		if name, ok := f.Tag.Lookup("yaml"); ok && name != "-" {
			into[name] = true
			yamlFields(f.Type, into, seen)
		}
	}
}

// TestEveryFieldIsDocumented holds docs/definitions.md, and docs/programs.md for
// programs, against the types.
func TestEveryFieldIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/definitions.md")
	if err != nil {
		t.Fatal(err)
	}
	programs, err := os.ReadFile("../../docs/programs.md")
	if err != nil {
		t.Fatal(err)
	}
	fields, ofPrograms := map[string]bool{}, map[string]bool{}
	yamlFields(reflect.TypeFor[survey.Definition](), fields, map[reflect.Type]bool{})
	yamlFields(reflect.TypeFor[program.Definition](), ofPrograms, map[reflect.Type]bool{})
	if len(fields) < 25 || len(ofPrograms) < 25 {
		t.Fatalf("only %d and %d fields were found", len(fields), len(ofPrograms))
	}
	for name := range ofPrograms {
		if !regexp.MustCompile("`" + name + "[`:]").Match(programs) {
			t.Errorf("docs/programs.md does not say what `%s` is", name)
		}
	}
	for _, k := range []survey.Kind{survey.Rating, survey.NPS, survey.YesNo, survey.Choice, survey.MultiChoice, survey.Expectation, survey.Text} {
		fields[string(k)] = true
	}
	for name := range fields {
		// In code type, alone or with a value.
		if !regexp.MustCompile("`" + name + "[`:]").Match(page) {
			t.Errorf("docs/definitions.md does not say what `%s` is", name)
		}
	}
	// The example of the page is a definition.
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	if _, err := survey.Parse("docs/definitions.md", []byte(example)); err != nil {
		t.Error(err)
	}
}
