package telegram_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"otklik/channels/channeltest"
	"otklik/internal/testserver"
)

// spec is Telegram's Bot API as data, reduced to what this package uses. A type
// that was left out is one that we never send; lenient takes anything for it, as
// fits updates, of which we read only parts.
type spec struct {
	Methods, Types map[string]object
	lenient        bool
}

type object struct {
	Name     string
	Subtypes []string
	Fields   []field
}

type field struct {
	Name     string
	Types    []string
	Required bool
}

func readSpec(t testing.TB, path string) spec {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var s spec
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// request checks a form that was posted to a method: all names known, all that
// must be there, every value of one of its types.
func (s spec) request(method string, form url.Values) error {
	m, ok := s.Methods[method]
	if !ok {
		return fmt.Errorf("there is no method %s", method)
	}
	values := map[string]any{}
	for name := range form {
		v := form.Get(name)
		i := slices.IndexFunc(m.Fields, func(f field) bool { return f.Name == name })
		if i < 0 {
			return fmt.Errorf("%s has no parameter %s", method, name)
		}
		values[name] = v
		// In a form, whatever is no string is written as JSON.
		if !slices.Contains(m.Fields[i].Types, "String") {
			decoded, err := decode(v)
			if err != nil {
				return fmt.Errorf("%s of %s: %w", name, method, err)
			}
			values[name] = decoded
		}
	}
	return s.fields(m, values)
}

func (s spec) fields(o object, values map[string]any) error {
	known := map[string]bool{}
	for _, f := range o.Fields {
		known[f.Name] = true
		v, ok := values[f.Name]
		if !ok {
			if f.Required {
				return fmt.Errorf("%s lacks %s", o.Name, f.Name)
			}
			continue
		}
		if err := s.oneOf(f.Types, v); err != nil {
			return fmt.Errorf("%s of %s: %w", f.Name, o.Name, err)
		}
	}
	for name := range values {
		if !known[name] {
			return fmt.Errorf("%s has no %s", o.Name, name)
		}
	}
	return nil
}

func (s spec) oneOf(types []string, v any) error {
	var all []error
	for _, name := range types {
		err := s.value(name, v)
		if err == nil {
			return nil
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

func (s spec) value(name string, v any) error {
	if item, ok := strings.CutPrefix(name, "Array of "); ok {
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%v is no list", v)
		}
		for _, v := range list {
			if err := s.value(item, v); err != nil {
				return err
			}
		}
		return nil
	}
	var ok bool
	switch name {
	case "String":
		_, ok = v.(string)
	case "Boolean":
		_, ok = v.(bool)
	case "Integer", "Float":
		n, isNumber := v.(json.Number)
		_, err := n.Int64()
		ok = isNumber && (err == nil || name == "Float")
	default:
		return s.typed(name, v)
	}
	if !ok {
		return fmt.Errorf("%v is no %s", v, name)
	}
	return nil
}

func (s spec) typed(name string, v any) error {
	values, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%v is no %s", v, name)
	}
	o, ok := s.Types[name]
	switch {
	case !ok && s.lenient:
		return nil
	case !ok:
		return fmt.Errorf("%s is not in the copy", name)
	case len(o.Subtypes) > 0:
		return s.oneOf(o.Subtypes, v)
	}
	return s.fields(o, values)
}

func decode(text string) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// checked is a provider that holds every request to Telegram's description and
// answers as answer says.
func checked(t testing.TB, answer func(n int, method string, c channeltest.Call) channeltest.Reply) *channeltest.Server {
	s := readSpec(t, filepath.Join("testdata", "telegram-bot-api.json"))
	return channeltest.NewServer(t, func(n int, c channeltest.Call) channeltest.Reply {
		method, ok := strings.CutPrefix(c.Path, "/bot"+token+"/")
		if !ok || c.Method != http.MethodPost {
			t.Errorf("request %s %s", c.Method, c.Path)
		}
		if err := s.request(method, c.Form); err != nil {
			t.Errorf("request is not Telegram's: %v", err)
		}
		return answer(n, method, c)
	})
}

// The updates that the other tests read are of Telegram's making too.
func TestUpdatesAreTelegrams(t *testing.T) {
	s := readSpec(t, filepath.Join("testdata", "telegram-bot-api.json"))
	s.lenient = true
	for name, u := range updates {
		v, err := decode(u.body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := s.typed("Update", v); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The checker must find what it is there for.
func TestSpecFindsMistakes(t *testing.T) {
	s := readSpec(t, filepath.Join("testdata", "telegram-bot-api.json"))
	good := url.Values{"chat_id": {"5"}, "text": {"?"}, "link_preview_options": {`{"is_disabled":true}`}}
	if err := s.request("sendMessage", good); err != nil {
		t.Fatal(err)
	}
	for i, bad := range []url.Values{
		{"chat_id": {"5"}},
		{"chat_id": {"5"}, "text": {"?"}, "disable_web_page_preview": {"true"}},
		{"chat_id": {"5"}, "text": {"?"}, "link_preview_options": {`{"disabled":true}`}},
		{"chat_id": {"5"}, "text": {"?"}, "reply_markup": {`{"inline_keyboard":null}`}},
		{"chat_id": {"5"}, "text": {"?"}, "reply_markup": {`{"inline_keyboard":[[{"callback_data":"x"}]]}`}},
		{"chat_id": {"5"}, "text": {"?"}, "reply_parameters": {`{"message_id":"8"}`}},
		{"chat_id": {"5"}, "text": {"?"}, "message_thread_id": {"five"}},
	} {
		if err := s.request("sendMessage", bad); err == nil {
			t.Errorf("%d: no mistake found in %v", i, bad)
		}
	}
	if err := s.request("sendMesage", good); err == nil {
		t.Error("a method that does not exist is taken")
	}
}

// The reduced copy says what the whole one says. The whole one is kept outside
// the repository: the test is skipped where it is absent.
func TestReducedCopy(t *testing.T) {
	whole := readSpec(t, filepath.Join(testserver.Shared(t), "fixtures", "providers", "telegram-bot-api.json"))
	reduced := readSpec(t, filepath.Join("testdata", "telegram-bot-api.json"))
	for name, m := range reduced.Methods {
		if d := cmp.Diff(whole.Methods[name], m, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("method %s (-whole +reduced):\n%s", name, d)
		}
	}
	for name, o := range reduced.Types {
		if d := cmp.Diff(whole.Types[name], o, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("type %s (-whole +reduced):\n%s", name, d)
		}
	}
}
