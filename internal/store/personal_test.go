package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"otklik/channels"
	"otklik/internal/outreach"
	"otklik/internal/store"
	"otklik/internal/store/storetest"
)

// secrets are what must not remain of the person of populate.
var secrets = []string{"Тайнов", "Аркадий", "Маркович", "+79160000001", "79160000001", "secret@example.org", "9160777", "XTASECRETVIN", "С777ЕК", "1979-05-17", "K-SECRET", "секретные слова", "тайный токен", "тайныйтег"}

// populate makes a person about whom every table has rows, and somebody else who
// shares one of his numbers.
func populate(t *testing.T, st *store.Store) (d store.Dealer, who, other string) {
	t.Helper()
	ctx := t.Context()
	d = storetest.Dealer(t, st)
	e, err := st.SaveEmployee(ctx, store.Employee{DealerID: d.ID, Name: "Смирнова А.", Login: "anna", Roles: []string{store.RoleOperator}}, now)
	must(t, err)
	r := storetest.Visit("ЗН-1", "Тайнов Аркадий Маркович", "+79160000001", now.Add(-25*time.Hour))
	r.VIN, r.Plate = "XTASECRETVIN", "С777ЕК"
	r.Customer = store.ContactRecord{ExternalID: "K-SECRET", Name: "Тайнов Аркадий Маркович", Family: "Тайнов", Given: "Аркадий", Patronymic: "Маркович", Gender: "male", GenderSource: "patronymic",
		Birthday: "1979-05-17", Locale: "ru", Phones: []string{"+79160000001", "+79160000002"}, Emails: []string{"secret@example.org"}}
	r.Customer.Tags, r.Customer.Deceased = []string{"тайныйтег"}, true
	saved := storetest.Save(t, st, d, r, storetest.Visit("ЗН-2", "Другая Вера", "+79160000002", now))
	who, other = saved[0].ContactID, saved[1].ContactID

	inTx(t, st, func(tx *store.Tx) error {
		car := store.CarRecord{VIN: "XTASECRETVIN", DeliveredOn: "2026-11-20"}
		_, err := tx.SaveDeliveries(ctx, d, []store.DeliveryRecord{{Number: "ДКП-1", HandedOverAt: now.Add(-48 * time.Hour), Customer: r.Customer, Car: car}}, now)
		must(t, err)
		_, err = tx.SaveAppointments(ctx, d, []store.AppointmentRecord{{Number: "ЗП-1", StartsAt: now.Add(24 * time.Hour), Request: "секретные слова", AttentionReason: "секретные слова", Customer: r.Customer, Car: car}}, now)
		must(t, err)
		_, err = tx.SaveProspects(ctx, d, []store.ProspectRecord{{Number: "Л-1", Origin: "секретные слова", Model: "Vesta", Notes: "секретные слова", ContactedAt: now, Customer: r.Customer}}, now)
		return err
	})

	base := store.Outreach{DealerID: d.ID, ContactID: who, VisitID: saved[0].VisitID, Program: "after-service", ProgramVersion: 1, Occasion: saved[0].VisitID, Purpose: outreach.Survey, Priority: 3,
		State: outreach.Planned, DueAt: now, TargetAt: now, DeadlineAt: now.Add(time.Hour)}
	inTx(t, st, func(tx *store.Tx) error {
		must(t, tx.Dial(ctx, who, channels.Telegram, "9160777", now))
		var rows []store.Outreach
		for _, step := range []string{"survey", "reminder", "later"} {
			o := base
			o.Step = step
			if step == "later" {
				o.DueAt = now.Add(time.Hour)
			}
			rows = append(rows, o)
		}
		_, err := tx.Plan(ctx, rows, now)
		return err
	})
	os, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 2, now, now, time.Minute)
	must(t, err)
	if len(os) != 2 {
		t.Fatalf("claimed %d", len(os))
	}
	conv := store.Conversation{ID: st.NewID(), DealerID: d.ID, ContactID: who, OutreachID: os[0].ID, VisitID: os[0].VisitID, Survey: "s", SurveyVersion: 1, Locale: "ru", Channel: channels.SMS,
		Address: "+79160000001", State: store.ConversationOpen, Position: `{"words":"секретные слова"}`, Token: "тайный токен"}
	b := begun(st, os[0])
	b.Message.Address, b.Message.Text, b.Message.ConversationID = "+79160000001", "Аркадий Маркович, как прошёл ремонт?", conv.ID
	b.Message.Buttons = [][]channels.Button{{{Label: "Аркадий", Data: "5"}}}
	b.Message.Options = store.MessageOptions{ToName: "Тайнов"}
	b.Outreach.Inputs, b.Conversation = `{"to":"+79160000001"}`, &conv
	_, err = st.Begin(ctx, []store.Begun{b}, now, now, time.Minute)
	must(t, err)
	must(t, st.Settle(ctx, []store.Verdict{{Outreach: os[1], State: outreach.Held, Verdict: "hold", Rule: "quiet_hours", Inputs: `{"name":"Тайнов"}`, Until: now.Add(time.Hour)}}, now))
	_, err = st.Record(ctx, []store.Result{{Message: b.Message, Err: &channels.Error{Class: channels.Transient, Err: errors.New("+79160000001 is busy")},
		Transition: outreach.Transition{State: outreach.Queued, Spent: true}, At: now}}, now)
	must(t, err)

	receive(t, st, store.Message{DealerID: d.ID, ContactID: who, Channel: channels.Telegram, Address: "9160777", ProviderID: "9160777:11"},
		store.Attachment{Name: "секретные слова.txt"}, []byte("секретные слова, и ещё много"))
	receive(t, st, store.Message{DealerID: d.ID, Channel: channels.SMS, Address: "+79160000002", ProviderID: "MM2"}, store.Attachment{Name: "чьё-то"}, []byte("чьё-то"))
	inTx(t, st, func(tx *store.Tx) error {
		// Known later as his: written before the address was anybody's.
		_, err := tx.Receive(ctx, store.Message{ID: st.NewID(), DealerID: d.ID, Channel: channels.Email, Address: "secret@example.org", Subject: "от Аркадия", Text: "секретные слова", ProviderID: "<secret@example.org>"}, now)
		must(t, err)
		// The number is another's too.
		_, err = tx.Receive(ctx, store.Message{ID: st.NewID(), DealerID: d.ID, Channel: channels.SMS, Address: "+79160000002", Text: "чьё-то", ProviderID: "SM2"}, now)
		must(t, err)
		in := store.Message{ID: st.NewID(), DealerID: d.ID, ContactID: who, ConversationID: conv.ID, Channel: channels.Telegram, Address: "9160777", Text: "2, секретные слова", ProviderID: "9160777:12"}
		_, err = tx.Receive(ctx, in, now)
		must(t, err)
		in.Reading = `{"comment":"секретные слова"}`
		must(t, tx.SetReading(ctx, in))
		two := 2
		must(t, tx.SaveAnswer(ctx, store.Answer{ConversationID: conv.ID, Question: "satisfaction", Rating: &two, Answer: "no", Choice: "wait", Comment: "секретные слова", Channel: channels.Telegram, MessageID: in.ID}, now))
		must(t, tx.SaveAnswer(ctx, store.Answer{ConversationID: conv.ID, Question: "why", Answer: "секретные слова", Channel: channels.Telegram}, now))
		task, err := tx.OpenTask(ctx, store.Task{DealerID: d.ID, Kind: store.TaskCallback, ContactID: who, VisitID: saved[0].VisitID, ConversationID: conv.ID, MessageID: in.ID, OwnerID: e.ID, Reason: "low_score",
			Words: "секретные слова", Note: "Тайнов просил", DueAt: now.Add(time.Hour), Clocks: []store.Clock{{Kind: "solution", DueAt: now.Add(time.Hour)}}}, now)
		must(t, err)
		must(t, tx.AddStep(ctx, store.Step{TaskID: task.ID, Kind: "reached", EmployeeID: e.ID, Text: "Аркадий ждёт"}, now))
		must(t, tx.AddRemark(ctx, store.Remark{DealerID: d.ID, Kind: store.RemarkComplaint, ContactID: who, VisitID: saved[0].VisitID, ConversationID: conv.ID, Text: "секретные слова", Topics: []string{"wait"}}, now))
		must(t, tx.AddConsent(ctx, store.Consent{ContactID: who, DealerID: d.ID, Purpose: "ad", Channel: channels.SMS, At: now, How: "message", MessageID: in.ID}))
		for _, x := range []store.Suppression{{Channel: channels.SMS, Address: "+79160000001", Purpose: store.AllPurposes, Reason: store.OptedOut, At: now, MessageID: in.ID},
			{Channel: channels.Email, Address: "secret@example.org", Purpose: store.AllPurposes, Reason: "dead", At: now, Until: now.AddDate(0, 6, 0)},
			{Channel: channels.SMS, Address: "+79160000002", Purpose: "ad", Reason: store.OptedOut, At: now}} {
			must(t, tx.Suppress(ctx, x))
		}
		must(t, tx.Queue(ctx, []store.Message{{DealerID: d.ID, ContactID: who, ConversationID: conv.ID, TaskID: task.ID, Channel: channels.SMS, Address: "+79160000001", Purpose: outreach.Answer, Text: "Аркадий Маркович, позвоним."}}, now))
		must(t, tx.Audit(ctx, d.ID, e.ID, "contact.viewed", "contact", who, "Тайнов", now))
		return tx.Audit(ctx, d.ID, e.ID, "task.noted", "task", task.ID, "Тайнов", now)
	})
	return d, who, other
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func inTx(t testing.TB, st *store.Store, fn func(tx *store.Tx) error) {
	t.Helper()
	must(t, st.Tx(t.Context(), store.RankPerson, fn))
}

