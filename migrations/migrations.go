// Package migrations carries the schema, once per engine: the same numbers and
// names in both folders. Only internal/store applies them.
package migrations

import "embed"

// FS holds the folders sqlite and postgres.
//
//go:embed sqlite/*.sql postgres/*.sql
var FS embed.FS
