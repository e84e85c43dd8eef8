//go:build !jolt

// Package jolt marks the places at which a slow machine may hold the program up: a disk
// that does not sync, a server that does not answer, a process that gets no turn. `make
// jolt` builds the tests with the tag jolt and stops them there at random, for up to
// 600 ms: what must be true whatever else goes on meanwhile shows in minutes what else
// shows once in a hundred runs. In the program itself nothing happens.
package jolt

// Here is such a place.
func Here() {}
