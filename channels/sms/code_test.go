package sms

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"otklik/channels"
	"otklik/channels/channeltest"
)

type codeRow struct {
	status, code int
	header       http.Header
	class        channels.Class
	scope        channels.Scope
	reason       channels.Reason
	after        time.Duration
}

const (
	account = channels.ScopeAccount
	sender  = channels.ScopeSender
	route   = channels.ScopeRoute
	message = channels.ScopeMessage
)

// codeRows is one row for each code of the table and for each rule about status
// and code together. The codes above 30000 come by report; Twilio gives some of
// them in answers too, always with 400.
func codeRows() []codeRow {
	rows := []codeRow{
		{401, 20003, nil, channels.Suspended, account, channels.ReasonConfig, 0},
		{403, 20003, nil, channels.Suspended, account, channels.ReasonConfig, 0},
		{429, 20429, after("3"), channels.Throttled, account, "", 3 * time.Second},
		{429, 20429, nil, channels.Throttled, account, "", 0},
		{429, 0, after("1"), channels.Throttled, account, "", time.Second},
		{429, 21611, after("2"), channels.Throttled, sender, "", 2 * time.Second},
		{429, 21610, nil, channels.Throttled, account, "", 0},
		{503, 0, after("30"), channels.Throttled, account, "", 30 * time.Second},
		{503, 20503, after("30"), channels.Throttled, account, "", 30 * time.Second},
		{503, 0, after("soon"), channels.Uncertain, message, "", 0},
		{503, 0, nil, channels.Uncertain, message, "", 0},
		{500, 20500, nil, channels.Uncertain, message, "", 0},
		{500, 21610, nil, channels.Uncertain, message, "", 0},
		{500, 0, after("5"), channels.Uncertain, message, "", 0},
		{502, 0, nil, channels.Uncertain, message, "", 0},
		{504, 0, nil, channels.Uncertain, message, "", 0},
		{301, 0, nil, channels.Suspended, account, channels.ReasonConfig, 0},
		{401, 0, nil, channels.Suspended, account, channels.ReasonConfig, 0},
		{403, 0, nil, channels.Suspended, account, channels.ReasonConfig, 0},
		{404, 20404, nil, channels.Suspended, account, channels.ReasonConfig, 0},
		{407, 0, nil, channels.Suspended, account, channels.ReasonConfig, 0},
		{400, 0, nil, channels.Rejected, message, "", 0},
		{400, 29999, nil, channels.Rejected, message, "", 0},
		{413, 0, nil, channels.Rejected, message, "", 0},
	}
	add := func(class channels.Class, scope channels.Scope, reason channels.Reason, codes ...int) {
		for _, c := range codes {
			rows = append(rows, codeRow{400, c, nil, class, scope, reason, 0})
		}
	}
	add(channels.Unreachable, message, channels.ReasonBadAddress, 21211, 21214, 21217, 21612)
	add(channels.Unreachable, message, channels.ReasonLandline, 21614, 30006)
	add(channels.Unreachable, message, channels.ReasonOptedOut, 21610)
	add(channels.Unreachable, message, channels.ReasonDead, 30005)
	add(channels.Suspended, account, channels.ReasonConfig, 30002)
	add(channels.Suspended, route, channels.ReasonConfig, 21408, 21608, 30018, 30034)
	add(channels.Suspended, sender, channels.ReasonConfig, 21606, 21703, 21704, 21705, 30024, 30032)
	add(channels.Throttled, account, "", 20429)
	add(channels.Throttled, sender, "", 21611, 30001, 30022, 30023, 30025, 30026, 30027)
	add(channels.Rejected, message, "", 21617)
	add(channels.Rejected, message, channels.ReasonBlocked, 30004)
	add(channels.Rejected, message, channels.ReasonFiltered, 30007)
	add(channels.Transient, message, "", 30003, 30008, 30017)
	add(channels.Uncertain, message, "", 30410)
	return rows
}

func TestCodes(t *testing.T) {
	tested := map[int]bool{}
	for _, row := range codeRows() {
		tested[row.code] = true
		t.Run(fmt.Sprintf("%d-%d-%s", row.status, row.code, row.header.Get("Retry-After")), func(t *testing.T) {
			srv := channeltest.NewServer(t, channeltest.Replies(refuse(row.status, row.code, row.header)))
			_, err := open(t, testConfig(srv.URL)).Send(t.Context(), channels.Message{ID: "otk-1", To: testTo, Text: "hi"})
			e := channels.AsError(err)
			if e == nil {
				t.Fatal("accepted")
			}
			want := strconv.Itoa(row.code)
			if row.code == 0 {
				want = strconv.Itoa(row.status)
			}
			if e.Class != row.class || e.Scope != row.scope || e.Reason != row.reason || e.RetryAfter != row.after || e.Code != want {
				t.Errorf("got %v %s %q after %v code %s, want %v %s %q after %v code %s",
					e.Class, e.Scope, e.Reason, e.RetryAfter, e.Code, row.class, row.scope, row.reason, row.after, want)
			}
			if got := len(srv.Calls()); got != 1 {
				t.Errorf("%d requests", got)
			}
		})
	}
	for code := range meanings {
		if !tested[code] {
			t.Errorf("code %d has no row", code)
		}
	}
}

// TestReportCodes: a code means the same when it comes by report.
func TestReportCodes(t *testing.T) {
	ch := open(t, testConfig("http://"+channeltest.DeadAddr))
	for _, row := range codeRows() {
		m, known := meanings[row.code]
		if !known || row.status != 400 {
			continue
		}
		events, err := ch.Receive(signedCall(testPublic+StatusPath+"?id=otk-1", statusForm("undelivered", strconv.Itoa(row.code))))
		if err != nil || len(events) != 1 {
			t.Fatalf("%d: %v, %v", row.code, events, err)
		}
		r := events[0].Report
		if r.State != channels.StateUndelivered || r.Code != strconv.Itoa(row.code) ||
			r.Class != m.class || r.Class != row.class || r.Scope != row.scope || r.Reason != row.reason {
			t.Errorf("%d: %+v", row.code, r)
		}
	}
}
