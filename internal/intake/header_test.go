package intake

import "testing"

func TestUnderstand(t *testing.T) {
	for field, headers := range map[string][]string{
		fOrder: {"Заказ-наряд", "№ ЗН", "Номер заказа", "Номер ЗН", "№ заказ-наряда", "Заказ-наряд №", "Номер з/н", "RO Number", "RO#", "RO #",
			"Repair Order", "Repair Order No.", "Invoice", "Invoice #", "Work Order", "WO Number", "RONumber", "ro_number", "工单号", "委托书号",
			"维修工单号", "结算单号", "Ремонтный заказ", "Номер документа", "Заказ", "№", "Order ID", "Job Card No", "合同编号", "预约单号", "Lead ID", "Номер договора"},
		fClosedAt: {"Дата закрытия", "Закрыт", "Дата закрытия ЗН", "дата завершения работ", "Close Date", "Date Closed", "RO Closed", "closed_at",
			"Completion Date", "Close Dt", "date_close", "结算时间", "完工日期", "Дата и время закрытия", "Invoice Date", "关单时间", "ДАТА ЗАКРЫТИЯ ЗАКАЗ-НАРЯДА", "Completed"},
		fHandedOver: {"Выдан", "Дата выдачи", "Выдача", "Дата выдачи авто", "Picked Up", "Pick-up Date", "Delivery Date", "交车时间", "提车日期",
			"Handed over", "Фактическая дата выдачи", "Дата передачи автомобиля", "Выдан клиенту"},
		fPromisedAt: {"Обещано", "Плановая дата выдачи", "Обещ. дата выдачи авто", "Ожидаемая дата выдачи автомобиля", "Est. Delivery Date", "Дата выдачи (план)", "交车时间(预计)", "Promised", "Promise Time", "预计交车时间", "Срок исполнения"},
		fOpenedAt:   {"Дата открытия", "Дата заезда", "Открыт", "Open Date", "Check-in", "进厂时间", "开单日期", "Дата приемки", "Дата обращения", "Created At"},
		fStartsAt:   {"Дата записи", "Appointment Date", "Appt Time", "预约时间", "Записан на", "Scheduled For"},
		fDate:       {"Дата", "Date", "日期", "Дата ЗН", "RO Date", "Дата документа", "Service Date"},
		fCustomer: {"Клиент", "ФИО", "Ф.И.О.", "ФИО клиента", "Ф.И.О. клиента", "Заказчик", "Контрагент", "Владелец", "Customer", "Customer Name",
			"CustomerName", "customer_name", "Client", "Full Name", "Name", "Owner Name", "客户姓名", "车主", "姓名", "客户", "送修人", "Покупатель", "Собственник ТС"},
		fFamily:     {"Фамилия", "Last Name", "Surname", "LastName", "Customer Last Name", "姓"},
		fGiven:      {"Имя", "First Name", "FirstName", "Given name", "名"},
		fPatronymic: {"Отчество", "Middle Name"},
		fPhone: {"Телефон", "Моб.", "Моб. телефон", "Мобильный телефон", "Сотовый", "Cell Ph", "Доп. тел", "Моб. номер", "Contact Phone", "Тел.", "Телефон клиента", "Контактный телефон", "Телефон 1",
			"Телефон (моб.)", "Телефон 2", "Номер телефона", "Домашний телефон", "Mobile", "Cell Phone", "Phone", "Phone #", "Phone Number", "Customer Phone", "Home Phone",
			"手机号码", "手机", "联系电话", "客户手机", "车主电话", "Тел. моб.", "Раб. телефон", "Телефон владельца", "Mobile No.", "电话2"},
		fEmail:   {"E-mail", "Email", "e-mail клиента", "Эл. почта", "Почта", "Email Address", "邮箱", "Электронная почта", "EMail", "Адрес эл. почты"},
		fContact: {"Контакты", "Контактные данные", "Contact Info", "联系方式", "Телефон / e-mail", "Контактная информация"},
		fVIN:     {"VIN", "Vin-код", "VIN номер", "VIN автомобиля", "车架号", "VIN码", "Номер кузова", "Chassis No", "Vehicle VIN"},
		fPlate:   {"Гос. номер", "Госномер", "Гос.№", "Г/н", "Рег. знак", "License Plate", "Plate", "Plate #", "车牌号", "车牌", "Гос. рег. знак", "Reg No"},
		fModel:   {"Автомобиль", "Модель", "Марка/Модель", "Year/Make/Model", "Vehicle", "Model", "车型", "Модель автомобиля", "Марка, модель", "ТС"},
		fMake:    {"Марка", "Make", "品牌"},
		fMileage: {"Пробег", "Пробег, км", "Mileage", "Odometer", "Odom In", "行驶里程", "里程", "Пробег (км)", "Mileage In", "进厂里程(公里)"},
		fAdvisor: {"Мастер-консультант", "Мастер", "Консультант", "Сервисный консультант", "Менеджер", "Advisor", "Service Advisor", "Service Writer",
			"服务顾问", "Приемщик", "Ответственный", "ФИО мастера", "Sales Consultant", "销售顾问"},
		fMechanic:   {"Механик", "Исполнитель", "Слесарь", "Tech", "Technician", "维修技师", "Mechanic"},
		fDepartment: {"Цех", "Подразделение", "Department", "Dept", "车间"},
		fWorks:      {"Виды работ", "Работы", "Перечень работ", "Op Codes", "Services", "Work Performed", "维修项目", "Выполненные работы", "Описание работ", "Причина обращения"},
		fTotal: {"Сумма, руб.", "Сумма", "Итого", "Стоимость", "К оплате", "Total", "Total Amount", "Amount", "金额", "实收金额", "Сумма (руб)", "Сумма с НДС, руб.",
			"Grand Total", "Итого, руб", "Сумма заказ-наряда", "Стоимость ремонта", "金额(元)"},
		fGender:     {"Пол", "Gender", "Sex", "性别"},
		fBirthday:   {"Дата рождения", "Д.р.", "День рождения", "Birthday", "DOB", "Date of Birth", "生日", "出生日期", "Дата рождения клиента"},
		fRepeat:     {"Повторный ремонт", "Повторный", "Повт. ремонт", "Comeback", "Repeat Repair", "返修", "是否返修"},
		fLocale:     {"Язык", "Language", "Preferred Language", "语言"},
		fDealer:     {"Дилер", "Код дилера", "Dealer Code", "Dealer", "经销商代码"},
		fCustomerID: {"Код клиента", "ID клиента", "Customer ID", "Customer #", "客户编号", "Cust No"},
		fSoldAt:     {"Дата продажи", "Sold Date", "Purchase Date", "购车日期"},
		fStatus:     {"Статус", "Status", "Appointment Status", "预约状态"},
		fIntModel:   {"Интересующая модель", "Model of Interest", "意向车型"},
		fIntOptions: {"Комплектация", "Options", "配置"},
		fPayment:    {"Способ оплаты", "Payment Method", "付款方式", "Форма оплаты"},
		fTestDrive:  {"Тест-драйв", "Test Drive", "试驾"},
		fContKind:   {"Вид контакта", "Contact Type", "接触方式", "Тип обращения"},
		fSource:     {"Источник", "Lead Source", "线索来源", "Откуда узнали"},
		fCustType:   {"Тип клиента", "Customer Type", "客户类型"},
		fCompany:    {"Company", "Company Name", "公司名称", "Название организации"},
		fNotes:      {"Комментарий", "Notes", "备注"},
		fWarranty:   {"Гарантия", "Warranty", "保修"},
		fAttention:  {"Особое внимание", "Special Attention", "特别关注"},
		fAgreedAt:   {"Дата следующего контакта", "Next Contact", "下次跟进时间"},
		fTags:       {"Теги", "Customer Group", "标签"},
		fDeceased:   {"Умер", "Deceased", "已故"},
		fLabor:      {"Сумма работ", "Labor Total", "工时费"},
		fParts:      {"Сумма запчастей", "Parts Total", "配件费"},
		"": {"Телефон мастера", "Advisor Phone", "Табельный номер механика", "顾问电话", "№ п/п", "Адрес", "Address", "Скидка",
			"Телефон менеджера", "Dealer Phone", "", "Организация", "Гарантия до"},
	} {
		for _, h := range headers {
			if got := words().understand(h).field; got != field {
				t.Errorf("%q is understood as %q, want %q", h, got, field)
			}
		}
	}
}

// The vocabulary is data: a name that stands in two fields would be read by chance.
func TestWords(t *testing.T) {
	v, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	known := set{}
	for _, f := range fieldNames {
		known[f] = true
	}
	for _, lang := range []string{"ru", "en", "zh"} {
		w := readWordFile(t, lang)
		for field, names := range w.Headers {
			if !known[field] {
				t.Errorf("%s: unknown field %q", lang, field)
			}
			for _, n := range names {
				if n == "" {
					t.Errorf("%s: empty name in %s", lang, field)
					continue
				}
				if got := v.exact[tokenKey(v.tokens(trimExact(n)))].field; got != field {
					t.Errorf("%s: %q stands in %s and in %s", lang, n, field, got)
				}
			}
		}
		for _, n := range append(w.Nobody, w.PersonTypes...) {
			if len(n) > 40 {
				t.Errorf("%s: %q is longer than what a customer's cell is compared with", lang, n)
			}
		}
		if len(w.Months) != 0 && len(w.Months) != 12 {
			t.Errorf("%s: %d months", lang, len(w.Months))
		}
	}
}
