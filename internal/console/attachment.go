package console

import (
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"otklik/internal/attachment"
	"otklik/internal/store"
)

// shownAttachment is something that came beside a message, as a page shows it.
type shownAttachment struct {
	// Name is its kind or the name of its file.
	Name string
	// Kept is the row of its content; zero where it has but a name.
	Kept store.Attachment
	// From and At are whose it is and when it came.
	From string
	At   time.Time
}

// Shown is "image", "audio" or "video" for what the page shows or plays, "file" for what
// can be saved, "place" for a location, else how it stands; "" where it has but a name.
func (b shownAttachment) Shown() string {
	if b.Kept.State != store.AttachmentKept {
		return string(b.Kept.State)
	}
	if family := attachment.Shown(b.Kept.Type); family != "" {
		return family
	}
	return "file"
}

// Map is where a location is on a map that anybody can look at.
func (b shownAttachment) Map() string {
	latitude, longitude, _ := strings.Cut(b.Kept.Place, ",")
	return "https://www.openstreetmap.org/?mlat=" + latitude + "&mlon=" + longitude + "#map=16/" + latitude + "/" + longitude
}

// attachmentsOf reads what came beside messages, by message.
func (c *Console) attachmentsOf(q *request, ms []store.Message) (map[string][]shownAttachment, error) {
	var ids []string
	for i := range ms {
		if len(ms[i].Options.Attachments) > 0 {
			ids = append(ids, ms[i].ID)
		}
	}
	rows, err := c.Store.Attachments(q.ctx(), ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]shownAttachment, len(ids))
	for i := range ms {
		m := &ms[i]
		for _, name := range m.Options.Attachments {
			out[m.ID] = append(out[m.ID], shownAttachment{Name: name, From: m.Options.FromName, At: m.CreatedAt})
		}
		for _, a := range rows[m.ID] {
			if a.Position < len(out[m.ID]) {
				out[m.ID][a.Position].Kept = a
			}
		}
	}
	return out, nil
}

// attachmentPolicy keeps what a stranger sent from doing anything, should a browser open
// it as a page of its own.
const attachmentPolicy = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"

// attachment gives the content of what a customer of the reader's dealer sent. What came
// from a stranger is for those who read the inbox.
func (c *Console) attachment(q *request) error {
	a, m, err := c.Store.Attachment(q.ctx(), q.r.PathValue("id"))
	if err != nil {
		return fmt.Errorf("reading an attachment: %w", idError(err))
	}
	if m.DealerID != q.dealer.ID || m.ContactID == "" && !q.employee.Has(callers...) || a.State != store.AttachmentKept {
		return store.ErrNotFound
	}
	h := q.w.Header()
	h.Set("Content-Security-Policy", attachmentPolicy)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Type", "application/octet-stream")
	if attachment.Shown(a.Type) != "" {
		h.Set("Content-Type", a.Type)
	} else {
		h.Set("Content-Disposition", disposition(a.Name))
	}
	// The bound on writing is for pages. A server that cannot lift it is still bounded.
	_ = q.lastLonger()
	http.ServeContent(q.w, q.r, "", time.Time{}, c.Store.Content(q.ctx(), a))
	return nil
}

// disposition has a browser save a file under its name.
func disposition(name string) string {
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	if d := mime.FormatMediaType("attachment", map[string]string{"filename": name}); d != "" {
		return d
	}
	return "attachment"
}

// Bytes is a size in words.
func (v *view) Bytes(n int64) string {
	const kilo = 1 << 10
	switch {
	case n < kilo:
		return v.T("size.bytes", "n", fmt.Sprint(n))
	case n < kilo*kilo:
		return v.T("size.kilobytes", "n", fmt.Sprint((n+kilo/2)/kilo))
	}
	tenths := (n*10 + kilo*kilo/2) / (kilo * kilo)
	return v.T("size.megabytes", "n", fmt.Sprint(tenths/10)+v.T("size.point")+fmt.Sprint(tenths%10))
}
