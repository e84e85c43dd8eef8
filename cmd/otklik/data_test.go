package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestExportKeepsWhatWasChanged: a second export takes nobody's words away.
func TestExportKeepsWhatWasChanged(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "definitions")
	do := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if got := execute(run{ctx: t.Context(), stdin: strings.NewReader(""), stdout: &out, stderr: &out}, append([]string{"definitions", "export"}, args...)); got != exitDone {
			t.Fatalf("exit %d: %s", got, &out)
		}
		return out.String()
	}
	do(folder)
	path := filepath.Join(folder, "surveys", "nps.yaml")
	shipped, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	mine := append(bytes.Clone(shipped), "# our own words\n"...)
	if err := os.WriteFile(path, mine, 0o600); err != nil {
		t.Fatal(err)
	}
	is := func(want []byte) {
		t.Helper()
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("the file has %d bytes, want %d, %v", len(got), len(want), err)
		}
	}
	if said := do(folder); !strings.Contains(said, path+": differs") || !strings.Contains(said, "kept 1 that differ") {
		t.Errorf("it says %q", said)
	}
	is(mine)
	if said := do(folder, "--overwrite"); strings.Contains(said, "kept") {
		t.Errorf("it says %q", said)
	}
	is(shipped)
}

// TestImportRefusesAnUnknownRegion: a slip would leave every number out.
func TestImportRefusesAnUnknownRegion(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "orders.csv")
	if err := os.WriteFile(file, []byte("Заказ-наряд;Дата закрытия;Клиент;Телефон\n1;20.11.2026 10:00;Иванов Иван;8 916 000-00-01\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for region, code := range map[string]int{"RUS": exitUsage, "ZZ": exitUsage, "ru": exitDone} {
		var out bytes.Buffer
		environ := []string{"OTKLIK_DATABASE_URL=sqlite:" + filepath.Join(dir, region+".db"), "OTKLIK_DEALER_NAME=South"}
		if got := execute(run{ctx: t.Context(), stdin: strings.NewReader(""), stdout: &out, stderr: &out, environ: environ}, []string{"import", "--kind", "visits", "--region", region, file}); got != code {
			t.Errorf("%s: exit %d, want %d: %s", region, got, code, &out)
		}
		if code == exitDone && strings.Contains(out.String(), "left out") {
			t.Errorf("%s: %s", region, &out)
		}
	}
}

// TestNoDealerOutOfNothing: a command in a shell without the settings of serve neither
// renames the dealer nor founds a second one.
func TestNoDealerOutOfNothing(t *testing.T) {
	database := "OTKLIK_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "otklik.db")
	do := func(args string, environ ...string) string {
		t.Helper()
		var out bytes.Buffer
		if got := execute(run{ctx: t.Context(), stdin: strings.NewReader("a long password"), stdout: &out, stderr: &out, environ: append(environ, database)}, strings.Fields(args)); got != exitDone {
			t.Errorf("%s: exit %d: %s", args, got, &out)
		}
		return out.String()
	}
	preview := func() string {
		t.Helper()
		return do("preview --survey after-service --channel telegram")
	}
	if got := preview(); !strings.Contains(got, "Otklik") {
		t.Errorf("a fresh database has the implied dealer: %s", got)
	}
	do("token add", "OTKLIK_DEALER_NAME=Автоцентр")
	do("user add maria --role operator")
	if got := preview(); !strings.Contains(got, "Это Автоцентр") {
		t.Errorf("the dealer was renamed: %s", got)
	}
	database += "2"
	do("token add", "OTKLIK_DEALER_NAME=Юг", "OTKLIK_DEALER_CODE=south")
	if got := preview(); !strings.Contains(got, "Это Юг") {
		t.Errorf("another dealer was founded: %s", got)
	}
}

// TestMigrateStatus lists what this version knows, and that a newer one was there.
func TestMigrateStatus(t *testing.T) {
	address := "sqlite:" + filepath.Join(t.TempDir(), "otklik.db")
	status := func() string {
		t.Helper()
		var out bytes.Buffer
		if got := execute(run{ctx: t.Context(), stdin: strings.NewReader(""), stdout: &out, stderr: &out, environ: []string{"OTKLIK_DATABASE_URL=" + address}}, []string{"migrate", "status"}); got != exitDone {
			t.Fatalf("exit %d: %s", got, &out)
		}
		return out.String()
	}
	if said := status(); !strings.HasPrefix(said, "00001 ") || strings.Contains(said, "newer") {
		t.Errorf("it says %q", said)
	}
	st := storetest.OpenURL(t, address)
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if said := status(); !strings.HasPrefix(said, "00001 applied ") || strings.Contains(said, "pending") {
		t.Errorf("it says %q", said)
	}
	if err := st.Tx(t.Context(), store.RankBulk, func(tx *store.Tx) error {
		_, err := tx.ExecContext(t.Context(), "insert into goose_db_version (version_id, is_applied) values (90001, true)")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if said := status(); !strings.HasSuffix(said, "\n90001 applied by a newer version\n") {
		t.Errorf("it says %q", said)
	}
}
