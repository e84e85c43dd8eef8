package storetest

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
)

// Customers writes n customers past the store, with birthdays spread over the year.
func Customers(t testing.TB, url string, n int) {
	t.Helper()
	driver, dsn := "pgx", url
	id, birthday := "cast('00000001-0000-7000-8000-' || lpad(to_hex(i), 12, '0') as uuid)", "'1980-' || lpad(cast(1 + i % 12 as text), 2, '0') || '-' || lpad(cast(1 + (i / 12) % 28 as text), 2, '0')"
	path, sqlite := strings.CutPrefix(url, "sqlite:")
	if sqlite {
		driver, dsn = "sqlite", path
		id, birthday = "printf('00000001-0000-7000-8000-%012x', i)", "printf('1980-%02d-%02d', 1 + i % 12, 1 + (i / 12) % 28)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	statement := fmt.Sprintf(`with recursive n(i) as (select cast(1 as bigint) union all select i + 1 from n where i < %d)
		insert into contact (id, name, name_folded, gender, birthday, created_at, updated_at) select %s, 'Клиентов Иван ' || i, 'клиентов иван ' || i, case i %% 2 when 0 then 'male' else 'female' end, %s, %d, %d from n`,
		n, id, birthday, Now.UnixMicro(), Now.UnixMicro())
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
	if !sqlite {
		if _, err := db.ExecContext(t.Context(), "vacuum analyze contact"); err != nil {
			t.Fatal(err)
		}
	}
}