// raw opens the database beside the store, to see what stands there.
func raw(t testing.TB, engine, url string) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", url
	if engine == "sqlite" {
		driver, dsn = "sqlite", strings.TrimPrefix(url, "sqlite:")
	}
	db, err := sql.Open(driver, dsn)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// each is storetest.Each with a look behind the store.
func each(t *testing.T, run func(t *testing.T, st *store.Store, db *sql.DB, url string)) {
	t.Helper()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			url := storetest.FreshURL(t, engine)
			st := storetest.OpenURL(t, url)
			run(t, st, raw(t, engine, url), url)
		})
	}
}

func tables(t testing.TB, st *store.Store, db *sql.DB) []string {
	t.Helper()
	q := "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' and name not like 'goose_%' order by name"
	if st.Engine() == "postgres" {
		q = "select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not like 'goose_%' order by table_name"
	}
	return strs(t, db, q)
}

func strs(t testing.TB, db *sql.DB, q string, args ...any) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), q, args...)
	must(t, err)
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var s string
		must(t, rows.Scan(&s))
		out = append(out, s)
	}
	must(t, rows.Err())
	return out
}

// dump gives every row of the database as one text a table.
func dump(t testing.TB, st *store.Store, db *sql.DB) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, table := range tables(t, st, db) {
		out[table] = dumpTable(t, db, table)
	}
	return out
}

