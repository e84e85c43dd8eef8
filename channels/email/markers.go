package email

import (
	"regexp"
	"slices"
	"strings"
)

// The marks by which mail programs set off what is not the writer's own text,
// in the languages of our customers and their neighbours. They are data: a new
// program or language is a word here and a case in the tests.

var (
	// ownDelimiter is the "reply above this line" of our own templates.
	ownDelimiter = regexp.MustCompile(`^\s*#{2,}.*\S.*#{2,}\s*$`)
	// rule is a drawn line.
	rule = regexp.MustCompile(`^\s*(?:[-_=*~—–―─]\s?){3,}$`)
	// signatureMark is RFC 3676's "-- " and what stands for it.
	signatureMark = regexp.MustCompile(`^\s*(?:--|—|––|__)\s*$`)

	// initials mark a quoted line in The Bat!: "АП> текст".
	initials = regexp.MustCompile(`^\p{Lu}{1,3}>+(?:\s|$)`)

	// separator is a titled line; between long dashes any title will do.
	separator = regexp.MustCompile(`(?i)^\s*(?:-{5,}\s*[^-]{3,40}\s*-{5,}$|(?:begin forwarded message|начало (?:переадресованного|пересылаемого) (?:сообщения|письма)|anfang der weitergeleiteten nachricht|début du message (?:réexpédié|transféré)|下面是被转发的邮件)\s*[:：]\s*$|>?\s*message du :?\s*\d{1,2}/\d{1,2}/\d{2,4}(?:\s+(?:à\s*)?\d{1,2}[:h]\d{2})?\s*$|[-_=*—]{2,}\s*(?:` + strings.Join([]string{
		`original (?:message|e?-?mail)`, `forwarded message`, `forwarded by .*`, `reply message`, `original`,
		`исходное сообщение`, `исходное письмо`, `оригинальное сообщение`, `пересылаемое сообщение`, `пересланное сообщение`, `переслано .*`,
		`original-nachricht`, `ursprüngliche nachricht`, `originalnachricht`, `weitergeleitete nachricht`,
		`message (?:d'|d’)origine`, `message original`, `message initial`, `message transféré`,
		`mensaje original`, `messaggio originale`, `oorspronkelijk bericht`, `mensagem original`,
		`邮件原件`, `原始邮件(?:信息)?`, `原邮件(?:信息)?`, `原始郵件`, `原始信息`, `回复的原邮件`, `回复的原文`, `转发的邮件(?:信息)?`, `转发邮件(?:信息)?`, `转发的原邮件`,
	}, `|`) + `)\s*[-_=*—]*\s*:?\s*$)`)

	headerField = regexp.MustCompile(`(?i)^[\s|*]*(` + strings.Join(fieldNames(), `|`) + `)\s*\*?\s*[:：]\s*\*?\s*\S?`)

	// attributionStart is how the first of several attribution lines begins:
	// a preposition, a date, a weekday, or a name with its address.
	attributionStart = regexp.MustCompile(`(?i)^\s*(?:-+\s*)?(?:` + strings.Join([]string{
		`on\s`, `at\s+\d`, `le\s`, `am\s`, `el\s`, `il\s`, `em\s`, `den\s`, `op\s`, `w dniu`, `dnia`, `в\s`, `在`, `于`,
		`\d{1,4}[./-]\d{1,2}`, `\d{1,2}:\d{2}`, `\d{4}年`, `\d{1,2}\.?\s+` + months,
		weekdays, `\p{L}{2,4}\.?,? \d{1,2}\.? \p{L}{3,}`, `[^.!?]{0,80}<[^<>\s]+@[^<>\s]+>`, `[«"“][^"”»]{1,60}["”»]`,
	}, `|`) + `)`)

	// wrote ends an attribution.
	wrote = regexp.MustCompile(`(?i)(?:` + strings.Join([]string{
		`\bwrote`, `\bwrites`, `пишет`, `писал(?:\([аи]\)|а|и)?`, `написал(?:\([аи]\)|а|и)?`, `сообщил(?:\(а\)|а)?`, `ответил(?:\(а\)|а)?`, `пише`, `написав(?:\(ла\))?`,
		`写道`, `寫道`, `写了`, `写到`, `\bschrieb`, `\ba écrit`, `\bescribió`, `\bha scritto`, `\bnapisał(?:\(a\)|a)?`, `\bescreveu`, `\bskrev`, `\bkirjoitti`, `\bschreef`, `\bgeschreven`, `(?:^|\s)írta`, `\bnapsala?(?:\(a\))?`, `\bnapísala?(?:\(a\))?`, `\sa scris`, `\byazdı`, `đã viết`, `のメール[:：]?`, `님이 작성`,
	}, `|`) + `)\s*[^\p{L}\p{N}]{0,3}\s*[:：]?\s*-*$`)

	// wroteWho puts the verb before the name.
	wroteWho = regexp.MustCompile(`(?i)\b(?:schrieb|skrev|schreef|escribió|escreveu)\s.{1,80}[:：]$`)

	dateInLine = regexp.MustCompile(`(?i)\d{1,4}\s*[./-]\s*\d{1,2}\s*[./-]\s*\d{1,4}|\d{4}年|\d{1,2}月\d{1,2}日|\d{1,2}(?:st|nd|rd|th)?\.?\s*(?:de\s+)?` + months + `|` + months + `\.?\s+\d{1,2}`)
	timeInLine = regexp.MustCompile(`\d{1,2}[:.：]\d{2}`)

	// footer is a line that a phone or a mail service appends.
	footer = regexp.MustCompile(`(?i)^[-—*\s]*(?:` + strings.Join([]string{
		`sent (?:from|via|with|using) (?:my |the |a )?[^,.;]{2,40}(?:<https?://[^>]*>)?(?:\. (?:please )?excuse .{3,40})?`, `(?:please )?excuse (?:my )?(?:brevity|typos)`, `(?:простите|извините) за краткость.*`, `создано в k-9 mail`, `-*\s*this e-?mail has been (?:checked|scanned) for viruses.*`,
		`get outlook for (?:ios|android|mac).*`, `sent from outlook.*`, `sent from mail for windows.*`,
		`(?:отправлено|послано|написано|отправлен) (?:с|со|из|через|от) [^,;]{2,60}`, `скача(?:ть|йте) outlook для .*`, `получите outlook для .*`, `отправлено (?:с|из|от) .{2,60}(?:от .{3,80}:)`,
		`发自(?:我的|手机)?.{0,20}`, `从我的.{1,20}发送`, `来自我的.{1,20}`, `发送自.{1,20}`, `获取\s*outlook.*`, `通过.{1,20}发送`, `从.{1,20}(?:版)?邮件(?:应用)?发送`, `签名由.{1,20}定制`,
		`(?:von meinem|gesendet (?:von|mit|mittels|über)|diese nachricht wurde von) .{2,60}`, `outlook für (?:ios|android|mac).*`, `.{2,40} (?:iphone|ipad|galaxy|smartphone|handy|mobiltelefon|mobilgerät|android\p{L}*|k-9 mail)[^.,;]{0,20} gesendet`, `holen sie sich outlook .*`,
		`envoyé (?:de|depuis|à partir de|avec) .{2,60}`, `télécharge[rz]? outlook pour .*`, `obten(?:ez|ir) outlook pour .*`, `provenance : courrier pour windows.*`,
		`enviado (?:desde|do) .{2,40}`, `inviato da .{2,40}`, `verzonden (?:vanaf|met|vanuit) .{2,40}`, `wysłane z .{2,40}`,
	}, `|`) + `)[.!]?$`)

	// cardEdge is the first line of NetEase's card.
	cardEdge = regexp.MustCompile(`^\|(?:\s*\|)+$`)

	// disclaimer opens the small print of companies.
	disclaimer = regexp.MustCompile(`(?i)^[*\s]*(?:` + strings.Join([]string{
		`confidentiality notice`, `disclaimer\s*:`, `this (?:e-?mail|message) (?:and any|is intended|contains|may contain)`, `the information (?:contained )?in this (?:e-?mail|message)`,
		`(?:данное|это|настоящее) (?:электронное )?(?:сообщение|письмо)[^.]{0,60}(?:конфиденциальн|предназначен|является конфиденц)`, `(?:данное|это) (?:сообщение|письмо) проверено`, `без вирусов`, `virus-free`, `diese e-?mail wurde .{0,60}(?:viren|virus)`, `l.absence de virus`,
		`diese e-?mail (?:enthält|ist|kann)`, `ce (?:message|courriel|mail)[^.]{0,80}confidentiel`, `die(?:se)? (?:information|nachricht)[^.]{0,60}vertraulich`, `本邮件(?:及其附件)?(?:含有|可能|包含).{0,20}(?:保密|机密)`, `声明[:：]`,
	}, `|`) + `)`)

	// farewell is a line that ends a letter.
	farewell = regexp.MustCompile(`(?i)^(?:` + strings.Join([]string{
		`(?:с|c) (?:глубоким |большим |искренним |наилучшим )?уважением`, `с наилучшими(?: пожеланиями)?`, `с пожеланиями .{3,30}`, `всего (?:вам )?(?:наи)?(?:доброго|лучшего|хорошего)`, `с благодарностью`, `искренне ваш[аи]?`,
		`(?:with )?(?:best|kind|warm|many|kindest|warmest)(?: and \p{L}+)? (?:regards|wishes)`, `regards`, `(?:yours )?(?:sincerely|faithfully|truly)(?: yours)?`, `best`, `cheers`, `respectfully`,
		`mit (?:freundlichen|besten|herzlichen|lieben) grü(?:ß|ss)en`, `(?:viele|beste|liebe|freundliche|schöne) grü(?:ß|ss)e`, `(?:lieber |schöner )?gru(?:ß|ss)`, `grü(?:ß|ss)e`, `mfg`, `lg`, `vg`,
		`(?:bien )?cordialement`, `(?:bien à vous|salutations(?: distinguées)?|amicalement|meilleures salutations)`, `bonne (?:journée|soirée|fin de journée|continuation)`, `bien à toi`,
		`з (?:найкращими )?повагою`, `з найкращими побажаннями`, `щиро ваш[аі]?`, `(?:ізгі ниетпен|құрметпен)`, `saygılar(?:ımla|ımızla)?`, `(?:un )?(?:cordial )?saludos?(?: cordiales)?`, `atentamente`,
		`此致`, `敬礼`, `祝好`, `顺颂商祺`, `此致敬礼`, `祝(?:您|你)?(?:工作顺利|生活愉快|商祺|一切顺利)`, `谨启`,
	}, `|`) + `)(?-i:[\s,.!—–:，。！-]+[\p{Lu}\p{Han}][\p{L}.'-]*(?:\s+[\p{Lu}][\p{L}.'-]*){0,3})?[\s,.!:，。！\p{So}\p{Sk}\x{FE0F}\x{200D}-]*$`)

	postscript = regexp.MustCompile(`(?i)^\s*(?:p\.?\s?p?\.?\s?s\.?|з\.?ы\.?|п\.?с\.?|附[:：]|又及)[\s:.,：]`)
	contact    = regexp.MustCompile(`(?i)\S+@\S+\.\S+|https?://|www\.|\+?\d[\d\s().-]{7,}\d`)
)

