package campaign_test

import (
	"slices"
	"testing"

	"otklik/internal/campaign"
	"otklik/templates"
)

func TestAdvertisingIsFound(t *testing.T) {
	a, err := campaign.ReadAdvertising(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		want []string
	}{
		{"С 8 Марта, {имя}! Тепла, радости и лёгких дорог. Автоцентр Юг", nil},
		{"С 8 Марта! Скидка 15 % на шины. Ждём Вас.", []string{"Скидка 15 % на шины."}},
		{"Мы ценим Вас. Вы для нас бесценны, акцент на главном!", nil},
		{"Замена масла по цене 3.500 руб до конца месяца", []string{"Замена масла по цене 3.500 руб до конца месяца"}},
		{"Новая модель уже у нас\nС праздником!", []string{"Новая модель уже у нас"}},
		{"Коврики в подарок!", []string{"Коврики в подарок!"}},
		{"100 лет счастья и 365 добрых дней", nil},
		{"Happy birthday, Ivan! Good health and easy roads. South Auto", nil},
		{"Best wishes! 10% off your next visit.", []string{"10% off your next visit."}},
		{"Set off on easy roads. We appreciate you, dear friend.", nil},
		{"Tires from $49 today", []string{"Tires from $49 today"}},
		{"祝您生日快乐，一路平安！", nil},
		{"祝您节日快乐！本周保养八折优惠。", []string{"本周保养八折优惠。"}},
		{"", nil},
	} {
		if got := a.Find(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}
