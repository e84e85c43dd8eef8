//go:build !race

package serve_test

var raceFlags []string
