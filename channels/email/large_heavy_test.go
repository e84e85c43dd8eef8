//go:build heavy

package email

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestHeavyAnswerBelowALargeAttachment: of a mail that is too large to fetch the end
// counts as much as the beginning.
func TestHeavyAnswerBelowALargeAttachment(t *testing.T) {
	const head = "From: Anna <anna@client.example>\nTo: service+tok00001@dealer.example\nMessage-ID: <big@client.example>\nSubject: video\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
	const video = "--b\nContent-Type: video/mp4; name=a.mp4\nContent-Disposition: attachment; filename=a.mp4\nContent-Transfer-Encoding: base64\n\n"
	const words = "--b\nContent-Type: text/plain; charset=utf-8\n\n2, listen to that noise\n"
	const photo = "--b\nContent-Type: image/jpeg; name=p.jpg\nContent-Disposition: attachment; filename=p.jpg\nContent-Transfer-Encoding: base64\n\nQUJD\n"
	line := strings.Repeat("QUJD", 19) + "\n"
	blob := strings.Repeat(line, (largestMail+lastOfMail)/len(line))
	for name, raw := range map[string]string{"below": head + photo + video + blob + words + photo + "--b--\n", "above": head + words + photo + video + blob + photo + "--b--\n"} {
		t.Run(name, func(t *testing.T) {
			m := startMemory(t, false)
			m.add(t, raw)
			all, err := m.listen(t, "", after(1))
			if !errors.Is(err, errEnough) || texts(all) != "2, listen to that noise" {
				t.Fatalf("heard %q, %v", texts(all), err)
			}
			var files []string
			for _, a := range all[0].attachments {
				files = append(files, fmt.Sprint(a.Name, " ", a.Cut, " ", string(a.Content)))
			}
			if got := strings.Join(files, ", "); got != "p.jpg false ABC, a.mp4 true , p.jpg false ABC" {
				t.Errorf("attachments: %s", got)
			}
		})
	}
}
