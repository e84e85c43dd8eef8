// Package e2e owns the tests that use the whole program as people do: a demo
// dealership in this process, a real browser, and axe-core as an outside judge
// of accessibility. It holds no product code and nothing imports it.
//
// A test waits for what a person would see, never for a time. It fails on any
// error in the browser's console, on any violation of the Content-Security-Policy
// and on any request to another host.
package e2e
