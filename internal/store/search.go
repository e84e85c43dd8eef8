package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// SearchContacts finds contacts for the console by any part of the name or of a
// tag in any order of words, by telephone number as people write and remember it, mail
// address, order number, plate or VIN; newest first, at most limit. Without a
// query it lists those who came last. What an index can answer comes first; only
// where that gives less than limit are all names read.
func (s *Store) SearchContacts(ctx context.Context, dealerID, query string, limit int) ([]Contact, error) {
	q := strings.TrimSpace(query)
	if q == "" {
		ids, err := s.search(ctx, "select contact_id from visit where dealer_id = $1 order by completed_at desc, id desc limit $2", key(dealerID), limit)
		if err != nil {
			return nil, err
		}
		return s.found(ctx, ids)
	}
	tight := strings.ReplaceAll(q, " ", "")
	phone := dialled(q)
	ids, err := s.search(ctx, `select contact_id from address where value in ($1, $2)
		union select contact_id from visit where order_no = $3
		union select contact_id from vehicle where plate = $4 and plate <> ''
		union select contact_id from vehicle where vin = $4 and vin <> '' order by 1 desc limit $5`,
		strings.ToLower(tight), "+"+phone, q, strings.ToUpper(tight), limit)
	if err != nil {
		return nil, err
	}
	// An order, plate, address or number in full was meant, not a name or a part.
	known := len(ids) > 0 && (phone == "" || strings.HasPrefix(q, "+"))
	named, err := s.search(ctx, `select id from (select id from contact where name_folded >= $1 and name_folded < $2 order by name_folded limit $3) as named order by id desc`,
		Fold(q), Fold(q)+"\U0010FFFF", limit)
	if err != nil {
		return nil, err
	}
	ids = append(ids, named...)
	if len(ids) < limit && !known {
		more, err := s.scan(ctx, q, phone, limit)
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	}
	out, err := s.found(ctx, ids)
	return out[:min(len(out), limit)], err
}

// scan reads all names, or all numbers, for a part of them.
func (s *Store) scan(ctx context.Context, query, phone string, limit int) ([]string, error) {
	if len(phone) >= 4 {
		return s.search(ctx, "select contact_id from address where channel = 'sms' and value like $1 order by contact_id desc limit $2", "%"+national(phone), limit)
	}
	words := strings.Fields(Fold(query))
	if len(words) > 5 || len([]rune(strings.Join(words, ""))) < 2 {
		return nil, nil
	}
	var conds []string
	var args []any
	escape := strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)
	for i, w := range words {
		conds = append(conds, fmt.Sprintf(`(name_folded like $%d escape '\' or tags like $%d escape '\')`, i+1, i+1))
		args = append(args, "%"+escape.Replace(w)+"%")
	}
	return s.search(ctx, fmt.Sprintf("select id from contact where %s limit $%d", strings.Join(conds, " and "), len(args)+1), append(args, limit)...)
}

func (s *Store) search(ctx context.Context, query string, args ...any) ([]string, error) {
	ids, err := collect(ctx, s.read, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }, query, args...)
	if err != nil {
		return nil, fmt.Errorf("searching contacts: %w", err)
	}
	return ids, nil
}

// found reads contacts in the order of ids, each once, without the erased.
func (s *Store) found(ctx context.Context, ids []string) ([]Contact, error) {
	m, err := s.Contacts(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Contact, 0, len(m))
	for _, id := range ids {
		if c, ok := m[id]; ok && c.ErasedAt.IsZero() {
			out = append(out, c)
			delete(m, id)
		}
	}
	return out, nil
}

// dialled gives the digits of a query that can be a telephone number, else "".
func dialled(q string) string {
	digits := make([]byte, 0, len(q))
	for i := range len(q) {
		switch c := q[i]; {
		case c >= '0' && c <= '9':
			digits = append(digits, c)
		case !strings.ContainsRune("+-(). /", rune(c)):
			return ""
		}
	}
	return string(digits)
}

// national drops the prefix that is dialled inside a country (8 in Russia and
// Kazakhstan, 0 nearly everywhere else) and does not stand in E.164.
func national(digits string) string {
	if len(digits) == 11 && digits[0] == '8' {
		return digits[1:]
	}
	return strings.TrimLeft(digits, "0")
}
