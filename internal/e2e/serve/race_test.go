//go:build race

package serve_test

// raceFlags build the nodes of a group with the race detector where the tests have
// it, too, and as the Makefile builds the tests: what is compiled serves both.
var raceFlags = []string{"-race", "-gcflags=modernc.org/sqlite/lib=-race=false", "-gcflags=modernc.org/libc=-race=false",
	"-gcflags=go.yaml.in/yaml/v3=-race=false", "-gcflags=golang.org/x/crypto/argon2=-race=false"}
