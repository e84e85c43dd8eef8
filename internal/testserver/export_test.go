package testserver

import "testing"

// Model makes what PostgresLike copies.
func Model(t testing.TB, name string, fill func(url string) error) error {
	t.Helper()
	return (&session{server: ofRun(t), brief: true, models: map[string]bool{}}).model(name, fill)
}
