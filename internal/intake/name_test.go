package intake

import "testing"

func TestPersonName(t *testing.T) {
	for _, c := range []struct {
		full, locale                    string
		name, family, given, patronymic string
		gender                          string
	}{
		{"ИВАНОВ ЕВГЕНИЙ ОЛЕГОВИЧ", "ru", "Иванов Евгений Олегович", "Иванов", "Евгений", "Олегович", "male"},
		{"Ким Мария Рустамовна", "ru", "Ким Мария Рустамовна", "Ким", "Мария", "Рустамовна", "female"},
		{"черных кирилл ильич", "ru", "Черных Кирилл Ильич", "Черных", "Кирилл", "Ильич", "male"},
		{"Лебедева Ольга Ильинична", "ru", "Лебедева Ольга Ильинична", "Лебедева", "Ольга", "Ильинична", "female"},
		{"Иван Петрович Абрамович", "ru", "Иван Петрович Абрамович", "Абрамович", "Иван", "Петрович", "male"},
		{"Абрамович Роман Аркадьевич", "ru", "Абрамович Роман Аркадьевич", "Абрамович", "Роман", "Аркадьевич", "male"},
		{"Анна Сергеевна Ковальчук", "ru", "Анна Сергеевна Ковальчук", "Ковальчук", "Анна", "Сергеевна", "female"},
		{"Смирнов А.А.", "ru", "Смирнов А.А.", "Смирнов", "А.", "А.", ""},
		{"Смирнов А. А.", "ru", "Смирнов А.А.", "Смирнов", "А.", "А.", ""},
		{"Иванов И.П.", "ru", "Иванов И.П.", "Иванов", "И.", "П.", ""},
		{"Ахметова А.О.", "ru", "Ахметова А.О.", "Ахметова", "А.", "О.", ""},
		{"А.А. Смирнов", "ru", "А.А. Смирнов", "Смирнов", "А.", "А.", ""},
		{"Юсупов Р.", "ru", "Юсупов Р.", "Юсупов", "Р.", "", ""},
		{"Иваненко Ирина", "ru", "Иваненко Ирина", "Иваненко", "Ирина", "", ""},
		{"Ирина Иваненко", "ru", "Ирина Иваненко", "Иваненко", "Ирина", "", ""},
		{"Марина Ким", "ru", "Марина Ким", "Ким", "Марина", "", ""},
		{"Саша Ким", "ru", "Саша Ким", "Ким", "Саша", "", ""},
		{"Ким Женя", "ru", "Ким Женя", "Ким", "Женя", "", ""},
		{"Иван Петрович", "ru", "Иван Петрович", "", "Иван", "Петрович", "male"},
		{"Мария", "ru", "Мария", "", "Мария", "", ""},
		{"Шевчук", "ru", "Шевчук", "Шевчук", "", "", ""},
		{"САЛТЫКОВ-ЩЕДРИН МИХАИЛ ЕВГРАФОВИЧ", "ru", "Салтыков-Щедрин Михаил Евграфович", "Салтыков-Щедрин", "Михаил", "Евграфович", "male"},
		{"АЛИЕВ ВАГИФ ГАСАН ОГЛЫ", "ru", "Алиев Вагиф Гасан оглы", "Алиев", "Вагиф", "Гасан оглы", "male"},
		{"Ахметов Нурлан Ерланұлы", "ru", "Ахметов Нурлан Ерланұлы", "Ахметов", "Нурлан", "Ерланұлы", "male"},
		{"Алиева Лейла Гасан кызы", "ru", "Алиева Лейла Гасан кызы", "Алиева", "Лейла", "Гасан кызы", "female"},
		{"г-н Иванов Иван Иванович", "ru", "Иванов Иван Иванович", "Иванов", "Иван", "Иванович", "male"},
		{"Иванов  Иван\u00a0Иванович (сын)", "ru", "Иванов Иван Иванович", "Иванов", "Иван", "Иванович", "male"},
		{"Алёшин Пётр Львович", "ru", "Алёшин Пётр Львович", "Алёшин", "Пётр", "Львович", "male"},
		{"O'Neil, John", "en", "John O'Neil", "O'Neil", "John", "", ""},
		{"O'NEIL, JOHN", "en", "John O'Neil", "O'Neil", "John", "", ""},
		{"Susan Johnson, Jr.", "en", "Susan Johnson, Jr.", "Johnson", "Susan", "", ""},
		{"Johnson Jr., Susan", "en", "Susan Johnson, Jr.", "Johnson", "Susan", "", ""},
		{"JOHNSON, SUSAN JR", "en", "Susan Johnson, Jr.", "Johnson", "Susan", "", ""},
		{"John Smith", "en", "John Smith", "Smith", "John", "", ""},
		{"SMITH, JOHN A", "en", "John A Smith", "Smith", "John", "", ""},
		{"John Smith III", "en", "John Smith III", "Smith", "John", "", ""},
		{"Garcia, José", "en", "José Garcia", "Garcia", "José", "", ""},
		{"Mr. John Q. Public", "en", "John Q. Public", "Public", "John", "", ""},
		{"LUDWIG VAN DER BERG", "en", "Ludwig van der Berg", "van der Berg", "Ludwig", "", ""},
		{"MCDONALD, ANN", "en", "Ann McDonald", "McDonald", "Ann", "", ""},
		{"Smith, John & Mary", "en", "John & Mary Smith", "Smith", "John & Mary", "", ""},
		{"LE, ANNA", "en", "Anna Le", "Le", "Anna", "", ""},
		{"Madonna", "en", "Madonna", "", "Madonna", "", ""},
		{`John "Jack" Smith`, "en", `John "Jack" Smith`, "Smith", "John", "", ""},
		{"张建国", "zh", "张建国", "张", "建国", "", ""},
		{"王伟", "zh", "王伟", "王", "伟", "", ""},
		{"欧阳娜娜", "zh", "欧阳娜娜", "欧阳", "娜娜", "", ""},
		{"欧阳修", "zh", "欧阳修", "欧阳", "修", "", ""},
		{"张 伟", "zh", "张伟", "张", "伟", "", ""},
		{"王女士", "zh", "王", "王", "", "", ""},
		{"阿卜杜拉·买买提", "zh", "阿卜杜拉·买买提", "", "", "", ""},
		{"John Smith", "zh", "John Smith", "Smith", "John", "", ""},
		{"", "ru", "", "", "", "", ""},
		{"62", "ru", "", "", "", "", ""},
		{"-", "ru", "", "", "", "", ""},
		{"не указан", "ru", "", "", "", "", ""},
	} {
		got := PersonName(c.full, c.locale)
		if got.Name != c.name || got.Family != c.family || got.Given != c.given || got.Patronymic != c.patronymic || got.Company {
			t.Errorf("%q: %+v", c.full, got)
		}
		if got.Gender != c.gender || (got.GenderSource == "patronymic") != (c.gender != "") {
			t.Errorf("%q: gender %q by %q, want %q", c.full, got.Gender, got.GenderSource, c.gender)
		}
	}
}