func dumpTable(t testing.TB, db *sql.DB, table string) (out []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "select * from "+table)
	must(t, err)
	defer func() { _ = rows.Close() }()
	cols, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		vals := make([]any, len(cols))
		for i := range vals {
			vals[i] = new(any)
		}
		must(t, rows.Scan(vals...))
		var b strings.Builder
		for i, v := range vals {
			fmt.Fprintf(&b, "%s=%v ", cols[i], *v.(*any))
		}
		out = append(out, b.String())
	}
	must(t, rows.Err())
	return out
}

// impersonal are the tables that hold nothing about one contact; a group in begun that
// does is unfolded first (TestGroupExported, TestGroupErased).
var impersonal = []string{"begun", "setting", "dealer", "sender", "employee", "session", "api_token", "idempotency", "definition", "poll_cursor", "lease", "rate_limit", "pause", "node", "program_setting", "campaign", "date_walk"}

// TestExportContact wants every table of the schema in the export or among the
// impersonal ones, and every secret in the document.
func TestExportContact(t *testing.T) {
	var docs []map[string][]map[string]any
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, _ string) {
		_, who, other := populate(t, st)
		b, err := st.ExportContact(t.Context(), strings.ToUpper(who))
		must(t, err)
		if !bytes.HasPrefix(b, []byte("{\n  \"")) {
			t.Errorf("not indented: %.40s", b)
		}
		var doc map[string][]map[string]any
		must(t, json.Unmarshal(b, &doc))
		for _, table := range tables(t, st, db) {
			if _, ok := doc[table]; ok == slices.Contains(impersonal, table) {
				t.Errorf("table %s: in the export %v", table, ok)
			} else if ok && len(doc[table]) == 0 {
				t.Errorf("nothing of %s was exported", table)
			}
		}
		for _, s := range secrets {
			if s != "тайный токен" && !bytes.Contains(b, []byte(s)) {
				t.Errorf("%s is not in the export", s)
			}
		}
		for _, s := range []string{other, "Другая", "чьё-то", "тайный токен", "claim_token"} {
			if bytes.Contains(b, []byte(s)) {
				t.Errorf("%s does not belong in the export", s)
			}
		}
		var content []byte
		for _, part := range doc["attachment_part"] {
			b, err := base64.StdEncoding.DecodeString(part["content"].(string))
			must(t, err)
			content = append(content, b...)
		}
		if len(doc["attachment"]) != 1 || string(content) != "секретные слова, и ещё много" {
			t.Errorf("attachments = %v, %q", doc["attachment"], content)
		}
		visit := doc["visit"][0]
		if visit["completed_at"] != "2026-11-21T08:00:00Z" || visit["repeat_repair"] != false || visit["total_minor"] != 786000.0 || visit["closed_at"] == nil {
			t.Errorf("visit = %v", visit)
		}
		if works, ok := visit["works"].([]any); !ok || works[0] != "ТО-4" {
			t.Errorf("works = %v", visit["works"])
		}
		docs = append(docs, doc)
		for _, bad := range []string{"", "x", st.NewID()} {
			if _, err := st.ExportContact(t.Context(), bad); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("export of %q: %v", bad, err)
			}
		}
	})
	if len(docs) != 2 {
		return
	}
	for table, rows := range docs[0] {
		if len(rows) != len(docs[1][table]) {
			t.Errorf("%s: %d rows from SQLite, %d from PostgreSQL", table, len(rows), len(docs[1][table]))
		}
		for k, v := range rows[0] {
			if w := docs[1][table][0][k]; fmt.Sprintf("%T", v) != fmt.Sprintf("%T", w) {
				t.Errorf("%s.%s: %T from SQLite, %T from PostgreSQL", table, k, v, w)
			}
		}
	}
}

