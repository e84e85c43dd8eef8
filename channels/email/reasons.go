package email

import (
	"regexp"
	"strings"
)

// What receiving servers say when they refuse a mail, in the languages they say
// it in. A server's words are believed over the status that a relay made of them.

var (
	// unknownWords: there is no such mailbox, or it has been closed.
	unknownWords = regexp.MustCompile(`(?i)` + strings.Join([]string{
		`user (?:is )?(?:unknown|not found|doesn.t exist|not exist|disabled|inactive|account (?:is )?disabled)`, `(?:unknown|invalid|no such|nonexistent|non-existent|bad) (?:user|recipient|mailbox|address|account|local part|person|destination)`,
		`(?:mailbox|account|address|recipient|user|e-?mail) (?:[^.]{0,40} )?(?:does ?n.?t exist|does not exist|(?:was |is )?not found|(?:is|has been) (?:disabled|suspended|closed|deleted|locked|blocked|terminated|frozen|deactivated|discontinued)|is unavailable|unavailable|is inactive|not exist|rejected: unknown|unknown|(?:is )?(?:in|not )valid)`,
		`address(?:es)? (?:couldn.t|could not) be found`, `wasn.t found at the destination`, `адрес не найден`, `adresse nicht gefunden`, `adresse introuvable`, `未找到(?:地址|收件人|用户)`, `no mailbox here`, `not our customer`, `disabled recipient`, `recipient (?:name )?(?:is )?not recogni[sz]ed`, `no longer (?:available|valid|active|in use|on server|accept\p{L}* mail|with us)`, `doesn.t have an? [^.]{0,60}account`, `not listed in`, `inactive email address`, `recip(?:ient)?notfound`,
		`(?:host|domain)(?: name)? (?:or domain name )?(?:not found|does not exist|unknown)`, `name or service not known`, `unrouteable address`, `no such domain`, `couldn.t find (?:a|any) (?:mail exchanger|host)`,
		`нет такого`, `не существует`, `не найден`, `заблокирован получатель`, `недействительн`, `(?:получател|пользовател|адресат)\p{L}+ (?:неизвест|отключ|заблокир|удал)\p{L}+`, `(?:ящик|аккаунт|уч[её]тная запись)[^.]{0,30}(?:отключ|заблокир|удал)\p{L}+`, `неизвестн\p{L}+ (?:получател|пользовател|адрес)\p{L}+`,
		`(?:用户|收件人|地址|邮箱|帐号|账号|帐户|账户|邮件地址|域名)[^。，,]{0,12}(?:不存在|未找到|无效|已停用|被禁用|已注销|被冻结|已失效)`, `找不到(?:该|此)?(?:用户|收件人|地址|邮箱|域名)`, `(?:找不到|不存在)[^。]{0,6}(?:收件人|用户)`,
		`(?:empfänger|benutzer|postfach|adresse|domain|konto)[^.]{0,40}(?:unbekannt|existiert nicht|nicht gefunden|nicht vorhanden|deaktiviert|gesperrt|ungültig)`, `(?:unbekannter|ungültiger) (?:empfänger|benutzer)`,
		`(?:destinataire|adresse|utilisateur|boîte|compte)[^.]{0,40}(?:inconnue?|n.existe pas|invalide|introuvable|d[ée]sactiv[ée]e?|bloqu[eé]e?)`,
	}, `|`))

	// goneWords: the domain takes no mail. They hold even where a server made a
	// temporary status of them after days of trying.
	goneWords = regexp.MustCompile(`(?i)nxdomain|null ?mx|no relevant answers|does(?:n.t| not) (?:receive|accept) e?-?mail|indicated no smtp service`)

	fullWords = regexp.MustCompile(`(?i)` + strings.Join([]string{
		`(?:mailbox|mail box|quota|storage|inbox|message store|disk)[^.]{0,30}(?:is )?(?:full|exceed|over)`, `over[ -]?quota`, `quota (?:exceed|violation)`, `exceed[^.]{0,30}(?:quota|storage|mailbox)`, `(?:recipient|user|messages?) [^.]{0,40}exceeded? (?:the |the local |its |their )?(?:limit|quota|local limit)`, `insufficient (?:disk|system storage|storage)`, `not enough (?:disk |storage )?space`, `out of storage`, `overquota`,
		`ящик[^.]{0,40}(?:переполнен|заполнен|полон)`, `(?:квот\p{L}+|лимит)[^.]{0,40}(?:превыш|исчерпан)\p{L}*`, `превышен\p{L}*[^.]{0,40}(?:квот|ящик)\p{L}*`, `недостаточно места`,
		`邮箱(?:[^。，]{0,10})?(?:已满|空间不足|容量不足|满了|超限)`, `(?:超出|超过)[^。]{0,10}(?:配额|容量|空间)`, `(?:空间|容量)(?:已满|不足)`,
		`postfach[^.]{0,40}voll`, `speicherplatz[^.]{0,40}(?:erschöpft|überschritten|nicht aus)`, `(?:boîte|messagerie)[^.]{0,40}(?:pleine|satur[ée]e)`, `quota[^.]{0,20}(?:dépassé|überschritten)`,
	}, `|`))

	// sendingWords: it is the sender's allowance that is used up.
	sendingWords = regexp.MustCompile(`(?i)(?:sending|relay|sender|outgoing|outbound)(?: message| mail)? (?:quota|limit)`)

	// senderWords: the sender or the content was refused, whatever the status.
	senderWords = regexp.MustCompile(`(?i)\bspam\b|\bspamhaus\b|black ?-?list|block ?-?list|\bdnsbl\b|\brbls?\b|reputation|\bdmarc\b|\bdkim\b|\bspf\b|not allowed to send|unauthenticated|not authenticated|banned|domain of sender|(?:sender|sending|client|your) (?:ip|host|server|address|domain)[^.]{0,40}(?:reject|den|refus|block|not allowed)`)

	policyWords = regexp.MustCompile(`(?i)` + senderWords.String()[4:] + `|` + strings.Join([]string{
		`block(?:ed|ing) (?:using|by|due|because|for)`, `polic(?:y|ies)`, `sender (?:address )?(?:rejected|denied|is not allowed|not authenticated)`, `(?:unrout\p{L}+|invalid|bad|unknown) sender`, `sender (?:address )?(?:verif|domain)`, `valid sender`, `not authori[sz]ed`, `access denied`, `relay(?:ing)? (?:access )?denied`, `no relaying`, `relay quota`, `unsolicited`, `\bbulk\b`,
		`(?:content|message|mail)(?: was| has been| been)? (?:rejected|refused|rejete|blocked|filtered|not accepted)`, `content filter`, `virus`, `malware`, `phish`, `prohibited`, `reverse dns`, `\br?dns record`, `no ptr`, `ptr record`, `rejected (?:for|due to)`, `message (?:size|too (?:big|large)|exceeds)`, `size limit`, `line (?:limit|too long)`, `too large`, `auth(?:entication)? (?:required|failed)`, `not verified`,
		`mismatches? client`, `invalid ip`, `(?:ip|host|client|server|network)(?: address)? (?:[^.]{0,30} )?(?:blocked|banned|refused|denied|not allowed|forbidden)`, `weren.t sent`, `name was rejected`, `\(BL\)`, `suspicious`,
		`спам`, `политик`, `ч[её]рн\p{L}+ спис`, `垃圾邮件`, `黑名单`, `策略`, `拒收`, `违规`, `richtlinie`, `sperrliste`, `politique`, `indésirable`,
	}, `|`))

	waitingWords = regexp.MustCompile(`(?i)` + strings.Join([]string{
		`try(?:ing)? again`, `try later`, `temporar`, `deferred`, `grey-?list`, `timed? ?out`, `connection (?:refused|timed out|reset)`, `retry time(?:out)? (?:not reached|exceeded)`, `delayed`, `will (?:be )?(?:retr|tried)`, `rate limit`, `delivery (?:time )?expired`, `message expired`, `could not (?:connect|be delivered for|deliver for)`, `unable to connect`, `no (?:smtp )?(?:service|route)`,
		`queue too long`, `failing for a long time`, `delivery failed \d+ attempts`, `not delivered within`, `not (?:responding|reachable)`, `unreachable`, `did not accept our requests? to connect`, `network error`, `service (?:is )?(?:currently|temporarily) unavailable`, `upstream error`,
		`временн`, `отложен`, `не отвечает`, `позже`, `暂时`, `稍后`, `超时`, `vorübergehend`, `später`, `temporaire`, `plus tard`,
	}, `|`))

	// rateWords: too much at once; the same mail is taken later.
	rateWords = regexp.MustCompile(`(?i)receiving mail (?:at a rate|too)|too many (?:concurrent|recipients|messages|mails?\b|e-?mails|connections|sessions)|rate.?limit|throttl|frequency limited`)

	webAddress = regexp.MustCompile(`(?i)https?://\S+`)
	// remoteStatus is a status as the receiving server itself gave it.
	remoteStatus = regexp.MustCompile(`\b[45]\d\d[ -]#?([45]\.\d{1,3}\.\d{1,3})\b`)
)

