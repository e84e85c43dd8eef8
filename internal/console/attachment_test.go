package console_test

import (
	"net/http"
	"strings"
	"testing"

	"otklik/channels"
	"otklik/internal/attachment"
	"otklik/internal/dispatch/dispatchtest"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// sent lets somebody send attachments, and gives them as they are kept.
func (h *house) sent(id, from string, as ...channels.Attachment) []store.Attachment {
	h.t.Helper()
	h.in.Limits = attachment.Limits{Each: 100, Message: 1000}
	for i := range as {
		as[i].Size = max(as[i].Size, int64(len(as[i].Content)))
	}
	in := channels.Inbound{Channel: channels.SMS, ProviderID: id, From: from, To: dispatchtest.Sender, Attachments: as}
	check(h.t, h.in.Handle(h.t.Context(), channels.Event{Inbound: &in}, nil))
	var m store.Message
	check(h.t, h.Store.Tx(h.t.Context(), store.RankPerson, func(tx *store.Tx) (err error) {
		m, err = tx.MessageByProvider(h.t.Context(), channels.SMS, store.In, id)
		return err
	}))
	kept, err := h.Store.Attachments(h.t.Context(), []string{m.ID})
	check(h.t, err)
	return kept[m.ID]
}

// TestAttachments: what can be shown is shown, everything else is a file to be saved, and
// what is not there is said in words; only who may read the conversation gets any of it.
func TestAttachments(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		task := h.complaint()
		const jpeg, ogg = "\xff\xd8\xff\xe0 a photo", "OggS....OpusHead a voice"
		as := h.sent("MM1", phone, channels.Attachment{Name: "photo", Content: []byte(jpeg)}, channels.Attachment{Name: "voice", Content: []byte(ogg)},
			channels.Attachment{Name: `../акт "1".svg`, Type: "image/png", Content: []byte("<svg onload='alert(1)'>")}, channels.Attachment{Name: "page.html", Type: "audio/ogg", Content: []byte("<!doctype html><script>alert(1)</script>")},
			channels.Attachment{Name: "video", Size: 5 << 20, Ref: "f"}, channels.Attachment{Name: "sticker", Ref: "f"}, channels.Attachment{Name: "location", Place: "55.75,37.5"}, channels.Attachment{Name: "dice"})
		maria := h.login("maria")
		path := func(i int) string { return "/attachments/" + as[i].ID }
		for _, page := range []string{"/contacts/" + task.ContactID, "/tasks/" + task.ID} {
			maria.get(page).want(t, http.StatusOK, `<img src="`+path(0)+`" alt="фото от клиента, `, `<audio class="file" controls preload="metadata" src="`+path(1)+`" aria-label="голосовое сообщение, `,
				`<a class="file" href="`+path(2)+`" download>../акт "1".svg</a> <small>23 Б</small>`, `href="`+path(3)+`" download>`, "видео</span> <small>слишком большой: не сохранён, попросите прислать иначе (5,0 МБ)",
				"стикер</span> <small>загружается", "https://www.openstreetmap.org/?mlat=55.75&mlon=37.5#map=16/55.75/37.5", "кубик</span>")
		}
		for i, want := range []struct{ kind, disposition, body string }{
			{"image/jpeg", "", jpeg}, {"audio/ogg", "", ogg},
			{"application/octet-stream", "attachment; filename*=utf-8''%D0%B0%D0%BA%D1%82%20%221%22.svg", "<svg onload='alert(1)'>"},
			{"application/octet-stream", "attachment; filename=page.html", "<!doctype html><script>alert(1)</script>"},
		} {
			p := maria.get(path(i))
			p.want(t, http.StatusOK)
			x := p.Header
			if x.Get("Content-Type") != want.kind || x.Get("Content-Disposition") != want.disposition || p.body != want.body {
				t.Errorf("%d: %q, %q, %q", i, x.Get("Content-Type"), x.Get("Content-Disposition"), p.body)
			}
			if x.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(x.Get("Content-Security-Policy"), "sandbox") || !strings.HasPrefix(x.Get("Content-Security-Policy"), "default-src 'none'") || x.Get("Cross-Origin-Resource-Policy") != "same-origin" {
				t.Errorf("%d: %v", i, x)
			}
		}
		maria.header["Range"] = []string{"bytes=2-5"}
		if p := maria.get(path(1)); p.StatusCode != http.StatusPartialContent || p.body != "gS.." || p.Header.Get("Content-Range") != "bytes 2-5/24" {
			t.Errorf("a part: %s, %q, %v", p.Status, p.body, p.Header)
		}
		delete(maria.header, "Range")
		// Not there yet, never there, another dealer's, nobody's.
		maria.get(path(4)).want(t, http.StatusNotFound)
		maria.get(path(5)).want(t, http.StatusNotFound)
		maria.get("/attachments/"+st.NewID()).want(t, http.StatusNotFound)
		maria.get("/attachments/x").want(t, http.StatusNotFound)
		h.login("boris").get(path(0)).want(t, http.StatusNotFound)
		h.login("oleg").get(path(0)).want(t, http.StatusForbidden)
		h.login("lena").get(path(0)).want(t, http.StatusOK)
		if p := h.stranger().get(path(0)); p.StatusCode != http.StatusSeeOther || p.body == jpeg {
			t.Errorf("a stranger: %s", p.Status)
		}
		// Of somebody whom nobody knows.
		as = h.sent("MM2", "+79000000999", channels.Attachment{Name: "photo", Content: []byte(jpeg)})
		maria.get("/inbox").want(t, http.StatusOK, `<img src="`+path(0)+`"`)
		maria.get(path(0)).want(t, http.StatusOK)
		h.login("lena").get(path(0)).want(t, http.StatusNotFound)
	})
}