// TestEraseContact looks for the person in every table, and on SQLite in the bytes
// of the file.
func TestEraseContact(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store, db *sql.DB, url string) {
		ctx := t.Context()
		d, who, other := populate(t, st)
		before := dump(t, st, db)
		for _, s := range secrets { // else the search below proves nothing
			if !strings.Contains(fmt.Sprint(before), s) {
				t.Fatalf("%s was never stored", s)
			}
		}
		later := now.Add(time.Hour)
		must(t, st.EraseContact(ctx, who, later))
		for table, rows := range dump(t, st, db) {
			for _, row := range rows {
				for _, s := range secrets {
					if strings.Contains(row, s) {
						t.Errorf("%s remains in %s: %s", s, table, row)
					}
				}
			}
			if lost := len(before[table]) - len(rows); lost > 0 && !slices.Contains([]string{"address", "external_key", "suppression", "event", "attachment", "attachment_part"}, table) {
				t.Errorf("%s lost %d rows: figures stay", table, lost)
			}
		}
		if st.Engine() == "sqlite" {
			files, err := filepath.Glob(strings.TrimPrefix(url, "sqlite:") + "*")
			must(t, err)
			for _, f := range files {
				b, err := os.ReadFile(f)
				must(t, err)
				for _, s := range secrets {
					if bytes.Contains(b, []byte(s)) {
						t.Errorf("%s remains in the bytes of %s", s, filepath.Base(f))
					}
				}
			}
		}
		checkErased(ctx, t, st, d, who, later)
		if c, err := st.Contact(ctx, other); err != nil || c.Name != "Другая Вера" || c.On(channels.SMS) != "+79160000002" {
			t.Errorf("the other person: %+v, %v", c, err)
		}
		must(t, st.EraseContact(ctx, who, later.Add(time.Hour)))
		if c, err := st.Contact(ctx, who); err != nil || !c.ErasedAt.Equal(later) {
			t.Errorf("erased twice: %+v, %v", c, err)
		}
		if err := st.EraseContact(ctx, "nobody", now); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("erasing nobody: %v", err)
		}
	})
}

