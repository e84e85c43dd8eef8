package app

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
)

func TestInDNS(t *testing.T) {
	const spf, dmarc = "v=spf1 include:_spf.example.net ~all", "v=DMARC1; p=none"
	absent := &net.DNSError{Err: "no such host", IsNotFound: true}
	for name, c := range map[string]struct {
		from  string
		texts map[string][]string
		err   error
		says  []string // what is wrong, in order; "" for fine
	}{
		"both":      {"Service <service@south.example>", map[string][]string{"south.example": {"other", spf}, "_dmarc.south.example": {dmarc}}, nil, []string{"", ""}},
		"no DMARC":  {"service@south.example", map[string][]string{"south.example": {spf}}, nil, []string{"", "_dmarc.south.example has no"}},
		"none":      {"service@south.example", nil, absent, []string{"south.example has no", "v=DMARC1"}},
		"a failure": {"service@south.example", nil, errors.New("refused"), []string{"refused", "refused"}},
		"no sender": {"south", nil, nil, []string{"OTKLIK_EMAIL_FROM"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := inDNS(t.Context(), func(_ context.Context, name string) ([]string, error) { return c.texts[name], c.err }, c.from)
			if len(got) != len(c.says) {
				t.Fatalf("findings: %+v", got)
			}
			for i, f := range got {
				if f.OK != (c.says[i] == "") || !strings.Contains(f.Says, c.says[i]) {
					t.Errorf("finding %d: %+v, want %q", i, f, c.says[i])
				}
			}
		})
	}
}
