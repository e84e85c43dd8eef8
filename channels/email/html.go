package email

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlText renders HTML as plain text. With own, elements in which mail programs
// keep the answered mail and signatures are left out; should nothing remain, the
// signatures are kept.
func htmlText(source string, own bool) string {
	if strings.TrimSpace(source) == "" {
		return ""
	}
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return ""
	}
	t := &texter{own: own, signatures: !own}
	t.node(root)
	if own && strings.Trim(t.String(), quoteSign+" \n") == "" {
		t = &texter{own: true, signatures: true}
		t.node(root)
	}
	return t.String()
}

// quoteSign stands where a quote was left out, as text mails mark it.
const quoteSign = ">"

// texter writes text, breaking lines at block elements.
type texter struct {
	strings.Builder
	own, signatures bool
	// ended: the rest of the document is the answered mail.
	ended bool
	pre   int
	// gap: a blank is due before the next word.
	gap bool
	// column is false at the beginning of a line.
	column bool
}

var (
	// quoteElements hold the answered mail by class or id: Gmail, Thunderbird,
	// Yahoo, Proton, Zoho, NetEase, QQ, Mail.ru, Tutanota.
	quoteElements = regexp.MustCompile(`(?i)(?:^|[\s_]|ydp[0-9a-f]+)(?:gmail_attr|moz-cite-prefix|moz-forward-container|yahoo_quoted|protonmail_quote|zmail_extra|isReplyContent|ntes-mailmaster-quote|qmbox|includetail|mail-quote-collapse|tutanota_quote|OutlookMessageHeader|reply-quote)(?:$|\s)`)
	// endElements begin the answered mail; all that follows belongs to it.
	endElements = regexp.MustCompile(`(?i)(?:^|\s)(?:x_)?(?:divRplyFwdMsg|appendonsend|mail-editor-reference-message-container|ms-outlook-mobile-reference-message|stopSpelling|origbody)(?:$|\s)`)
	// signatureElements hold signatures.
	signatureElements = regexp.MustCompile(`(?i)(?:^|\s)(?:gmail_signature|gmail_signature_prefix|moz-signature|protonmail_signature_block|ms-outlook-mobile-signature|Signature|AppleMailSignature|mail-signature|ntes-pcmac-signature|ntes-pcmail-signature)(?:$|\s)`)
	// outlookRule is the line that Outlook for Windows draws above its header block.
	outlookRule = regexp.MustCompile(`(?i)border-top:\s*solid\s+#(?:E1E1E1|B5C4DF)`)
	// indent is Gmail's way to set text in.
	indent = regexp.MustCompile(`(?i)border:\s*none`)
	// bar is the line that programs draw at the left of a quote.
	bar    = regexp.MustCompile(`(?i)border-left\s*:[^;]*\b(?:solid|dotted|dashed|double)`)
	hidden = regexp.MustCompile(`(?i)display\s*:\s*none`)
)

func (t *texter) node(n *html.Node) {
	if t.ended {
		return
	}
	switch n.Type {
	case html.TextNode:
		t.text(n.Data)
		return
	case html.ElementNode:
		if t.skip(n) {
			return
		}
	}
	block := n.Type == html.ElementNode && blocks[n.DataAtom]
	switch n.DataAtom {
	case atom.Br:
		t.newline()
		return
	case atom.Img:
		// Mail services draw emoji as images.
		if alt := attribute(n, "alt"); alt != "" && utf8.RuneCountInString(alt) <= 4 && !unicode.IsLetter([]rune(alt)[0]) {
			t.text(alt)
		}
		return
	case atom.Pre:
		t.pre++
		defer func() { t.pre-- }()
	case atom.Td, atom.Th:
		t.gap = true
	}
	if block {
		t.freshLine()
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		t.node(c)
	}
	if block {
		t.freshLine()
		if n.DataAtom == atom.P {
			t.WriteByte('\n')
		}
	}
}

// skip says that an element and what is in it gives no text.
func (t *texter) skip(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Head, atom.Script, atom.Style, atom.Title, atom.Template, atom.Noscript:
		return true
	}
	style := attribute(n, "style")
	if hidden.MatchString(style) {
		return true
	}
	if !t.own {
		return false
	}
	names := attribute(n, "class") + " " + attribute(n, "id")
	switch {
	case endElements.MatchString(names), outlookRule.MatchString(style):
		t.ended = true
		return true
	case n.DataAtom == atom.Blockquote && !indent.MatchString(style), n.Data == "includetail", quoteElements.MatchString(names), bar.MatchString(style):
		t.freshLine()
		t.text(quoteSign)
		t.freshLine()
		return true
	}
	return !t.signatures && (n.Data == "sign" || signatureElements.MatchString(names))
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func (t *texter) text(s string) {
	if t.pre > 0 {
		t.WriteString(s)
		t.column = !strings.HasSuffix(s, "\n")
		return
	}
	for _, r := range s {
		if unicode.IsSpace(r) {
			t.gap = true
			continue
		}
		if t.gap && t.column {
			t.WriteByte(' ')
		}
		t.gap, t.column = false, true
		t.WriteRune(r)
	}
}

func (t *texter) newline() {
	t.WriteByte('\n')
	t.gap, t.column = false, false
}

func (t *texter) freshLine() {
	if t.column {
		t.newline()
	}
}

// blocks begin and end on lines of their own.
var blocks = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Blockquote: true, atom.Ul: true, atom.Ol: true, atom.Li: true, atom.Table: true, atom.Tr: true,
	atom.H1: true, atom.H2: true, atom.H3: true, atom.H4: true, atom.H5: true, atom.H6: true, atom.Hr: true, atom.Pre: true,
	atom.Section: true, atom.Article: true, atom.Header: true, atom.Footer: true, atom.Address: true, atom.Center: true,
}