func TestCompanies(t *testing.T) {
	for _, name := range []string{
		"ООО «Ромашка»", `ООО "Ромашка"`, "АО «СтройТранс»", "ПАО Сбербанк", "ИП Иванов И.И.", "Иванов И.И. ИП", "«Ромашка»", `"Ромашка"`, "ооо ромашка",
		"Ромашка, ООО", "Индивидуальный предприниматель Петров", "Администрация города", "ТОО Алма", "О.О.О. Ромашка",
		"Acme LLC", "Acme, Inc.", "ACME CORP", "Smith & Sons Ltd", "Acme L.L.C.", "City of Springfield", "Miller Trucking Company", "Muster GmbH",
		"深圳市某某贸易有限公司", "某某集团", "第一人民医院",
	} {
		if c := PersonName(name, "ru"); !c.Company || c.Name != name || c.CompanyName != name || c.Family+c.Given+c.Gender != "" {
			t.Errorf("%q is no company: %+v", name, c)
		}
	}
	for _, name := range []string{"Иванов Иван", "Ипатов Пётр", "Аоки Кен", "Church, John", "Cory Incognito", "Corp", "Ким И.П.", "张公", "Иванов О.О."} {
		if c := PersonName(name, "ru"); c.Company {
			t.Errorf("%q is a company", name)
		}
	}
}

// Gender comes from the column or a patronymic, never from a given or family name.
func TestGender(t *testing.T) {
	for _, c := range []struct{ name, cell, gender, source string }{
		{"Иванова Анна", "", "", ""},
		{"Иванов Александр", "", "", ""},
		{"Абрамович Саша", "", "", ""},
		{"Иванова Анна Петровна", "", "female", "patronymic"},
		{"Иванова Анна Петровна", "М", "male", "data"},
		{"Иванова Анна Петровна", "не указан", "female", "patronymic"},
		{"Смирнов А.А.", "муж", "male", "data"},
		{"张芳", "男", "male", "data"},
		{"李静", "女", "female", "data"},
		{"Smith, Wei", "F", "female", "data"},
		{"ООО Ромашка", "М", "", ""},
	} {
		f := read(t, "Клиент;Пол;Телефон\n"+c.name+";"+c.cell+";89010000000\n", moscow(t, Customers))
		got := f.Rows[0].Record.Customer
		if got.Gender != c.gender || got.GenderSource != c.source {
			t.Errorf("%s / %s: %q by %q, want %q by %q", c.name, c.cell, got.Gender, got.GenderSource, c.gender, c.source)
		}
	}
}