func checkErased(ctx context.Context, t *testing.T, st *store.Store, d store.Dealer, who string, later time.Time) {
	t.Helper()
	c, err := st.Contact(ctx, who)
	if err != nil || !c.ErasedAt.Equal(later) || !c.Unreachable || len(c.Addresses) != 0 {
		t.Errorf("contact = %+v, %v", c, err)
	}
	// The opt-out holds, the passing reason does not; the shared number is another's.
	xs, err := st.Suppressions(ctx, []string{"+79160000001", "+79160000002", "secret@example.org"}, later)
	must(t, err)
	var got []string
	for _, x := range xs {
		got = append(got, x.Address+" "+x.Purpose+" "+x.Reason)
	}
	slices.Sort(got)
	if want := []string{"+79160000001 all opted_out", "+79160000002 ad opted_out"}; !slices.Equal(got, want) {
		t.Errorf("suppressions = %v", got)
	}
	// Nothing waits to leave, nothing is planned, nothing is open.
	if ms, err := storetest.ClaimMessages(ctx, st, st.NewID(), 9, later, later.Add(time.Hour), time.Minute); err != nil || len(ms) != 0 {
		t.Errorf("still queued: %+v, %v", ms, err)
	}
	if os, err := storetest.ClaimOutreach(ctx, st, st.NewID(), 9, later.Add(time.Hour), later.Add(time.Hour), time.Minute); err != nil || len(os) != 0 {
		t.Errorf("still planned: %+v, %v", os, err)
	}
	if ts, err := st.Tasks(ctx, store.TaskFilter{DealerID: d.ID, Open: true}); err != nil || len(ts) != 0 {
		t.Errorf("still open: %+v, %v", ts, err)
	}
	if _, err := st.ConversationByToken(ctx, "тайный токен"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the link still works: %v", err)
	}
	cs, err := st.ConversationsFor(ctx, who)
	must(t, err)
	as, err := st.Answers(ctx, []string{cs[0].ID})
	must(t, err)
	if a := as[cs[0].ID]; len(a) != 2 || a[0].Rating == nil || *a[0].Rating != 2 || a[0].Answer != "no" || a[0].Choice != "wait" || a[1].Answer != "" {
		t.Errorf("answers = %+v", a)
	}
	// The same export again, and a new visit, both with the old number.
	rs := []store.VisitRecord{storetest.Visit("ЗН-1", "Тайнов Аркадий Маркович", "+79160000001", later), storetest.Visit("ЗН-9", "Тайнов Аркадий Маркович", "+79160000001", later)}
	for i := range rs {
		rs[i].Customer.ExternalID = "K-SECRET"
	}
	saved := storetest.Save(t, st, d, rs...)
	if saved[0].Saved != store.Unchanged || saved[1].Saved != store.Stored || saved[1].ContactID == who {
		t.Errorf("after the erasure: %+v", saved)
	}
	inTx(t, st, func(tx *store.Tx) error {
		stopped, err := tx.Suppressed(ctx, channels.SMS, "+79160000001")
		if err != nil || !stopped {
			t.Errorf("the opt-out must survive: %v, %v", stopped, err)
		}
		if n, err := tx.Unsuppress(ctx, channels.SMS, "+79160000001"); err != nil || n != 1 {
			t.Errorf("START lifted %d, %v", n, err)
		}
		return nil
	})
	// Nor do the other exports bring the person back, and nobody is waited for.
	again := func(save func(tx *store.Tx, c store.ContactRecord) ([]store.SavedRecord, error)) {
		t.Helper()
		inTx(t, st, func(tx *store.Tx) error {
			got, err := save(tx, rs[0].Customer)
			if err != nil || got[0].Saved != store.Unchanged {
				t.Errorf("after the erasure: %+v, %v", got, err)
			}
			return nil
		})
	}
	again(func(tx *store.Tx, c store.ContactRecord) ([]store.SavedRecord, error) {
		return tx.SaveDeliveries(ctx, d, []store.DeliveryRecord{{Number: "ДКП-1", HandedOverAt: later, Customer: c, Car: store.CarRecord{VIN: "XTASECRETVIN", DeliveredOn: "2026-11-22"}}}, later)
	})
	again(func(tx *store.Tx, c store.ContactRecord) ([]store.SavedRecord, error) {
		return tx.SaveAppointments(ctx, d, []store.AppointmentRecord{{Number: "ЗП-1", StartsAt: later.Add(48 * time.Hour), Customer: c}}, later)
	})
	again(func(tx *store.Tx, c store.ContactRecord) ([]store.SavedRecord, error) {
		return tx.SaveProspects(ctx, d, []store.ProspectRecord{{Number: "Л-1", ContactedAt: later, Customer: c}}, later)
	})
	if n, err := st.MarkMissed(ctx, now.Add(24*time.Hour)); err != nil || n != 0 {
		t.Errorf("an erased person is missed: %d, %v", n, err)
	}
	if found, err := st.SearchContacts(ctx, d.ID, "ЗН-1", 5); err != nil || len(found) != 0 {
		t.Errorf("an erased person is found by his order: %+v, %v", found, err)
	}
}
