package intake

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/text/encoding/japanese"
)

const (
	russianText = "Заказ-наряд;Дата закрытия;Клиент;Телефон;Сумма\nЮГ00012000;15.11.2026 22:19;Мельниченко Евгений Андреевич;8-901-000-8387;82574,01\n" +
		"ЮГ00012001;17.11.2026 10:39;ЧЕРНЫХ КИРИЛЛ ИЛЬИЧ;8-901-000-8388;100,00\n"
	chineseText = "工单号,结算时间,客户姓名,手机号码,金额\nWX1,2026-11-15 04:00,赵建国,15000000311,3932.69\nWX2,2026-11-15 05:00,欧阳娜娜,15000000312,1.00\n"
	latinText   = "RO Number,Close Date,Customer Name,Mobile,Total\n1,11/15/2026,\"Garcia, José\",4155550191,$1.00\n2,11/15/2026,\"Müller, Anna\",4155550192,$1.00\n"
)

func encoded(t testing.TB, text, name string) string {
	t.Helper()
	b, err := encode(text, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEncodings(t *testing.T) {
	upper := strings.ToUpper(russianText)
	short := "Клиент;Телефон\nИванов;89010000000\n"
	for _, c := range []struct{ name, text, encoding string }{
		{"utf-8", russianText, encUTF8},
		{"utf-8 with a mark", russianText, encUTF8BOM},
		{"utf-16 little", russianText, enc16LE},
		{"utf-16 big", russianText, enc16BE},
		{"windows-1251", russianText, enc1251},
		{"windows-1251 in capitals", upper, enc1251},
		{"windows-1251, two lines", short, enc1251},
		{"koi8-r", russianText, encKOI8},
		{"koi8-r in capitals", upper, encKOI8},
		{"koi8-r, two lines", short, encKOI8},
		{"cp866", russianText, enc866},
		{"gb18030", chineseText, encGB},
		{"gb18030, one name", "RO Number,Customer,Phone,Closed\n1,赵建国,15000000311,2026-11-15\n", encGB},
		{"utf-8 chinese", chineseText, encUTF8},
		{"utf-16 chinese", chineseText, enc16LE},
		{"windows-1252", latinText, enc1252},
		{"ascii", "RO Number,Customer\n1,John\n", encUTF8},
		{"windows-1251, English header", "RO Number,Customer,Phone,Closed\n1,Иванов Иван,89010000000,15.11.2026\n", enc1251},
		{"koi8-r, English header", "RO Number,Customer,Phone,Closed\n1,Иванов Иван,89010000000,15.11.2026\n", encKOI8},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, enc, err := decode([]byte(encoded(t, c.text, c.encoding)))
			if err != nil || enc != c.encoding || text != c.text {
				t.Errorf("read as %s (%v):\n%s", enc, err, text)
			}
		})
	}
}

func TestUTF16WithoutMark(t *testing.T) {
	data := encoded(t, latinText, enc16LE)
	text, enc, err := decode([]byte(strings.TrimPrefix(data, "\xFF\xFE")))
	if err != nil || enc != enc16LE || text != latinText {
		t.Errorf("read as %s (%v): %q", enc, err, text)
	}
}

func TestOneBrokenByteKeepsUTF8(t *testing.T) {
	text, enc, err := decode([]byte(strings.Repeat(russianText, 3) + "\xFF\n"))
	if err != nil || enc != encUTF8 || !strings.HasPrefix(text, "Заказ-наряд") || !strings.Contains(text, "\uFFFD") {
		t.Errorf("read as %s (%v)", enc, err)
	}
}

