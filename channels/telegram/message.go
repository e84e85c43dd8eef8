package telegram

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"otklik/channels"
)

// check finds what Telegram would refuse, before any network.
func check(m channels.Message) error {
	if _, ok := number(m.To); !ok {
		return &channels.Error{
			Class: channels.Unreachable, Reason: channels.ReasonBadAddress,
			Err: errors.New("the recipient is not a chat id"),
		}
	}
	switch {
	case !utf8.ValidString(m.Text):
		return rejected("the text is not UTF-8")
	case strings.TrimSpace(m.Text) == "":
		return rejected("the text is empty")
	case units(m.Text) > MaxText:
		return rejected("the text has " + strconv.Itoa(units(m.Text)) + " UTF-16 units, Telegram takes 4096")
	}
	for _, row := range m.Buttons {
		for _, b := range row {
			if err := checkButton(b); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkButton(b channels.Button) error {
	switch {
	case strings.TrimSpace(b.Label) == "" || !utf8.ValidString(b.Label):
		return rejected("a button has no readable label")
	case (b.Data == "") == (b.URL == ""):
		return rejected("a button needs either data or a URL")
	case len(b.Data) > MaxData:
		return rejected("a button's data has " + strconv.Itoa(len(b.Data)) + " bytes, Telegram takes 64")
	case !utf8.ValidString(b.Data):
		return rejected("a button's data is not UTF-8")
	}
	if u, err := url.Parse(b.URL); b.URL != "" && (err != nil || u.Host == "") {
		return rejected("a button's URL is not one")
	}
	return nil
}

// units is the length of s as Telegram counts it.
func units(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

func rejected(why string) error {
	return &channels.Error{Class: channels.Rejected, Scope: channels.ScopeMessage, Err: errors.New(why)}
}

// Message ids count per chat, so a provider id names both.
func ref(chat int64, message int) string {
	return strconv.FormatInt(chat, 10) + ":" + strconv.Itoa(message)
}

func splitRef(id string) (chat string, message int, ok bool) {
	chat, tail, _ := strings.Cut(id, ":")
	n, ok := number(tail)
	if _, valid := number(chat); !valid || !ok || n < 0 {
		return "", 0, false
	}
	return chat, int(n), true
}

// number reads a non-zero decimal in its shortest form.
func number(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n != 0 && strconv.FormatInt(n, 10) == s
}
