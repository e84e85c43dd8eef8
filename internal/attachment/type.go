package attachment

import (
	"bytes"
	"net/http"
	"strings"
)

// headLength is how many first bytes tell what a content is.
const headLength = 512

// shown are the types that a page shows or plays; whatever else comes is a file to be
// saved, and what could run as a page (SVG, HTML) is never among these.
var shown = map[string]bool{
	"image/jpeg": true, "image/png": true, "image/gif": true, "image/webp": true,
	"audio/ogg": true, "audio/mpeg": true, "audio/mp4": true, "audio/aac": true, "audio/wav": true,
	"video/mp4": true, "video/webm": true, "video/quicktime": true,
}

// Shown is "image", "audio" or "video" for a type that a page shows or plays, else "".
func Shown(kind string) string {
	if !shown[kind] {
		return ""
	}
	family, _, _ := strings.Cut(kind, "/")
	return family
}

// Type tells the MIME type of a content by its first bytes, whatever its sender says.
func Type(head []byte) string {
	head = head[:min(len(head), headLength)]
	has := func(at int, magic string) bool {
		return len(head) >= at+len(magic) && string(head[at:at+len(magic)]) == magic
	}
	switch {
	case has(4, "ftyp") && len(head) >= 12:
		return boxed(string(head[8:12]))
	case has(0, "OggS"):
		if bytes.Contains(head, []byte("OpusHead")) || bytes.Contains(head, []byte("\x01vorbis")) || bytes.Contains(head, []byte("Speex   ")) {
			return "audio/ogg"
		}
		return "application/ogg"
	case has(0, "RIFF") && has(8, "WAVE"):
		return "audio/wav"
	case has(0, "\x1a\x45\xdf\xa3"):
		if bytes.Contains(head, []byte("webm")) {
			return "video/webm"
		}
		return "video/x-matroska"
	case has(0, "#!AMR"):
		return "audio/amr"
	case len(head) > 1 && head[0] == 0xFF && head[1]&0xF6 == 0xF0:
		return "audio/aac"
	case len(head) > 1 && head[0] == 0xFF && head[1]&0xE6 == 0xE2: // layer III
		return "audio/mpeg"
	}
	kind, _, _ := strings.Cut(http.DetectContentType(head), ";")
	return kind
}

// boxed is the type of what ISO 14496-12 and its kin carry, by their brand.
func boxed(brand string) string {
	switch {
	case strings.HasPrefix(brand, "M4A"), strings.HasPrefix(brand, "M4B"):
		return "audio/mp4"
	case brand == "qt  ":
		return "video/quicktime"
	case strings.HasPrefix(brand, "3g"):
		return "video/3gpp"
	case brand == "heic", brand == "heix", brand == "mif1", brand == "msf1", brand == "hevc":
		return "image/heic"
	case brand == "avif":
		return "image/avif"
	}
	return "video/mp4"
}