const (
	months = `(?:jan(?:uary|\.)?|feb(?:ruary|\.)?|mar(?:ch|\.)?|apr(?:il|\.)?|may|june?|july?|aug(?:ust|\.)?|sept?(?:ember|\.)?|oct(?:ober|\.)?|nov(?:ember|\.)?|dec(?:ember|\.)?|` +
		`янв\p{L}*\.?|фев\p{L}*\.?|мар\p{L}*\.?|апр\p{L}*\.?|ма[йя]|июн\p{L}*\.?|июл\p{L}*\.?|авг\p{L}*\.?|сен\p{L}*\.?|окт\p{L}*\.?|ноя\p{L}*\.?|дек\p{L}*\.?|` +
		`januar|februar|märz|mai|juni|juli|oktober|dezember|okt\.?|dez\.?|` +
		`janv\p{L}*\.?|févr\p{L}*\.?|mars|avr\p{L}*\.?|juin|juil\p{L}*\.?|août|d[ée]c\p{L}*\.?|` +
		`enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|` +
		`gen\p{L}*|giugno|luglio|settembre|ottobre|dicembre|janeiro|fevereiro|março|maio|junho|julho|setembro|outubro|dezembro|` +
		`stycz\p{L}*|lut\p{L}*|marca|kwie\p{L}*|maja|czerw\p{L}*|lip\p{L}*|sierp\p{L}*|wrze\p{L}*|paź\p{L}*|list\p{L}*|grud\p{L}*|maart|mei|augustus|kesäkuuta)`

	weekdays = `(?:mon|tue|wed|thu|fri|sat|sun|пн|вт|ср|чт|пт|сб|вс|понедельник|вторник|сред[ау]|четверг|пятниц[ау]|суббот[ау]|воскресенье|` +
		`mo|di|mi|do|fr|sa|so|lun|mar|mer|jeu|ven|sam|dim|星期[一二三四五六日天]|周[一二三四五六日])\p{L}*[.,]?\s*[,.]?\s*\d`
)

