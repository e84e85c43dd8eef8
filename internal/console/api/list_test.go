package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// fill brings three visits and what came of them: for each a message out and in,
// a response with a replaced answer, a callback and a decision.
func fill(b *bench) {
	b.Helper()
	ctx, now := b.Context(), storetest.Now
	for i := range 3 {
		order := fmt.Sprintf("ЗН-%d", i)
		v, err := b.st.Visit(ctx, id(b, b.expect(http.StatusCreated, "POST", "/api/v1/visits", visit(b, order, func(v map[string]any) {
			v["customer"] = map[string]any{"name": "Клиент " + order, "phones": []any{fmt.Sprintf("8900000000%d", i)}}
		}))))
		if err != nil {
			b.Fatal(err)
		}
		o := store.Outreach{ID: b.st.NewID(), DealerID: b.dealer.ID, ContactID: v.ContactID, VisitID: v.ID, Program: "after-service", ProgramVersion: 1, Occasion: v.ID, Step: "survey",
			Purpose: outreach.Survey, State: outreach.Planned, DueAt: now, TargetAt: now, DeadlineAt: now.Add(time.Hour)}
		c := store.Conversation{ID: b.st.NewID(), DealerID: b.dealer.ID, ContactID: v.ContactID, OutreachID: o.ID, VisitID: v.ID, Survey: "after-service", SurveyVersion: 1, Locale: "ru",
			Channel: channels.SMS, Address: "+7", State: store.ConversationOpen, Position: "{}", Token: order}
		rating := 2
		err = b.st.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
			if _, err := tx.Plan(ctx, []store.Outreach{o}, now); err != nil {
				return err
			}
			if err := tx.OpenConversation(ctx, c, now); err != nil {
				return err
			}
			if _, err := tx.Receive(ctx, store.Message{ID: tx.NewID(), DealerID: b.dealer.ID, OutreachID: o.ID, ConversationID: c.ID, ContactID: v.ContactID, Channel: channels.SMS,
				Address: "+7", Text: "2. ждал", ProviderID: "SM" + order}, now); err != nil {
				return err
			}
			for _, a := range []store.Answer{{ConversationID: c.ID, Question: "q", Answer: "старый", Channel: channels.SMS},
				{ConversationID: c.ID, Question: "q", Rating: &rating, Comment: "ждал", Channel: channels.SMS}} {
				if err := tx.SaveAnswer(ctx, a, now); err != nil {
					return err
				}
			}
			for _, kind := range []string{store.TaskCallback, store.TaskReview} {
				if _, err := tx.OpenTask(ctx, store.Task{DealerID: b.dealer.ID, Kind: kind, ContactID: v.ContactID, VisitID: v.ID, ConversationID: c.ID, Reason: "low_score", Words: "2. ждал",
					DueAt: now.Add(24 * time.Hour)}, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	os, err := storetest.ClaimOutreach(ctx, b.st, b.st.NewID(), 10, now, now, time.Minute)
	if err != nil || len(os) != 3 {
		b.Fatal(os, err)
	}
	var vs []store.Verdict
	for _, o := range os {
		vs = append(vs, store.Verdict{Outreach: o, State: outreach.Held, Verdict: "hold", Rule: "quiet_hours", Until: now.Add(time.Hour)})
	}
	vs[0].State, vs[0].Verdict, vs[0].Rule, vs[0].Until = outreach.Dropped, "drop", "too_late", time.Time{}
	if err := b.st.Settle(ctx, vs, now); err != nil {
		b.Fatal(err)
	}
}

type listed struct {
	Items []map[string]any
	Next  *string
}

func (b *bench) list(target string) listed {
	b.Helper()
	var out listed
	if err := json.Unmarshal(b.expect(http.StatusOK, "GET", "/api/v1/"+target, "").Body.Bytes(), &out); err != nil {
		b.Fatal(err)
	}
	return out
}

func TestLists(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		for _, list := range []string{"messages", "responses", "callbacks", "decisions"} {
			if w := b.expect(http.StatusOK, "GET", "/api/v1/"+list, ""); strings.TrimSpace(w.Body.String()) != `{"items":[],"next":null}` {
				t.Errorf("empty %s: %s", list, w.Body)
			}
		}
		fill(b)
		const now, later = "2026-11-22T12:00:00+03:00", "2026-11-22T13:00:00+03:00"
		for list, want := range map[string]map[string]any{
			"messages": {"direction": "in", "channel": "sms", "state": "received", "text": "2. ждал", "at": now, "provider_id": "SMЗН-1", "order": "ЗН-1", "program": "after-service"},
			"responses": {"order": "ЗН-1", "survey": "after-service", "answers": []any{map[string]any{"question": "q", "rating": 2.0, "answer": "", "choice": "", "comment": "ждал",
				"channel": "sms", "at": now}}},
			"callbacks": {"order": "ЗН-1", "state": "open", "reason": "low_score", "words": "2. ждал", "owner": "", "due_at": "2026-11-23T12:00:00+03:00"},
			"decisions": {"order": "ЗН-1", "program": "after-service", "verdict": "hold", "rule": "quiet_hours", "until": later, "text": "ru: quiet_hours"},
		} {
			for _, query := range []string{"order=" + url.QueryEscape("ЗН-1"), "phone=%2B79000000001", "phone=+79000000001", "phone=8+(900)+000-00-01", "phone=89000000001", "phone=9000000001"} {
				got := b.list(list + "?" + query)
				if len(got.Items) != 1 || got.Next != nil {
					t.Fatalf("%s?%s: %v", list, query, got)
				}
				delete(got.Items[0], "id")
				if d := cmp.Diff(want, got.Items[0]); d != "" {
					t.Errorf("%s?%s: %s", list, query, d)
				}
			}
			if got := b.list(list + "?phone=89000000009"); len(got.Items) != 0 {
				t.Errorf("%s of nobody: %v", list, got)
			}
			if got := b.list(list + "?order=none%00%ff"); len(got.Items) != 0 {
				t.Errorf("%s of no order: %v", list, got)
			}
			pages(b, list)
		}
		b.expect(http.StatusCreated, "POST", "/api/v1/visits", visit(t, "cn", func(v map[string]any) {
			v["customer"] = map[string]any{"name": "张伟", "phones": []any{"+8613800000000"}}
		}))
		for _, phone := range []string{"+8613800000000", "%2B86+138+0000+0000"} {
			b.expect(http.StatusOK, "GET", "/api/v1/messages?phone="+phone, "")
		}
		if d := b.list("decisions?order=" + url.QueryEscape("ЗН-0")); len(d.Items) != 1 || d.Items[0]["until"] != nil {
			t.Errorf("a dropped one: %v", d)
		}
	})
}

// pages walks a list one by one: everything once, newest first, and an end.
func pages(b *bench, list string) {
	b.Helper()
	var seen []string
	target := list + "?limit=1"
	for range 10 {
		got := b.list(target)
		for _, i := range got.Items {
			seen = append(seen, i["id"].(string))
		}
		if got.Next == nil {
			break
		}
		target = list + "?limit=1&cursor=" + *got.Next
	}
	whole := b.list(list)
	var want []string
	for _, i := range whole.Items {
		want = append(want, i["id"].(string))
	}
	if d := cmp.Diff(want, seen); d != "" || len(seen) != 3 || whole.Next != nil {
		b.Errorf("%s by pages: %s", list, d)
	}
	if got := b.list(list + "?limit=3"); len(got.Items) != 3 || got.Next != nil {
		b.Errorf("%s: a full last page has a next", list)
	}
}

func TestUnusableQueries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		b := newBench(t, st)
		for query, want := range map[string]string{
			"cursor=abc": "query.cursor",
			"cursor=%7B019abf00-0000-7000-8000-000000000002%7D":        "query.cursor",
			"cursor=urn%3Auuid%3A019abf00-0000-7000-8000-000000000002": "query.cursor",
			"cursor=019abf00000070008000000000000002":                  "query.cursor",
			"cursor=019abf00-0000-7000-8000-00000000000%00":            "query.cursor",
			"cursor=019abf00-0000-7000-8000-00000000000g":              "query.cursor",
			"phone=12":                          "query.phone",
			"phone=%00":                         "query.phone",
			"limit=0":                           "query.limit",
			"limit=201":                         "query.limit",
			"limit=x":                           "query.limit",
			"oder=1":                            "query.oder",
			"order=" + strings.Repeat("1", 101): "query.order",
		} {
			for _, list := range []string{"messages", "responses", "callbacks", "decisions"} {
				w := b.expect(http.StatusUnprocessableEntity, "GET", "/api/v1/"+list+"?"+query, "")
				if got := locations(t, w); len(got) != 1 || got[0] != want {
					t.Errorf("%s?%s: %v", list, query, got)
				}
			}
		}
		b.expect(http.StatusOK, "GET", "/api/v1/messages?cursor=019ABF00-0000-7000-8000-000000000002&limit=200", "")
	})
}
