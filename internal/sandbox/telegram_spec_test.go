package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"otklik/channels"
	"otklik/internal/sandbox"
	"otklik/internal/testserver"
)

// spec is a machine-readable Bot API. It is kept outside the repository; the test
// skips where it is absent.
type spec struct {
	Methods map[string]struct {
		Returns []string
	}
	Types map[string]struct {
		Fields []struct {
			Name     string
			Types    []string
			Required bool
		}
		Subtypes []string
	}
}

func botAPI(t *testing.T) spec {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(testserver.Shared(t), "fixtures", "providers", "telegram-bot-api.json"))
	must(t, err)
	var s spec
	must(t, json.Unmarshal(raw, &s))
	return s
}

// check compares a value with one of the types that the description allows and
// reports what does not fit.
func (s spec) check(value any, types []string, path string) (faults []string) {
	for i, name := range types {
		f := s.checkOne(value, name, path)
		if len(f) == 0 {
			return nil
		}
		if i == 0 {
			faults = f
		}
	}
	return faults
}

func (s spec) checkOne(value any, name, path string) []string {
	if inner, ok := strings.CutPrefix(name, "Array of "); ok {
		list, ok := value.([]any)
		if !ok {
			return []string{path + " is no array"}
		}
		var faults []string
		for _, v := range list {
			faults = append(faults, s.checkOne(v, inner, path+"[]")...)
		}
		return faults
	}
	var ok bool
	switch name {
	case "Integer":
		var n float64
		n, ok = value.(float64)
		ok = ok && n == float64(int64(n))
	case "String":
		_, ok = value.(string)
	case "Boolean":
		_, ok = value.(bool)
	default:
		return s.checkObject(value, name, path)
	}
	if !ok {
		return []string{path + " is no " + name}
	}
	return nil
}

func (s spec) checkObject(value any, name, path string) []string {
	object, ok := value.(map[string]any)
	described, known := s.Types[name]
	if !ok || !known {
		return []string{path + " is no " + name}
	}
	if len(described.Subtypes) > 0 {
		return s.check(value, described.Subtypes, path)
	}
	var faults, names []string
	for _, f := range described.Fields {
		names = append(names, f.Name)
		v, present := object[f.Name]
		switch {
		case present:
			faults = append(faults, s.check(v, f.Types, path+"."+f.Name)...)
		case f.Required:
			faults = append(faults, path+"."+f.Name+" is missing")
		}
	}
	for key := range object {
		if !slices.Contains(names, key) {
			faults = append(faults, path+"."+key+" is not in "+name)
		}
	}
	return faults
}

// TestTelegramAnswersAsDescribed holds every answer and every update against the
// description of the Bot API.
func TestTelegramAnswersAsDescribed(t *testing.T) {
	api := botAPI(t)
	if faults := api.check(map[string]any{"update_id": "1", "massage": 1.0}, []string{"Update"}, "Update"); len(faults) != 2 {
		t.Fatalf("the check is blind: %v", faults)
	}
	b := newBench(t, memory(t))
	call := func(method string, params url.Values) any {
		t.Helper()
		resp, err := b.client.PostForm(b.TelegramBase+"/bot"+botToken+"/"+method, params)
		must(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		must(t, err)
		var answer struct {
			OK     bool
			Result any
		}
		must(t, json.Unmarshal(body, &answer))
		if !answer.OK || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", method, body)
		}
		for _, fault := range api.check(answer.Result, api.Methods[method].Returns, method) {
			t.Error(fault)
		}
		return answer.Result
	}
	keys := `{"inline_keyboard":[[{"text":"5","callback_data":"r:5"},{"text":"form","url":"https://example.org/s/x"}]]}`
	call("getMe", nil)
	must(t, b.StartBot(t.Context(), chat, "Иван", "abc"))
	call("sendMessage", url.Values{"chat_id": {chat}, "text": {"Как прошёл ремонт?"}, "reply_markup": {keys}})
	id := b.Phones.Thread(channels.Telegram, chat)[1].ID
	must(t, b.Tap(t.Context(), chat, id, "r:5"))
	call("editMessageText", url.Values{"chat_id": {chat}, "message_id": {id}, "text": {"✅"}, "reply_markup": {keys}})
	must(t, b.Tap(t.Context(), chat, id, "r:5"))
	call("editMessageReplyMarkup", url.Values{"chat_id": {chat}, "message_id": {id}})
	must(t, b.SendFile(t.Context(), chat, sandbox.SamplePhoto, "вот царапина"))
	must(t, b.SendFile(t.Context(), chat, sandbox.SampleVoice, ""))
	call("getFile", url.Values{"file_id": {"sample-voice-1"}})
	must(t, b.Block(t.Context(), chat))
	must(t, b.StartBot(t.Context(), chat, "Иван", ""))
	updates := call("getUpdates", nil).([]any)
	if len(updates) != 8 {
		t.Fatalf("%d updates, want start, two taps, photo, voice, block, unblock, start", len(updates))
	}
	query := updates[1].(map[string]any)["callback_query"].(map[string]any)["id"].(string)
	call("answerCallbackQuery", url.Values{"callback_query_id": {query}})
	call("setWebhook", url.Values{"url": {"http://127.0.0.1:1/hooks/telegram"}})
	call("getWebhookInfo", nil)
	call("deleteWebhook", nil)
}
