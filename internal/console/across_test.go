package console_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"otklik/channels"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// TestOneSurveyAcrossChannels begins a survey by SMS, goes on in Telegram and on the
// form, and ends it on the phone: it stays one conversation, nothing that has an answer
// is asked again, and each answer keeps the channel and the time that it came by.
func TestOneSurveyAcrossChannels(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		h := open(t, st)
		contact := h.Visit(t, "1001", "Иванов Иван Петрович", phone, 25*time.Hour)
		h.Send(t)
		came := map[string]time.Time{}
		moves := func(question string) { h.Forward(t, 10*time.Minute); came[question] = h.Clock.Business() }
		telegram := func(in channels.Inbound) {
			t.Helper()
			in.Channel, in.From, in.To = channels.Telegram, "4200042", "bot"
			check(t, h.in.Handle(t.Context(), channels.Event{Inbound: &in}, nil))
		}

		moves("overall")
		h.write("4")
		moves("")
		telegram(channels.Inbound{ProviderID: "start", Start: h.token()})
		telegram(channels.Inbound{ProviderID: "tap1", Data: h.token() + ":suggestions:skip"})
		moves("fixed")
		telegram(channels.Inbound{ProviderID: "tap2", Data: h.token() + ":fixed:yes"})

		moves("on_time")
		b, form := h.stranger(), "/s/"+h.token()
		p := b.get(form)
		p.want(t, http.StatusOK, `value="4" data-key="4" checked`, `name="q.fixed" value="yes" data-key="1" checked`, `name="q.on_time"`)
		b.post(form, "q.overall", "4", "q.fixed", "yes", "q.on_time", "no").want(t, http.StatusSeeOther)

		moves("explained")
		call := h.open(store.TaskCallback)
		maria, sheet := h.login("maria"), "/tasks/"+call.ID+"/survey"
		p = maria.get(sheet)
		p.want(t, http.StatusOK, `name="q.explained"`, `name="q.suggestions"`)
		for _, given := range []string{"overall", "fixed", "on_time"} {
			if strings.Contains(p.body, `name="q.`+given+`"`) {
				t.Errorf("the operator is to ask %s again", given)
			}
		}
		maria.post(sheet, "q.explained", "yes", "q.suggestions", "выдавать вовремя").want(t, http.StatusSeeOther)
		came["suggestions"] = came["explained"]

		got := map[string]channels.Kind{}
		for q, a := range h.answers() {
			got[q] = a.Channel
			if since := a.At.Sub(came[q]); since < 0 || since > time.Minute {
				t.Errorf("%s came at %s, kept as %s", q, came[q], a.At)
			}
			if by := map[bool]string{true: h.people["maria"].ID}[a.Channel == channels.Phone]; a.EmployeeID != by {
				t.Errorf("%s was entered by %q", q, a.EmployeeID)
			}
		}
		want := map[string]channels.Kind{"overall": channels.SMS, "fixed": channels.Telegram, "on_time": channels.Form, "explained": channels.Phone, "suggestions": channels.Phone}
		if !maps.Equal(got, want) {
			t.Errorf("answers by %v, want %v", got, want)
		}

		convs, err := st.ConversationsFor(t.Context(), contact)
		check(t, err)
		ms, err := st.MessagesOf(t.Context(), contact, 100)
		check(t, err)
		var asked []string
		for _, m := range ms {
			if strings.HasPrefix(m.Template, "after-service/") {
				asked = append(asked, fmt.Sprint(m.Channel, " ", strings.TrimPrefix(m.Template, "after-service/")))
			}
		}
		// "suggestions" was open when he went over to Telegram, and follows him there.
		if want := []string{"sms invite", "sms suggestions", "telegram suggestions", "telegram fixed", "telegram on_time"}; len(convs) != 1 || !slices.Equal(asked, want) {
			t.Errorf("%d conversations ask %v, want %v", len(convs), asked, want)
		}
		if convs[0].State != store.ConversationDone {
			t.Errorf("the survey is %s", convs[0].State)
		}
	})
}
