package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	tgbotapi "github.com/go-telegram-bot-api/telegram-bot-api/v5"

	"otklik/channels"
)

// Fetch implements channels.Fetcher; ref is a file_id. Telegram gives bots files of up
// to 20 MB and keeps an address valid for an hour, so that each attempt asks for a new
// one (https://core.telegram.org/bots/api#getfile).
func (c *Channel) Fetch(ctx context.Context, ref string, w io.Writer) error {
	result, err := c.bot.call(ctx, "getFile", tgbotapi.Params{"file_id": ref}, c.bot.timeout)
	switch {
	case refusedWith(err, "too big"):
		return fmt.Errorf("getFile: %w", channels.ErrTooLarge)
	case refusedWith(err, "wrong file") || refusedWith(err, "invalid file") || refusedWith(err, "file not found") || refusedWith(err, "file reference"):
		return fmt.Errorf("getFile: %w", channels.ErrGone)
	case err != nil:
		return again(err)
	}
	var file struct {
		Path string `json:"file_path"`
	}
	if json.Unmarshal(result, &file) != nil || file.Path == "" {
		return again(unreadable("getFile"))
	}
	return c.bot.download(ctx, file.Path, w)
}

// again gives a failed question the class of one that sends nothing: it may be asked
// again, unless Telegram has refused it.
func again(err error) error {
	e := channels.AsError(err)
	if e.Class == channels.Uncertain {
		e.Class = channels.Transient
	}
	return e
}

// download reads a file from the API's own host. No redirect is followed.
func (b *bot) download(ctx context.Context, path string, w io.Writer) error {
	const method = "downloading a file"
	var segments []string
	for _, s := range strings.Split(path, "/") {
		if s == ".." || s == "." {
			return rejected("the path of a file leads elsewhere")
		}
		segments = append(segments, url.PathEscape(s))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+"/file/bot"+b.api.Token+"/"+strings.Join(segments, "/"), nil)
	if err != nil {
		return rejected("the path of a file cannot be asked for")
	}
	resp, err := b.client.Do(req)
	if err != nil {
		var withAddress *url.Error
		if errors.As(err, &withAddress) {
			err = withAddress.Err
		}
		return again(failure{method: method, cause: b.clean(err)}.outcome())
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK:
		if _, err := io.Copy(w, resp.Body); err != nil {
			return &channels.Error{Class: channels.Transient, Err: &wireError{method, b.clean(err)}}
		}
		return nil
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusGone:
		return fmt.Errorf("%s: %w", method, channels.ErrGone)
	}
	f := failure{method: method, begun: true, status: resp.StatusCode, code: resp.StatusCode, description: http.StatusText(resp.StatusCode)}
	f.wait, f.asked = retryAfter(resp.Header)
	return again(f.outcome())
}

var _ channels.Fetcher = (*Channel)(nil)
