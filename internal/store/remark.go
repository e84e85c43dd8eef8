package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// Kinds of remark.
const (
	RemarkComplaint  = "complaint"
	RemarkSuggestion = "suggestion"
	RemarkPraise     = "praise"
	RemarkRecommend  = "recommendation" // would recommend the dealer, or not
)

// Remark is a wish, complaint or good word, kept in the customer's own words.
type Remark struct {
	ID, DealerID, Kind, Department                            string
	ContactID, VisitID, ConversationID, MessageID, EmployeeID string
	Text                                                      string
	Topics                                                    []string
	At                                                        time.Time
	// Recommendation is what the engineer or master advised (R026, R027).
	Recommendation, PassedTo string
	PassedAt                 time.Time
	// Names for lists.
	Employee, Order, ContactName string
}

// AddRemark keeps a remark. The department is the visit's when none is given.
func (t *Tx) AddRemark(ctx context.Context, x Remark, now time.Time) error {
	if x.Department == "" && x.VisitID != "" {
		d, err := one(ctx, t, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) }, "select department from visit where id = $1", x.VisitID)
		if err != nil {
			return fmt.Errorf("adding a remark: %w", err)
		}
		x.Department = d
	}
	_, err := insert(ctx, t, "remark", remarkInsert, [][]any{remarkRow(x, t.NewID(), now)}, "")
	if err != nil {
		return fmt.Errorf("adding a remark: %w", err)
	}
	return nil
}

var remarkInsert = []string{"id", "dealer_id", "kind", "department", "contact_id", "visit_id", "conversation_id", "message_id", "employee_id", "text", "topics", "at"}

func remarkRow(x Remark, id string, now time.Time) []any {
	return []any{id, x.DealerID, x.Kind, x.Department, opt(x.ContactID), opt(x.VisitID), opt(x.ConversationID), opt(x.MessageID), opt(x.EmployeeID), x.Text, strings.Join(x.Topics, ","), at(now)}
}

const remarkSelect = `select r.id, r.dealer_id, r.kind, r.department, r.contact_id, r.visit_id, r.conversation_id, r.message_id, r.employee_id, r.text, r.topics, r.at,
	r.recommendation, r.passed_to, r.passed_at, e.name, v.order_no, c.name from remark r left join employee e on e.id = r.employee_id left join visit v on v.id = r.visit_id left join contact c on c.id = r.contact_id`

func scanRemark(r *sql.Rows) (x Remark, err error) {
	var contact, visit, conv, msg, emp, name, order, cname text
	var topics string
	var when, passed moment
	err = r.Scan(&x.ID, &x.DealerID, &x.Kind, &x.Department, &contact, &visit, &conv, &msg, &emp, &x.Text, &topics, &when, &x.Recommendation, &x.PassedTo, &passed, &name, &order, &cname)
	x.ContactID, x.VisitID, x.ConversationID, x.MessageID, x.EmployeeID = string(contact), string(visit), string(conv), string(msg), string(emp)
	x.Employee, x.Order, x.ContactName = string(name), string(order), string(cname)
	x.At, x.PassedAt = when.Time, passed.Time
	if topics != "" {
		x.Topics = strings.Split(topics, ",")
	}
	return x, err
}

// Remarks lists a dealer's remarks, newest first; department "" for all.
func (s *Store) Remarks(ctx context.Context, dealerID, department string, limit int) ([]Remark, error) {
	where, args := " where r.dealer_id = $1", []any{key(dealerID), limit}
	if department != "" {
		where, args = where+" and r.department = $3", append(args, department)
	}
	return collect(ctx, s.read, scanRemark, remarkSelect+where+" order by r.at desc, r.id desc limit $2", args...)
}

// RemarksOf lists what a contact said, newest first.
func (s *Store) RemarksOf(ctx context.Context, contactID string) ([]Remark, error) {
	return collect(ctx, s.read, scanRemark, remarkSelect+" where r.contact_id = $1 order by r.at desc, r.id desc limit 100", key(contactID))
}

// Departments lists the departments that visits of a dealer name.
func (s *Store) Departments(ctx context.Context, dealerID string) ([]string, error) {
	return collect(ctx, s.read, func(r *sql.Rows) (v string, err error) { return v, r.Scan(&v) },
		"select distinct department from remark where dealer_id = $1 and department <> '' order by department", key(dealerID))
}

// PassRemark notes that a remark was passed on with a recommendation.
func (t *Tx) PassRemark(ctx context.Context, id, dealerID, recommendation, passedTo, employeeID string, now time.Time) error {
	r, err := t.ExecContext(ctx, "update remark set recommendation = $3, passed_to = $4, passed_by = $5, passed_at = $6 where id = $1 and dealer_id = $2",
		key(id), key(dealerID), recommendation, passedTo, opt(employeeID), at(now))
	if err != nil {
		return fmt.Errorf("passing a remark on: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return ErrNotFound
	}
	return nil
}
