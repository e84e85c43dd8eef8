package email

import (
	"regexp"
	"strings"
)

// classify decides what the mail is and reads the reports.
func (p *parsed) classify(m *Mail) {
	if m.Kind = p.notification(m); m.Kind != "" {
		return
	}
	switch {
	case p.complaint(m):
		m.Kind = Complaint
	case p.deliveryReport(m), p.textBounce(m):
		m.Kind = BounceMail
	case p.automatic(m):
		m.Kind = AutoReply
	default:
		m.Kind = Reply
	}
}

// answerWords begin the subject of an answer.
const answerWords = `re|aw|ref|sv|antw|ответ|отв|回复|答复|回覆`

var (
	answerSubject = regexp.MustCompile(`(?i)^\s*(?:` + answerWords + `|на)\s*(?:\[\d+\])?\s*[:：]`)
	// answered is where the subject of the answered mail begins behind words of one's own.
	answered = regexp.MustCompile(`(?i)[\s,;:|–—-](?:` + answerWords + `)(?:\[\d+\])?\s?[:：]`)

	// automaticSubject begins the subjects of vacation notes that carry no header.
	automaticSubject = regexp.MustCompile(`(?i)^[\s\[(*]*(?:` + strings.Join([]string{
		`auto(?:matic|mated)?[ _-]?(?:reply|response|answer|responder)`, `out of (?:the )?office`, `ooo\s*:`, `away from (?:my |the )?(?:office|desk|mail)`, `vacation (?:reply|response|notice|message)`, `i am (?:currently )?(?:out|away|on vacation)`,
		`авто-?ответ`, `автоматическ(?:ий|ое) (?:ответ|уведомление|сообщение)`, `(?:меня )?(?:нет|не буду|отсутству[юе]т?|отсутствие) (?:на|в) (?:месте|работе|рабочем месте|офисе)`, `вне офиса`, `в отпуске`, `(?:я )?(?:нахожусь )?в отпуске`, `подтверждение (?:о )?получени[ия]`, `ваше (?:письмо|сообщение|обращение)[^:]{0,20}(?:получено|принято|зарегистрировано)`,
		`自动(?:回复|答复|回覆|应答)`, `自動(?:回覆|回復)`, `外出(?:自动)?(?:回复|答复)?`, `(?:我)?(?:正在)?休假`, `不在办公室`,
		`abwesenheits?`, `automatische antwort`, `nicht im (?:büro|haus)`, `réponse automatique`, `absence (?:du|de) bureau`, `absent du bureau`, `(?:message d.)?absence\s*[:(]`, `(?:en )?(?:congés?|vacances)\s*:`, `urlaub\s*:`, `respuesta automática`, `risposta automatica`, `автовідповідь`,
		`(?:read|return receipt|прочитано|прочтено|уведомление о прочтении|已读|gelesen|lu)\s*[:：(]`, `not read\s*:`,
	}, `|`) + `)`)

	// automaticWords open the text of notes that carry neither header nor subject.
	automaticWords = regexp.MustCompile(`(?i)(?:` + strings.Join([]string{
		`this is an auto(?:mated|matic(?:ally generated)?) (?:reply|response|message|e-?mail)`, `i(?: am|'m|’m| will be) (?:currently )?(?:out of (?:the )?office|on (?:annual |parental |maternity )?leave|on vacation|on holiday|away from my desk|travell?ing)(?s:.{0,200})(?:limited access|no access|urgent|immediate|for assistance|please contact|upon my return|when i return|as soon as i)`,
		`(?:do not|don.t) reply to this (?:e-?mail|message|automated)`, `this (?:mailbox|address|inbox) is (?:not monitored|unmonitored|no longer)`, `(?:your (?:request|ticket|message|e-?mail) (?:has been|was) (?:received|registered)|we have received your (?:request|message|e-?mail))(?s:.{0,200})(?:ticket|case|reference|respond|reply|get back|business day|working day|within)`,
		`это автоматическ(?:ий ответ|ое сообщение|и сформированн)`, `(?:письмо|сообщение|ответ) (?:сформирован|создан|отправлен)[оа]? автоматически`, `(?:нахожусь|буду|был[аи]?|я) (?:сейчас )?в (?:отпуске|командировке) (?:с|до|по) \d[^.]{0,100}(?:замещ|срочн|обращ|вернусь|доступ)`, `в (?:отпуске|командировке) (?:с|до|по) \d(?s:.{0,160})(?:срочн\p{L}+|неотложн\p{L}+|всем) вопрос\p{L}+[^.]{0,20}(?:обращ|пишите|свя)`, `(?:буду отсутствовать|отсутствую)(?s:.{0,120})(?:по (?:всем |срочным |неотложным )?вопросам|можете обратиться|просьба обращаться|замеща)`,
		`не отвечайте на (?:это|данное) (?:письмо|сообщение)`, `ваш[еа] (?:обращение|заявка|запрос|письмо)[^.]{0,40}(?:зарегистрирован|принят|получен)\p{L}*(?s:.{0,160})(?:ответим|ответят|свяжется|свяжемся|в течение|рассмотр)`,
		`(?:此|本|这是)(?:封)?(?:邮件)?(?:为|是)?(?:一封)?(?:系统)?自动(?:回复|答复|发送)`, `这是来自.{0,12}自动(?:回复|答复)`, `我(?:最近)?(?:正在|现在|目前)?(?:休假|外出|出差)(?s:.{0,40})(?:如有急事|如有紧急|紧急事|请联系|尽快回复|无法)`, `(?:您的|你的)?(?:邮件|来信|来函)(?:我)?(?:已|已经)(?:收到|收悉)(?s:.{0,30})(?:尽快|会|将)`,
		`(?:dies ist eine|diese (?:nachricht|e-?mail) wurde) automatisch`, `automatisch (?:generiert|erstellt|erzeugt)`, `\bich bin (?s:.{0,80})(?:nicht im (?:büro|haus)|im urlaub|abwesend|außer haus|nicht erreichbar|auf dienstreise)(?s:.{0,240})(?:weitergeleitet|wenden sie sich|dringend|vertret|kontaktieren sie|nach meiner rückkehr)`,
		`(?:ceci est|il s.agit d.)[^.]{0,20}(?:réponse|message) automatique`, `généré automatiquement`, `\bje (?:suis|serai) (?:actuellement )?(?:absente?|en (?:congés?|vacances|déplacement)|hors du bureau)(?s:.{0,200})(?:urgence|urgente?s?|contacter|adresser|à mon retour|dès mon retour)`,
	}, `|`) + `)`)

	// challengeWords ask the sender of a mail to prove that he is a person.
	challengeWords = regexp.MustCompile(`(?i)(?:` + strings.Join([]string{
		`(?:prove|verify|confirm)(?: that)? (?:that )?you(?: are|'re|’re) (?:a )?(?:human|person|not a (?:robot|bot|spammer)|real)`, `your (?:message|e-?mail)(?s:.{0,80})(?:has been|is being|was|is) (?:held|quarantined|blocked until)(?s:.{0,200})(?:click|confirm|verify|reply to this)`, `(?:click|follow|visit)[^.]{0,40}(?:link|address)[^.]{0,40}to (?:confirm|verify|deliver|release)`, `one-time (?:verification|confirmation)`,
		`подтвердите,? что вы не робот`, `(?:письмо|сообщение) (?:задержано|не будет доставлено)(?s:.{0,120})подтверд`, `bestätigen sie, dass sie (?:ein mensch|kein (?:roboter|bot))`, `confirm(?:ez|er) que vous n.êtes pas un robot`, `(?:确认|证明)您(?:不是机器人|是真人)`,
	}, `|`) + `)`)
)

