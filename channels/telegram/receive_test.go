package telegram_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/channels/channeltest"
)

const (
	person  = `"from":{"id":1001,"is_bot":false,"first_name":"Иван","last_name":"Петров","username":"ivan"}`
	private = `"chat":{"id":1001,"type":"private","first_name":"Иван"}`
	inGroup = `"chat":{"id":-55,"type":"group","title":"Гараж"}`
)

var (
	noon    = time.Unix(1804464000, 0).UTC()
	self    = "4242424242"
	fromHim = channels.Inbound{Channel: channels.Telegram, From: "1001", To: self, FromName: "Иван Петров", At: noon}
)

// him gives an event of the test person with what set adds.
func him(id string, set func(*channels.Inbound)) *channels.Inbound {
	in := fromHim
	in.ProviderID = id
	set(&in)
	return &in
}

// updates are Telegram's, and what they mean; nil for nothing. spec_test.go holds
// their form to Telegram's description.
var updates = map[string]struct {
	body string
	want *channels.Inbound
}{
	"text": {
		`{"update_id":70,"message":{"message_id":9,` + person + `,` + private + `,"date":1804464000,"text":"2. ждал 3 часа"}}`,
		him("1001:9", func(in *channels.Inbound) { in.Text = "2. ждал 3 часа" }),
	},
	"reply": {
		`{"update_id":71,"message":{"message_id":10,` + person + `,` + private + `,"date":1804464000,"text":"да",
		  "reply_to_message":{"message_id":8,"from":{"id":4242424242,"is_bot":true,"first_name":"Бот"},` + private + `,"date":1804460000,"text":"Решено?"}}}`,
		him("1001:10", func(in *channels.Inbound) { in.Text, in.References = "да", []string{"1001:8"} }),
	},
	"reply to himself": {
		`{"update_id":71,"message":{"message_id":10,` + person + `,` + private + `,"date":1804464000,"text":"да",
		  "reply_to_message":{"message_id":8,` + person + `,` + private + `,"date":1804460000,"text":"Решено?"}}}`,
		him("1001:10", func(in *channels.Inbound) { in.Text = "да" }),
	},
	"edit": {
		`{"update_id":72,"edited_message":{"message_id":9,` + person + `,` + private + `,"date":1804460000,"edit_date":1804464000,"text":"4"}}`,
		him("1001:9:edit:72", func(in *channels.Inbound) { in.Text, in.EditOf = "4", "1001:9" }),
	},
	"start with payload": {
		`{"update_id":73,"message":{"message_id":11,` + person + `,` + private + `,"date":1804464000,"text":"/start abc_DEF-123",
		  "entities":[{"offset":0,"length":6,"type":"bot_command"}]}}`,
		him("1001:11", func(in *channels.Inbound) { in.Text, in.Start = "/start abc_DEF-123", "abc_DEF-123" }),
	},
	"bare start": {
		`{"update_id":74,"message":{"message_id":12,` + person + `,` + private + `,"date":1804464000,"text":"/start@OtklikTestBot"}}`,
		him("1001:12", func(in *channels.Inbound) { in.Text, in.Intent = "/start@OtklikTestBot", "resume" }),
	},
	"start with nonsense": {
		`{"update_id":75,"message":{"message_id":13,` + person + `,` + private + `,"date":1804464000,"text":"/start the car please"}}`,
		him("1001:13", func(in *channels.Inbound) { in.Text = "/start the car please" }),
	},
	"stop": {
		`{"update_id":76,"message":{"message_id":14,` + person + `,` + private + `,"date":1804464000,"text":"/stop"}}`,
		him("1001:14", func(in *channels.Inbound) { in.Text, in.Intent = "/stop", "optout" }),
	},
	"help": {
		`{"update_id":76,"message":{"message_id":15,` + person + `,` + private + `,"date":1804464000,"text":" /help "}}`,
		him("1001:15", func(in *channels.Inbound) { in.Text, in.Intent = " /help ", "help" }),
	},
	"photo with words": {
		`{"update_id":77,"message":{"message_id":16,` + person + `,` + private + `,"date":1804464000,"caption":"вот царапина",
		  "photo":[{"file_id":"a","file_unique_id":"b","width":90,"height":60},{"file_id":"large","file_unique_id":"c","width":900,"height":600,"file_size":70000}]}}`,
		him("1001:16", func(in *channels.Inbound) {
			in.Text, in.Attachments = "вот царапина", []channels.Attachment{{Name: "photo", Ref: "large", Size: 70000}}
		}),
	},
	"voice": {
		`{"update_id":78,"message":{"message_id":17,` + person + `,` + private + `,"date":1804464000,
		  "voice":{"file_id":"a","file_unique_id":"b","duration":4,"mime_type":"audio/ogg","file_size":9000}}}`,
		him("1001:17", func(in *channels.Inbound) {
			in.Attachments = []channels.Attachment{{Name: "voice", Ref: "a", Type: "audio/ogg", Size: 9000}}
		}),
	},
	"document": {
		`{"update_id":79,"message":{"message_id":18,` + person + `,` + private + `,"date":1804464000,
		  "document":{"file_id":"a","file_unique_id":"b","file_name":"акт.pdf"}}}`,
		him("1001:18", func(in *channels.Inbound) { in.Attachments = []channels.Attachment{{Name: "акт.pdf", Ref: "a"}} }),
	},
	"animation, which comes with a document": {
		`{"update_id":80,"message":{"message_id":19,` + person + `,` + private + `,"date":1804464000,
		  "animation":{"file_id":"a","file_unique_id":"b","width":1,"height":1,"duration":1},
		  "document":{"file_id":"a","file_unique_id":"b","file_name":"x.mp4"}}}`,
		him("1001:19", func(in *channels.Inbound) { in.Attachments = []channels.Attachment{{Name: "animation", Ref: "a"}} }),
	},
	"kind newer than the library": {
		`{"update_id":81,"message":{"message_id":20,` + person + `,` + private + `,"date":1804464000,"checklist":{"title":"Что починить"}}}`,
		him("1001:20", func(in *channels.Inbound) { in.Attachments = []channels.Attachment{{Name: "checklist"}} }),
	},
	"place with a name": {
		`{"update_id":81,"message":{"message_id":24,` + person + `,` + private + `,"date":1804464000,
		  "venue":{"location":{"latitude":55.75,"longitude":37.5},"title":"Гараж","address":"ул. Ремонтная, 1"},"location":{"latitude":55.75,"longitude":37.5}}}`,
		him("1001:24", func(in *channels.Inbound) {
			in.Attachments = []channels.Attachment{{Name: "venue", Place: "55.75,37.5"}}
		}),
	},
	"place": {
		`{"update_id":81,"message":{"message_id":25,` + person + `,` + private + `,"date":1804464000,"location":{"latitude":-33.9,"longitude":151.2}}}`,
		him("1001:25", func(in *channels.Inbound) {
			in.Attachments = []channels.Attachment{{Name: "location", Place: "-33.9,151.2"}}
		}),
	},
	"own phone": {
		`{"update_id":82,"message":{"message_id":21,` + person + `,` + private + `,"date":1804464000,
		  "contact":{"phone_number":"79990000001","first_name":"Иван","user_id":1001}}}`,
		him("1001:21", func(in *channels.Inbound) { in.Attachments = []channels.Attachment{{Name: "contact:+79990000001"}} }),
	},
	"someone else's phone": {
		`{"update_id":83,"message":{"message_id":22,` + person + `,` + private + `,"date":1804464000,
		  "contact":{"phone_number":"+79990000002","first_name":"Пётр","user_id":1002}}}`,
		him("1001:22", func(in *channels.Inbound) { in.Attachments = []channels.Attachment{{Name: "contact"}} }),
	},
	"phone of nobody at Telegram": {
		`{"update_id":84,"message":{"message_id":23,` + person + `,` + private + `,"date":1804464000,
		  "contact":{"phone_number":"+79990000002","first_name":"Пётр"}}}`,
		him("1001:23", func(in *channels.Inbound) { in.Attachments = []channels.Attachment{{Name: "contact"}} }),
	},
	"tap": {
		`{"update_id":85,"callback_query":{"id":"382","chat_instance":"5",` + person + `,"data":"v1:q1:2",
		  "message":{"message_id":8,` + private + `,"date":1804460000,"text":"Оцените"}}}`,
		him("tap:382", func(in *channels.Inbound) {
			in.Data, in.Callback, in.References, in.At = "v1:q1:2", "382", []string{"1001:8"}, time.Time{}
		}),
	},
	"tap on a message that is too old": {
		`{"update_id":86,"callback_query":{"id":"383","chat_instance":"5",` + person + `,"data":"v1:q1:2",
		  "message":{"message_id":8,` + private + `,"date":0}}}`,
		him("tap:383", func(in *channels.Inbound) {
			in.Data, in.Callback, in.References, in.At = "v1:q1:2", "383", []string{"1001:8"}, time.Time{}
		}),
	},
	"tap without a message": {
		`{"update_id":87,"callback_query":{"id":"384","chat_instance":"5",` + person + `,"data":"v1:q1:2"}}`,
		him("tap:384", func(in *channels.Inbound) { in.Data, in.Callback, in.At = "v1:q1:2", "384", time.Time{} }),
	},
	"block": {
		`{"update_id":88,"my_chat_member":{` + private + `,` + person + `,"date":1804464000,
		  "old_chat_member":{"status":"member","user":{"id":4242424242,"is_bot":true,"first_name":"Бот"}},
		  "new_chat_member":{"status":"kicked","until_date":0,"user":{"id":4242424242,"is_bot":true,"first_name":"Бот"}}}}`,
		him("update:88", func(in *channels.Inbound) { in.Blocked = true }),
	},
	"unblock": {
		`{"update_id":89,"my_chat_member":{` + private + `,` + person + `,"date":1804464000,
		  "old_chat_member":{"status":"kicked","until_date":0,"user":{"id":4242424242,"is_bot":true,"first_name":"Бот"}},
		  "new_chat_member":{"status":"member","user":{"id":4242424242,"is_bot":true,"first_name":"Бот"}}}}`,
		him("update:89", func(in *channels.Inbound) { in.Unblocked = true }),
	},
	"group message":   {`{"update_id":90,"message":{"message_id":9,` + person + `,` + inGroup + `,"date":1804464000,"text":"5"}}`, nil},
	"another bot":     {`{"update_id":91,"message":{"message_id":9,"from":{"id":7,"is_bot":true,"first_name":"R2"},` + private + `,"date":1804464000,"text":"5"}}`, nil},
	"service message": {`{"update_id":92,"message":{"message_id":9,` + person + `,` + private + `,"date":1804464000,"delete_chat_photo":true}}`, nil},
	"moving location": {`{"update_id":93,"edited_message":{"message_id":9,` + person + `,` + private + `,"date":1804460000,"edit_date":1804464000,"location":{"latitude":1,"longitude":2}}}`, nil},
	"tap in a group":  {`{"update_id":94,"callback_query":{"id":"382","chat_instance":"5",` + person + `,"data":"x","message":{"message_id":8,` + inGroup + `,"date":1804460000}}}`, nil},
	"added to a group": {
		`{"update_id":95,"my_chat_member":{` + inGroup + `,` + person + `,"date":1804464000,
		  "old_chat_member":{"status":"left","user":{"id":4242424242,"is_bot":true,"first_name":"Бот"}},
		  "new_chat_member":{"status":"member","user":{"id":4242424242,"is_bot":true,"first_name":"Бот"}}}}`, nil},
	"kind we did not ask for": {`{"update_id":96}`, nil},
}

