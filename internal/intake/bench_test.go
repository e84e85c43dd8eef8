package intake

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
)

// manyVisits is an export in the manner of 1C; every row has its own customer, number, car and dates.
func manyVisits(rows int) []byte {
	var b strings.Builder
	b.WriteString("Заказ-наряд;Дата закрытия;Клиент;Пол;Телефон;E-mail;Дата рождения;Автомобиль;VIN;Гос. номер;Пробег, км;" +
		"Мастер-консультант;Механик;Цех;Виды работ;Сумма, руб.;Обещано;Выдан;Повторный ремонт\r\n")
	names := []string{"Иванов Евгений Олегович", "КУЗНЕЦОВА АННА ПЕТРОВНА", "Смирнов А.А.", "ООО «Ромашка»", "Ким Сергей Ильич"}
	for i := range rows {
		fmt.Fprintf(&b, "ЮГ%08d;%02d.11.2026 %02d:%02d;%s;;8-9%02d-%03d-%02d-%02d;n%d@example.org;%02d.%02d.19%02d;LADA Granta;XTA%014d;"+
			"А%03dВС161;%d;Орлова М.В.;Юсупов Р.;Слесарный;ТО-4, замена тормозных колодок;%d %03d,%02d;15.11.2026 10:00;%02d.11.2026 18:30;\r\n",
			i, 1+i%20, i%24, i%60, names[i%len(names)], i%90, i%1000, i%97, i%89, i, 1+i%28, 1+i%12, 50+i%50, i, i%1000, 1000+i, 1+i%99, i%1000, i%100, 1+i%20)
	}
	data, err := encode(b.String(), enc1251)
	if err != nil {
		panic(err)
	}
	return data
}

func BenchmarkRead(b *testing.B) {
	const rows = 100_000
	data := manyVisits(rows)
	o := moscow(b, Visits)
	b.ReportAllocs()
	for b.Loop() {
		f, err := Read(context.Background(), "visits.csv", bytes.NewReader(data), o)
		if err != nil || len(f.Rows) != rows {
			b.Fatal(err)
		}
		if n := len(Join(f.Rows)); n != rows {
			b.Fatalf("%d rows after joining", n)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkPhone(b *testing.B) {
	for _, cell := range []string{"8-901-000-8387", "8 (863) 200-00-50", "8-902-000-4854, +7 900 000 34 19"} {
		b.Run(cell, func(b *testing.B) {
			for b.Loop() {
				Phone(cell, "RU")
			}
		})
	}
}