// headerFields are the names of header lines above an unmarked quote.
var headerFields = map[string]string{
	"from": "from", "от": "from", "от кого": "from", "отправитель": "from", "de": "from", "von": "from", "da": "from", "van": "from", "发件人": "from", "寄件者": "from", "寄件人": "from", "od": "from", "від": "from", "fra": "from", "från": "from", "lähettäjä": "from", "差出人": "from", "보낸 사람": "from", "kimden": "from", "feladó": "from", "发自": "from",
	"sent": "date", "date": "date", "отправлено": "date", "дата": "date", "отправлен": "date", "envoyé": "date", "envoyé le": "date", "gesendet": "date", "datum": "date", "data": "date", "inviato": "date", "verzonden": "date", "enviado": "date", "enviado el": "date", "fecha": "date", "发送时间": "date", "message du": "date", "date d'envoi": "date", "gesendet am": "date", "дата отправки": "date", "надіслано": "date", "odesláno": "date", "sent at": "date", "送信日時": "date", "보낸 날짜": "date", "gönderilen": "date", "küldve": "date", "发件时间": "date", "发送日期": "date", "日期": "date", "时间": "date", "寄件日期": "date", "wysłano": "date", "sendt": "date", "skickat": "date", "lähetetty": "date",
	"to": "to", "кому": "to", "宛先": "to", "받는 사람": "to", "kime": "to", "címzett": "to", "komu": "to", "à": "to", "an": "to", "a": "to", "aan": "to", "para": "to", "收件人": "to", "do": "to", "til": "to", "till": "to", "получатель": "to",
	"cc": "cc", "копия": "cc", "copie à": "cc", "copie": "cc", "kopie": "cc", "копія": "cc", "抄送": "cc", "抄送人": "cc",
	"subject": "subject", "тема": "subject", "sujet": "subject", "主 题": "subject", "件名": "subject", "제목": "subject", "konu": "subject", "tárgy": "subject", "předmět": "subject", "objet": "subject", "betreff": "subject", "oggetto": "subject", "onderwerp": "subject", "asunto": "subject", "assunto": "subject", "主题": "subject", "主旨": "subject", "temat": "subject", "emne": "subject", "ämne": "subject", "aihe": "subject",
}

func fieldNames() []string {
	names := make([]string, 0, len(headerFields))
	for name := range headerFields {
		names = append(names, strings.ReplaceAll(regexp.QuoteMeta(name), " ", `\s+`))
	}
	slices.Sort(names)
	return names
}
