package telegram

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"otklik/channels"
)

// secretHeader carries Config.Secret (https://core.telegram.org/bots/api#setwebhook).
const secretHeader = "X-Telegram-Bot-Api-Secret-Token"

// Receive implements channels.Receiver. Updates that mean nothing to us give no
// event and no error, so that Telegram does not send them again.
//
// Provider ids are "<chat>:<message>" for messages, with ":edit:<update>" for
// their corrections, "tap:<callback>" for taps and "update:<update>" for blocking
// and unblocking. A shared phone number of the sender himself is the attachment
// "contact:+<digits>".
func (c *Channel) Receive(r channels.Request) ([]channels.Event, error) {
	// Digests have one length, so that the comparison does not tell the secret's.
	got, want := sha256.Sum256([]byte(r.Header.Get(secretHeader))), sha256.Sum256([]byte(c.secret))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return nil, fmt.Errorf("reading a telegram update: %w", channels.ErrForged)
	}
	_, in, err := read(r.Body, c.id)
	if err != nil {
		return nil, fmt.Errorf("reading a telegram update: %w", err)
	}
	if in == nil {
		return nil, nil
	}
	return []channels.Event{{Inbound: in}}, nil
}

// command reads the three commands that every bot has
// (https://core.telegram.org/bots/features#global-commands) and /stop. A bare
// /start is what the chat's START button sends, also after a block.
func command(text string) (start, intent string) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return "", ""
	}
	name, _, _ := strings.Cut(words[0], "@")
	switch {
	case name == "/start" && len(words) == 2 && payloadForm.MatchString(words[1]):
		return words[1], ""
	case len(words) > 1:
		return "", ""
	case name == "/start":
		return "", "resume"
	case name == "/stop":
		return "", "optout"
	case name == "/help":
		return "", "help"
	}
	return "", ""
}

// parts are the fields of a message that a person adds beside text, in the order
// in which they are named to the operator. Some come in pairs for old clients:
// implied leaves out the second name.
var parts = []struct{ name, implied string }{
	{"live_photo", "photo"}, {"photo", ""}, {"voice", ""}, {"video_note", ""}, {"video", ""},
	{"audio", ""}, {"animation", "document"}, {"document", ""}, {"sticker", ""}, {"contact", ""},
	{"venue", "location"}, {"location", ""}, {"poll", ""}, {"dice", ""}, {"story", ""},
	{"checklist", ""}, {"paid_media", ""}, {"rich_message", ""}, {"game", ""},
}

// presentParts looks into the update itself, since the library does not know the
// newer fields and would turn such messages into nothing.
func presentParts(raw []byte) (names []string, fields map[string]json.RawMessage) {
	var u struct {
		Message       map[string]json.RawMessage `json:"message"`
		EditedMessage map[string]json.RawMessage `json:"edited_message"`
	}
	// What could not be read is not there; the caller has read the rest.
	_ = json.Unmarshal(raw, &u)
	m := u.Message
	if m == nil {
		m = u.EditedMessage
	}
	implied := map[string]bool{}
	for _, p := range parts {
		if v, ok := m[p.name]; !ok || string(v) == "null" || implied[p.name] {
			continue
		}
		names = append(names, p.name)
		implied[p.implied] = true
	}
	return names, m
}

// partContent is what all kinds of files and places have in common. A photo comes in
// several sizes, of which the last is the largest.
type partContent struct {
	FileID    string   `json:"file_id"`
	MimeType  string   `json:"mime_type"`
	FileSize  int64    `json:"file_size"`
	Latitude  *float64 `json:"latitude"`
	Longitude *float64 `json:"longitude"`
	Location  *struct {
		Latitude  float64 `json:"latitude"`
		Longitude float64 `json:"longitude"`
	} `json:"location"`
}

// attachment reads one part. What is not in the usual form has a name only.
func attachment(name string, raw json.RawMessage) channels.Attachment {
	a := channels.Attachment{Name: name}
	var c partContent
	var sizes []partContent
	switch {
	case json.Unmarshal(raw, &sizes) == nil && len(sizes) > 0:
		c = sizes[len(sizes)-1]
	case json.Unmarshal(raw, &c) != nil:
		return a
	}
	a.Ref, a.Type, a.Size = c.FileID, c.MimeType, max(c.FileSize, 0)
	switch {
	case c.Latitude != nil && c.Longitude != nil:
		a.Place = place(*c.Latitude, *c.Longitude)
	case c.Location != nil:
		a.Place = place(c.Location.Latitude, c.Location.Longitude)
	}
	return a
}

func place(latitude, longitude float64) string {
	degrees := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	return degrees(latitude) + "," + degrees(longitude)
}

// moment is zero for a date that is not given.
func moment(seconds int) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0).UTC()
}