// automatic tells vacation notes, receipts and mailing lists from what a person
// wrote: RFC 3834 headers first, then those of particular programs, then the
// subject, then set phrases at the beginning of the text.
func (p *parsed) automatic(m *Mail) bool {
	if v := strings.ToLower(p.header("Auto-Submitted")); v != "" && !strings.HasPrefix(v, "no") {
		return true
	}
	for _, name := range []string{"X-Autoreply", "X-Autorespond", "X-Autoresponse", "X-AutoReply-From", "X-Mail-Autoreply", "X-Auto-Reply", "X-Autogenerated", "X-Auto-Generated", "X-FC-MachineGenerated", "X-Vacation", "X-MLServer"} {
		if v := strings.ToLower(p.header(name)); v != "" && v != "no" {
			return true
		}
	}
	if strings.EqualFold(p.header("Precedence"), "auto_reply") || strings.EqualFold(p.header("X-Precedence"), "auto_reply") {
		return true
	}
	if p.reportType() != "" || p.part("message/feedback-report") != nil || p.fromMailer(m) || p.receipt() || automaticSubject.MatchString(m.Subject) {
		return true
	}
	if p.header("List-Id") != "" || p.invitationAnswer() {
		return true
	}
	if !answerSubject.MatchString(m.Subject) {
		// Ticket systems and some Exchange rules put these on people's mail, too.
		switch strings.ToLower(p.header("Precedence")) {
		case "bulk", "list", "junk":
			return true
		}
		if p.header("X-Auto-Response-Suppress") != "" {
			return true
		}
	}
	const opening = 500
	text := []rune(Unquote(p.plain()))
	head := string(text[:min(len(text), opening)])
	return automaticWords.MatchString(head) || challengeWords.MatchString(head)
}

