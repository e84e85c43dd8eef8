package sandbox

import (
	"bytes"
	"context"
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// file is a file of the API, with the fields that the stand-in fills.
type file struct {
	FileID   string `json:"file_id"`
	UniqueID string `json:"file_unique_id"`
	FileSize int    `json:"file_size,omitempty"`
	FilePath string `json:"file_path,omitempty"`
	MimeType string `json:"mime_type,omitempty"`
	Width    int    `json:"width,omitempty"`
	Height   int    `json:"height,omitempty"`
	Duration int    `json:"duration,omitempty"`
}

// SendFile lets the person send a photo or a voice note, one of Samples, into a chat with
// the bot, with words or without.
func (s *Servers) SendFile(ctx context.Context, chat, kind, words string) error {
	if err := s.alive(ctx); err != nil {
		return err
	}
	if _, known := Sample(kind); !known {
		return ErrNoSample
	}
	_, err := s.Phones.write(func(n numbers) (record, error) {
		if err := s.canWrite(chat); err != nil {
			return record{}, err
		}
		item := s.telegram.item(n.seq, chat, words)
		item.File = kind
		updates, err := s.telegram.newUpdate(n.update, typeMessage, s.telegram.describe(*item))
		return record{Item: item, Machine: time.Now().UTC(), Updates: updates}, err
	})
	return err
}

// carry turns a message into one with a file. A photo comes in two sizes, as from
// Telegram; both are the same here.
func (m *chatMessage) carry(i Item) {
	x, _ := Sample(i.File)
	f := file{FileID: "sample-" + i.File + "-" + i.ID, UniqueID: i.File + i.ID, FileSize: len(x.Content)}
	m.Caption, m.Text, m.Entities = i.Text, "", nil
	if i.File == SampleVoice {
		f.MimeType, f.Duration = x.Type, voiceSeconds
		m.Voice = &f
		return
	}
	small := f
	small.FileID, small.Width, small.Height = f.FileID+"-small", photoWidth/4, photoHeight/4
	f.Width, f.Height = photoWidth, photoHeight
	m.Photo = []file{small, f}
}

// getFile tells where a file that a person sent can be downloaded.
func (t *telegram) getFile(_ *http.Request, params url.Values) (any, *apiError) {
	id := params.Get("file_id")
	kind, _, _ := strings.Cut(strings.TrimPrefix(id, "sample-"), "-")
	x, known := Sample(kind)
	if !known || !strings.HasPrefix(id, "sample-") {
		return nil, badRequest("wrong file_id or the file is temporarily unavailable")
	}
	return file{FileID: id, UniqueID: id, FileSize: len(x.Content), FilePath: kind + "/" + x.Name}, nil
}

// download serves /file/bot<token>/<file_path>.
func (t *telegram) download(w http.ResponseWriter, r *http.Request) {
	token, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/file/bot"), "/")
	kind, _, _ := strings.Cut(path, "/")
	x, known := Sample(kind)
	if subtle.ConstantTimeCompare([]byte(token), []byte(t.s.config.TelegramToken)) != 1 || !known {
		answer(w, nil, &apiError{code: http.StatusNotFound, description: "Not Found"})
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(x.Content))
}
