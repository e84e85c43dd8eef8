package sms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"otklik/channels"
)

// mediaForm is where Twilio keeps what came with a message
// (https://www.twilio.com/docs/messaging/api/media-resource).
var mediaForm = regexp.MustCompile(`^/2010-04-01/Accounts/AC[0-9a-fA-F]{32}/Messages/(?:MM|SM)[0-9a-fA-F]{32}/Media/ME[0-9a-fA-F]{32}$`)

// mediaPath is what of a media URL is kept: the path below the API's host. The host that
// a URL names counts for nothing, it is asked of the configured one; what has not the
// form of a media resource is never fetched and gives "".
func mediaPath(address string) string {
	u, err := url.Parse(address)
	if err != nil || !mediaForm.MatchString(u.Path) {
		return ""
	}
	return u.Path
}

// mostRedirects is above what Twilio does: one, to where the content lies.
const mostRedirects = 3

// stores are the hosts that Twilio sends a reader of media on to, with a prefix of the
// path where the host is not Twilio's alone
// (https://help.twilio.com/articles/223183748).
var stores = map[string]string{"mms.twiliocdn.com": "/", "media.twiliocdn.com": "/", "s3-external-1.amazonaws.com": "/media.twiliocdn.com/"}

// Fetch implements channels.Fetcher. The credentials go to the API's own host only.
func (c *Channel) Fetch(ctx context.Context, ref string, w io.Writer) error {
	if !mediaForm.MatchString(ref) {
		return &channels.Error{Class: channels.Rejected, Err: errors.New("fetching media: the reference is not one of a media resource")}
	}
	target := c.base + ref
	for range mostRedirects + 1 {
		next, err := c.fetchFrom(ctx, target, w)
		if err != nil || next == "" {
			return err
		}
		target = next
	}
	return &channels.Error{Class: channels.Transient, Err: errors.New("fetching media: redirected too often")}
}

// fetchFrom reads one address, or tells where it sends us on to.
func (c *Channel) fetchFrom(ctx context.Context, target string, w io.Writer) (next string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return "", &channels.Error{Class: channels.Rejected, Err: errors.New("fetching media: the address cannot be asked for")}
	}
	req.Header.Set("User-Agent", "otklik")
	if strings.HasPrefix(target, c.base+"/") {
		req.SetBasicAuth(c.config.AccountSID, c.config.AuthToken)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		// *url.Error repeats the address, which at a store is a key to the content.
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return "", &channels.Error{Class: channels.Transient, Err: fmt.Errorf("fetching media: %w", err)}
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK:
		if _, err := io.Copy(w, resp.Body); err != nil {
			return "", &channels.Error{Class: channels.Transient, Err: fmt.Errorf("fetching media: %w", err)}
		}
		return "", nil
	case resp.StatusCode >= 300 && resp.StatusCode <= 399:
		next, err := resp.Location()
		if err != nil || !stored(next) {
			return "", &channels.Error{Class: channels.Rejected, Err: errors.New("fetching media: redirected to a host that is not twilio's")}
		}
		return next.String(), nil
	case resp.StatusCode == http.StatusNotFound, resp.StatusCode == http.StatusGone:
		return "", fmt.Errorf("fetching media: %w", channels.ErrGone)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		body = nil // the status says enough
	}
	r := c.refusal(resp, body)
	e := r.classify()
	if e.Class == channels.Uncertain || e.Class == channels.Unreachable {
		e.Class = channels.Transient // nothing is sent here
	}
	e.Err = fmt.Errorf("fetching media: %w", r)
	return "", e
}

// stored tells whether an address is one at which Twilio keeps contents.
func stored(u *url.URL) bool {
	prefix, known := stores[strings.ToLower(u.Host)]
	return known && u.Scheme == "https" && u.User == nil && strings.HasPrefix(u.Path, prefix) && !strings.Contains(u.Path, "..")
}

var _ channels.Fetcher = (*Channel)(nil)