// invitationAnswer is a calendar's answer to an invitation (RFC 5546).
func (p *parsed) invitationAnswer() bool {
	part := p.part("text/calendar")
	if part == nil {
		return false
	}
	method := part.ContentTypeParams["method"]
	if found := calendarMethod.FindSubmatch(part.Content); method == "" && found != nil {
		method = string(found[1])
	}
	return strings.EqualFold(method, "reply") || strings.EqualFold(method, "counter")
}

var calendarMethod = regexp.MustCompile(`(?mi)^METHOD:\s*([A-Z]+)`)

// receipt is a message disposition notification (RFC 8098).
func (p *parsed) receipt() bool {
	return p.part("message/disposition-notification") != nil ||
		strings.EqualFold(p.reportType(), "disposition-notification")
}

func (p *parsed) reportType() string {
	if p.Root == nil || !strings.EqualFold(p.Root.ContentType, "multipart/report") {
		return ""
	}
	return p.Root.ContentTypeParams["report-type"]
}

// complaint reads an abuse report: RFC 5965, or Hotmail's older form. Reports on
// authentication and "not spam" are no complaints of a person.
func (p *parsed) complaint(m *Mail) bool {
	if part := p.part("message/feedback-report"); part != nil || strings.EqualFold(p.reportType(), "feedback-report") {
		fields := map[string][]string{}
		if part != nil {
			fields = firstFields(part.Content)
		}
		switch kind := strings.ToLower(first(fields, "Feedback-Type")); kind {
		case "auth-failure", "not-spam", "dmarc":
			return false
		}
		p.returned(m)
		for _, name := range []string{"Original-Rcpt-To", "Removal-Recipient", "Redacted-Address"} {
			if a := anyAddress.FindString(first(fields, name)); a != "" && m.Complainant == "" {
				m.Complainant = a
			}
		}
		if m.Complainant == "" {
			m.Complainant = p.returnedTo()
		}
		return true
	}
	if part := p.part("message/rfc822"); part != nil {
		header := readHeaders(part.Content)
		if a := anyAddress.FindString(header.Get("X-HmXmrOriginalRecipient")); a != "" {
			m.Complainant = a
			p.returned(m)
			return true
		}
	}
	return false
}
