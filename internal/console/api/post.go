package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"otklik/internal/store"
)

// Repeatable is the header by which a request can be sent again without harm.
// It is exported because huma passes over embedded types that are not.
type Repeatable struct {
	Key string `header:"Idempotency-Key" maxLength:"200" pattern:"^[!-~]*$" patternDescription:"visible ASCII" doc:"Any text of your own, new for each request. The same key with the same body has one effect; with another body it is refused (409)." example:"visit-000123-1"`
}

// Inputs of the POST operations. RawBody is what an idempotency key stands for.
type (
	visitInput struct {
		Repeatable
		Body    Visit
		RawBody []byte
	}
	customerInput struct {
		Repeatable
		Body    CustomerPost
		RawBody []byte
	}
)

// created is the body of a POST's answer.
type created struct {
	ID       string  `json:"id" format:"uuid" doc:"The id it has here." example:"019abf00-0000-7000-8000-000000000001"`
	Warnings []fault `json:"warnings,omitempty" nullable:"false" doc:"Fields that were left out because they cannot be true. The rest is stored." example:"[{\"location\":\"body.handed_over_at\",\"message\":\"lies too far ahead; left out\"}]"`
}

type createdOutput struct {
	Status int
	Body   created
}

func (a *API) postVisit(ctx context.Context, r *request, in *visitInput) (*createdOutput, error) {
	if err := r.forDealer(in.Body.Dealer); err != nil {
		return nil, err
	}
	now := a.Clock.Business()
	x := reader{dealer: r.dealer, now: now}
	record, err := x.visit(in.Body)
	if err != nil {
		return nil, err
	}
	r.warnings = x.warnings
	return a.save(ctx, r, in.Key, fingerprint("visits", in.RawBody), func(tx *store.Tx) (store.SavedRecord, string, error) {
		saved, err := tx.SaveVisits(ctx, r.dealer, []store.VisitRecord{record}, now)
		if err != nil {
			return store.SavedRecord{}, "", err
		}
		return saved[0], saved[0].VisitID, nil
	})
}

func (a *API) postCustomer(ctx context.Context, r *request, in *customerInput) (*createdOutput, error) {
	if err := r.forDealer(in.Body.Dealer); err != nil {
		return nil, err
	}
	now := a.Clock.Business()
	x := reader{dealer: r.dealer, now: now}
	record, car := x.customer("body", in.Body.Customer), x.car(in.Body.Vehicle, time.Time{})
	if err := x.faults.orNil(); err != nil {
		return nil, err
	}
	r.warnings = x.warnings
	return a.save(ctx, r, in.Key, fingerprint("customers", in.RawBody), func(tx *store.Tx) (store.SavedRecord, string, error) {
		saved, err := tx.SaveCustomers(ctx, r.dealer, []store.CustomerRecord{{ContactRecord: record, Car: car}}, now)
		if err != nil {
			return store.SavedRecord{}, "", err
		}
		return saved[0], saved[0].ContactID, nil
	})
}

// fingerprint tells one request from another: operation and content, whatever the
// order of the fields and the blanks between them.
func fingerprint(operation string, body []byte) string {
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err == nil {
		if b, err := json.Marshal(v); err == nil {
			body = b
		}
	}
	h := sha256.New()
	h.Write([]byte(operation + "\n"))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}

// saveTries bounds how often a lost race is run again.
const saveTries = 3

// save runs effect and remembers its answer under the key in one transaction.
//
// Two requests with one key, one order or one customer id meet at a unique key of
// the database. The loser's transaction has done nothing; run again, it reads what
// the winner wrote. Which error tells a lost race differs between the engines and
// is the store's own, so any error is tried again: nothing happened before it.
func (a *API) save(ctx context.Context, r *request, idempotencyKey, hash string, effect func(*store.Tx) (store.SavedRecord, string, error)) (*createdOutput, error) {
	for try := 1; ; try++ {
		out, changed, err := a.saveOnce(ctx, r, idempotencyKey, hash, effect)
		switch {
		case err == nil:
			if changed {
				a.Saved()
			}
			return out, nil
		case errors.Is(err, errKeyReused), errors.Is(err, errOtherOrder), errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrState), ctx.Err() != nil, try == saveTries:
			return nil, err
		}
	}
}

func (a *API) saveOnce(ctx context.Context, r *request, idempotencyKey, hash string, effect func(*store.Tx) (store.SavedRecord, string, error)) (*createdOutput, bool, error) {
	var out *createdOutput
	var changed bool
	// A dealer's system may send thousands at once; replies, operators and sends
	// go before them.
	err := a.Store.Tx(ctx, store.RankBulk, func(tx *store.Tx) error {
		out, changed = &createdOutput{Status: http.StatusOK, Body: created{Warnings: r.warnings}}, false
		if idempotencyKey != "" {
			before, err := tx.Repeat(ctx, r.token.ID, idempotencyKey)
			if err == nil {
				return replay(before, hash, &out.Body)
			}
			if !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		saved, id, err := effect(tx)
		if err != nil {
			return err
		}
		if saved.Saved == store.Foreign {
			return errOtherOrder
		}
		if saved.Saved == store.Stored {
			out.Status = http.StatusCreated
		}
		out.Body.ID, changed = id, saved.Saved != store.Unchanged
		if idempotencyKey == "" {
			return nil
		}
		body, err := json.Marshal(out.Body)
		if err != nil {
			return err
		}
		return tx.Remember(ctx, r.token.ID, idempotencyKey, store.Repeated{BodyHash: hash, Status: out.Status, Response: string(body)}, a.Clock.Business())
	})
	return out, changed, err
}

// replay answers a repeated request with the body it got before. The status is
// 200 (design.md): nothing was created this time.
func replay(before store.Repeated, hash string, to *created) error {
	if before.BodyHash != hash {
		return errKeyReused
	}
	return json.Unmarshal([]byte(before.Response), to)
}