// bounceClass reads the receiving server's status and words; the status of the
// report counts where they say little.
func bounceClass(status, action, words string) BounceClass {
	words = webAddress.ReplaceAllString(words, " ")
	if action == "delayed" {
		return Temporary
	}
	if remote := remoteStatus.FindStringSubmatch(words); remote != nil && status != "" && remote[1][0] == status[0] {
		status = remote[1]
	}
	switch {
	case goneWords.MatchString(words):
		return Permanent
	case strings.HasPrefix(status, "4"):
		return Temporary
	case sendingWords.MatchString(words):
		return Policy
	case rateWords.MatchString(words), fullWords.MatchString(words):
		return Temporary
	}
	unknown := unknownWords.MatchString(words)
	switch detail := strings.TrimPrefix(status, "5."); detail {
	case "2.2", "4.7":
		return Temporary
	case "1.7", "1.8", "2.3", "3.4", "7.27":
		if detail == "7.27" && unknown {
			return Permanent
		}
		return Policy
	case "4.1", "4.4", "4.6", "7.13":
		return Permanent
	case "1.0", "1.1", "1.2", "1.3", "1.6", "1.10", "2.1":
		if !unknown && senderWords.MatchString(words) {
			return Policy
		}
		return Permanent
	}
	return classByWords(status, words, unknown)
}

// classByWords judges what no particular status decides.
func classByWords(status, words string, unknown bool) BounceClass {
	switch {
	case unknown && !strings.HasPrefix(status, "5.6."):
		return Permanent
	case strings.HasPrefix(status, "5.1."):
		return Permanent
	case policyWords.MatchString(words):
		return Policy
	case strings.HasPrefix(status, "5.7.") && waitingWords.MatchString(words):
		return Temporary
	case strings.HasPrefix(status, "5.7."), strings.HasPrefix(status, "5.6."):
		return Policy
	}
	if code := basicCode.FindStringSubmatch(words); status == "" && code != nil {
		if code[1][0] == '4' {
			return Temporary
		}
		return Permanent
	}
	if waitingWords.MatchString(words) {
		return Temporary
	}
	return Permanent
}
