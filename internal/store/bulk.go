package store

import (
	"strings"
)

// column is one column of a list of rows that stands in a statement.
type column struct{ name, typ string }

// values writes rows as a common table expression "with v (…) as (values …)".
// PostgreSQL cannot infer the types of parameters there and gets casts; SQLite
// needs none, and casting to uuid would turn ids into numbers.
func (d dialect) values(cols []column, rows [][]any) (string, []any) {
	var b strings.Builder
	b.WriteString("with v (")
	for i, c := range cols {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.name)
	}
	b.WriteString(") as (values ")
	args := make([]any, 0, len(rows)*len(cols))
	for i, row := range rows {
		if i > 0 {
			b.WriteString(", ")
		}
		if d.name == "sqlite" {
			b.WriteString(placeholders(len(args), len(cols)))
		} else {
			p := placeholders(len(args), len(cols))
			for j, one := range strings.Split(p[1:len(p)-1], ", ") {
				b.WriteString(map[bool]string{true: "(", false: ", "}[j == 0])
				b.WriteString("cast(" + one + " as " + cols[j].typ + ")")
			}
			b.WriteByte(')')
		}
		args = append(args, row...)
	}
	b.WriteString(") ")
	return b.String(), args
}
