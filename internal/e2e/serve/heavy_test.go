//go:build heavy

package serve_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestHeavyImport brings 100,000 visits into SQLite and prints the seconds (issue
// 2: 20).
func TestHeavyImport(t *testing.T) {
	const visits = 100_000
	s := newShell(t, "OTKLIK_DATABASE_URL="+sqlite(t))
	f, err := os.Create(filepath.Join(s.dir, "visits.csv"))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "Заказ-наряд;Дата закрытия;Клиент;Телефон;E-mail;Автомобиль;VIN;Гос. номер;Пробег, км;Мастер-консультант;Механик;Цех;Виды работ;Сумма, руб.;Выдан")
	for i := range visits {
		// Some customers come again, with the same car.
		person := i % (visits * 4 / 5)
		fmt.Fprintf(w, "ЗН%08d;%02d.%02d.2026 12:00;Иванов Иван %d;+7900%07d;p%d@example.org;LADA Vesta;XTA%014d;А%03dАА77;%d;Орлова М.В.;Ким О.;Слесарный;ТО-4, замена колодок;%d,50;%02d.%02d.2026 18:00\n",
			i, i%28+1, i%10+1, person, person, person, person, person%1000, i, i%90000+1000, i%28+1, i%10+1)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []counts{{File: "visits.csv", Read: visits, Stored: visits}, {File: "visits.csv", Read: visits, Unchanged: visits}} {
		began := time.Now()
		e := s.feed("", "import", "--kind", "visits", "visits.csv")
		took := time.Since(began)
		e.want(t, 0)
		if got := counted(t, e.out)["visits.csv"]; got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		t.Logf("%s in %.1f s", want.line(), took.Seconds())
	}
}
