package channels

import (
	"io"
	"net/http"
	"sync/atomic"
)

// Guard lets a request that hands a message over ask its check (Message.Check, nil for
// none) before the first byte of its body. After an error the request ends with it and
// without its body, so that the provider has nothing that it could take: begun, which
// says that it may have something, is cleared.
func Guard(req *http.Request, check func() error, begun *atomic.Bool) {
	if check == nil || req.Body == nil {
		return
	}
	req.Body = &guarded{ReadCloser: req.Body, check: check, begun: begun}
	if body := req.GetBody; body != nil {
		req.GetBody = func() (io.ReadCloser, error) {
			b, err := body()
			return &guarded{ReadCloser: b, check: check, begun: begun}, err
		}
	}
}

// guarded is a body that is not read before its check has been passed.
type guarded struct {
	io.ReadCloser
	check  func() error
	begun  *atomic.Bool
	passed bool
}

// Read implements io.Reader.
func (g *guarded) Read(b []byte) (int, error) {
	if !g.passed {
		if err := g.check(); err != nil {
			g.begun.Store(false)
			return 0, err
		}
		g.passed = true
	}
	return g.ReadCloser.Read(b)
}
