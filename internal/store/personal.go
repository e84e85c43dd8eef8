package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// personal says which rows of each table are about one contact, $1. Everything
// that can be exported and erased per contact (invariant 11) hangs on this list; a
// test fails while a table of the schema is neither in it nor named as impersonal.
var personal = []struct{ table, rows string }{
	{"contact", "id = $1"},
	{"address", "contact_id = $1"},
	{"external_key", "object_id = $1 or object_id in (select id from vehicle where contact_id = $1) or object_id in (select id from visit where contact_id = $1)"},
	{"consent", "contact_id = $1"},
	{"suppression", "(channel, address) in (select channel, value from address where contact_id = $1)"},
	{"vehicle", "contact_id = $1"},
	{"visit", "contact_id = $1"},
	{"appointment", "contact_id = $1"},
	{"prospect", "contact_id = $1"},
	{"event", "contact_id = $1"},
	{"outreach", "contact_id = $1"},
	{"decision", "contact_id = $1"},
	{"conversation", "contact_id = $1"},
	{"answer", "conversation_id in " + theirConversations},
	{"message", theirs},
	{"attempt", "message_id in " + theirMessages},
	{"attachment", "message_id in " + theirMessages},
	{"attachment_part", "attachment_id in " + theirAttachments},
	{"task", "id in " + theirTasks},
	{"task_clock", "task_id in " + theirTasks},
	{"task_step", "task_id in " + theirTasks},
	{"remark", "contact_id = $1 or conversation_id in " + theirConversations},
	{"audit", "object_id in (select cast(id as text) from contact where id = $1) or object_id in (select cast(id as text) from task where id in " + theirTasks + ") or object_id in (select cast(id as text) from message where " + theirs + ")"},
}

const (
	theirConversations = "(select id from conversation where contact_id = $1)"
	// What came from an address before anybody knew whose it is counts too, unless
	// another person has the address as well.
	theirs = `(contact_id = $1 or contact_id is null and direction = 'in' and (channel, address) in ` + theirAddresses + `)`

	theirAddresses = `(select a.channel, a.value from address a where a.contact_id = $1
		and not exists (select 1 from address o where o.value = a.value and o.channel = a.channel and o.contact_id <> $1))`

	theirMessages    = "(select id from message where " + theirs + ")"
	theirAttachments = "(select id from attachment where message_id in " + theirMessages + ")"
	theirTasks       = "(select id from task where contact_id = $1 or conversation_id in " + theirConversations + " or message_id in " + theirMessages + ")"
)

// Columns that an export leaves out: they open doors or belong to the machinery.
var withheld = []string{"token", "claim_token", "claim_until", "content_hash", "name_folded"}

// Columns that hold JSON of our own.
var documents = []string{"works", "inputs", "position", "reading", "buttons", "options"}

// ExportContact gives every row that is about a person as one indented JSON
// document: table → rows → columns under their own names, moments as RFC 3339 in
// UTC, contents in base64, null where nothing is known. ErrNotFound when there is no such contact.
func (s *Store) ExportContact(ctx context.Context, id string) ([]byte, error) {
	c, err := s.Contact(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("exporting a contact: %w", err)
	}
	if err := s.Tx(ctx, RankPerson, func(tx *Tx) error { _, err := tx.unfoldListed(ctx, "people", c.ID); return err }); err != nil {
		return nil, fmt.Errorf("exporting a contact: %w", err)
	}
	out := make(map[string][]map[string]any, len(personal))
	for _, p := range personal {
		rows, err := s.export(ctx, p.table, p.rows, id)
		if err != nil {
			return nil, fmt.Errorf("exporting %s: %w", p.table, err)
		}
		out[p.table] = rows
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		return nil, fmt.Errorf("exporting a contact: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

func (s *Store) export(ctx context.Context, table, where, id string) ([]map[string]any, error) {
	// All columns, so that one added later is never forgotten here.
	rows, err := s.read.QueryContext(ctx, "select * from "+table+" where "+where+" order by 1", key(id))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	out := []map[string]any{}
	for rows.Next() {
		row, err := exported(rows, types)
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, rows.Err()
}

func exported(rows *sql.Rows, types []*sql.ColumnType) (map[string]any, error) {
	vals := make([]any, len(types))
	for i := range vals {
		vals[i] = new(any)
	}
	if err := rows.Scan(vals...); err != nil {
		return nil, err
	}
	row := make(map[string]any, len(types))
	for i, t := range types {
		name, v := t.Name(), *vals[i].(*any)
		if slices.Contains(withheld, name) {
			continue
		}
		n, number := v.(int64)
		text, isText := v.(string)
		switch {
		case number && (name == "at" || name == "until" || strings.HasSuffix(name, "_at")):
			v = time.UnixMicro(n).UTC().Format(time.RFC3339Nano)
		case number && strings.HasPrefix(strings.ToLower(t.DatabaseTypeName()), "bool"):
			v = n != 0
		case isText && slices.Contains(documents, name) && json.Valid([]byte(text)):
			v = json.RawMessage(text)
		}
		row[name] = v
	}
	return row, nil
}
