// Package templates carries the shipped texts inside the binary: surveys,
// messages, and the words that dates and buttons are made of, per locale. It owns
// nothing else and decides nothing; internal/survey, internal/render and
// internal/console read it.
package templates

import "embed"

// FS has the folders surveys and messages, each file named after its id, and
// words and advertising, each file named after its locale; programs; and the console's
// pages.
//
//go:embed surveys messages words advertising programs console
var FS embed.FS