func TestReceive(t *testing.T) {
	c := open(t, "http://"+channeltest.DeadAddr)
	for name, u := range updates {
		t.Run(name, func(t *testing.T) {
			events, err := c.Receive(hook(u.body))
			if err != nil {
				t.Fatal(err)
			}
			var want []channels.Event
			if u.want != nil {
				want = []channels.Event{{Inbound: u.want}}
			}
			if d := cmp.Diff(want, events); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// A field that has changed its type since the library was written must not cost
// the customer's words.
func TestReceiveToleratesNewTypes(t *testing.T) {
	body := strings.Replace(updates["text"].body, `"date":1804464000`, `"date":1804464000,"media_group_id":5,"poll":"?"`, 1)
	events, err := open(t, "").Receive(hook(body))
	if err != nil || len(events) != 1 || events[0].Inbound.Text != "2. ждал 3 часа" {
		t.Errorf("%+v, %v", events, err)
	}
}

func TestReceiveRefuses(t *testing.T) {
	c := open(t, "")
	for _, body := range []string{"", "null", "[]", "{}", "{", `{"update_id":"x"}`, `{"update_id":-1}`, "update_id=5"} {
		events, err := c.Receive(hook(body))
		if err == nil || errors.Is(err, channels.ErrForged) || events != nil {
			t.Errorf("%q: %v, %v", body, events, err)
		}
	}
}

// Whatever is sent to the hook: no panic, the same answer twice, and every event
// says who and what.
func FuzzReceive(f *testing.F) {
	for _, u := range updates {
		f.Add(u.body)
	}
	c := open(f, "http://"+channeltest.DeadAddr)
	f.Fuzz(func(t *testing.T, body string) {
		events, err := c.Receive(hook(body))
		again, err2 := c.Receive(hook(body))
		if (err == nil) != (err2 == nil) || !cmp.Equal(events, again) {
			t.Fatalf("%+v, %v; then %+v, %v", events, err, again, err2)
		}
		for _, e := range events {
			in := e.Inbound
			if in == nil || in.ProviderID == "" || in.From == "" || in.To != self {
				t.Fatalf("%+v", in)
			}
			if in.Text == "" && in.Data == "" && len(in.Attachments) == 0 && !in.Blocked && !in.Unblocked {
				t.Fatalf("an event of nothing: %+v", in)
			}
		}
	})
}