func TestUnreadableFiles(t *testing.T) {
	shiftJIS, err := japanese.ShiftJIS.NewEncoder().String("注文番号,お客様名,電話\n1,ヤマダタロウ,0312345678\n")
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 2000)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(0x20 + random.IntN(0xE0))
	}
	for _, c := range []struct {
		name, data string
		want       error
	}{
		{"no byte", "", ErrEmpty},
		{"blanks", " \r\n\t\n", ErrEmpty},
		{"a mark only", "\xEF\xBB\xBF", ErrEmpty},
		{"a mark and a line", "\xEF\xBB\xBF\n", ErrEmpty},
		{"utf-16 mark only", "\xFF\xFE", ErrEmpty},
		{"old workbook", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" + strings.Repeat("\x00", 500), ErrEncoding},
		{"PDF", "%PDF-1.7\n%\xE2\xE3\xCF\xD3\n", ErrEncoding},
		{"broken workbook", "PK\x03\x04nothing", ErrEncoding},
		{"binary", "\x01\x02\x03\x00\x04\xFF\xFE\x80\x90", ErrEncoding},
		{"web page saved as .xls", "\xEF\xBB\xBF<html><table><tr><td>Заказ-наряд</td></tr></table></html>", ErrEncoding},
		{"XML", "<?xml version=\"1.0\"?><Workbook></Workbook>", ErrEncoding},
		{"JSON", "[{\"order\": 1}]", ErrEncoding},
		{"one endless line", strings.Repeat(";", maxLine+1), ErrTooLarge},
		{"one endless cell", "Заказ-наряд;Дата закрытия;Клиент\n1;15.11.2026;" + strings.Repeat("И", maxLine) + "\n", ErrTooLarge},
		{"UTF-32", "\xFF\xFE\x00\x00R\x00\x00\x00", ErrEncoding},
		{"noise", string(noise), ErrEncoding},
		{"prose", "Уважаемые коллеги!\nОтчёт будет завтра.\n", ErrHeader},
		{"data without a header", "1;2;3\n4;5;6\n", ErrHeader},
		{"no order column", "Клиент;Дата закрытия;Телефон\nИванов;15.11.2026;89010000000\n", ErrHeader},
		{"no customer column", "Заказ-наряд;Дата закрытия;Сумма\n1;15.11.2026;100\n", ErrHeader},
		{"no date column", "Заказ-наряд;Клиент;Телефон\n1;Иванов;89010000000\n", ErrHeader},
		{"Shift JIS", shiftJIS, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Read(context.Background(), "x.csv", strings.NewReader(c.data), moscow(t, Visits))
			if err == nil {
				t.Fatalf("read as %s: %v", f.Encoding, f.Fields)
			}
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func TestHeaderErrorSaysWhatIsMissing(t *testing.T) {
	_, err := Read(context.Background(), "x.csv", strings.NewReader("Заказ-наряд;Клиент;Телефон\n1;Иванов;89010000000\n"), moscow(t, Visits))
	for _, part := range []string{"no column for the date", "order number, customer and closing or hand-over date", `"Клиент" as customer`} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}

func TestBadOptions(t *testing.T) {
	_, err := Read(context.Background(), "x.csv", strings.NewReader("a;b\n"), Options{Kind: "cars"})
	if !errors.Is(err, ErrKind) {
		t.Error(err)
	}
	o := moscow(t, Visits)
	o.Mapping = map[string]string{"Клиент": "customr"}
	if _, err := Read(context.Background(), "x.csv", strings.NewReader(russianText), o); !errors.Is(err, ErrMapping) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, "x.csv", strings.NewReader(russianText), moscow(t, Visits)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A stray zero byte, and the zeros with which old programs fill the last block, do not make a file unreadable.
func TestStrayZeros(t *testing.T) {
	text := "Заказ-наряд;Дата закрытия;Клиент;Телефон\r\n1;15.11.2026;Иванов\x00 Иван;89010000001\r\n" +
		strings.Repeat("2;15.11.2026;Петров Пётр;89010000002\r\n", 20) + "\x1A" + strings.Repeat("\x00", 400)
	data, err := encode(text, enc1251)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Read(context.Background(), "x.csv", strings.NewReader(string(data)), moscow(t, Visits))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Rows) != 21 || f.Rows[0].Record == nil || f.Rows[0].Record.Customer.Name != "Иванов Иван" {
		t.Errorf("%d rows, the first %+v", len(f.Rows), f.Rows[0].Record)
	}
}
