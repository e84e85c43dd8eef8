//go:build race

package serve_test

// raceFlags build the nodes of a group with the race detector where the tests have
// it, too.
var raceFlags = []string{"-race"}
