package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"
)

// Token is a bearer token of the API; only its hash is kept.
type Token struct{ ID, DealerID, Name string }

// HashToken is how a bearer token stands in the database.
func HashToken(secret string) string {
	h := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(h[:])
}

// AddToken keeps a new token.
func (s *Store) AddToken(ctx context.Context, dealerID, name, secret string, now time.Time) error {
	_, err := s.exec(ctx, RankPerson, "insert into api_token (id, dealer_id, name, hash, created_at) values ($1, $2, $3, $4, $5)",
		s.newID(), dealerID, name, HashToken(secret), at(now))
	return err
}

// TokenBySecret finds the token that a caller showed; ErrNotFound when there is
// none or it was revoked.
func (s *Store) TokenBySecret(ctx context.Context, secret string) (Token, error) {
	return one(ctx, s.read, func(r *sql.Rows) (t Token, err error) { return t, r.Scan(&t.ID, &t.DealerID, &t.Name) },
		"select id, dealer_id, name from api_token where hash = $1 and revoked_at is null", HashToken(secret))
}

// Repeated is what an idempotency key was used for before.
type Repeated struct {
	BodyHash string
	Status   int
	Response string
}

// Repeat reads what a key was used for; ErrNotFound when it is new.
func (t *Tx) Repeat(ctx context.Context, tokenID, key string) (Repeated, error) {
	return one(ctx, t, func(r *sql.Rows) (x Repeated, err error) { return x, r.Scan(&x.BodyHash, &x.Status, &x.Response) },
		"select body_hash, status, response from idempotency where token_id = $1 and key = $2", tokenID, key)
}

// Remember keeps the answer to a key in the transaction of what it did.
// ErrConflict when another request with the same key was faster.
func (t *Tx) Remember(ctx context.Context, tokenID, key string, x Repeated, now time.Time) error {
	r, err := t.ExecContext(ctx, `insert into idempotency (token_id, key, body_hash, status, response, created_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (token_id, key) do nothing`, tokenID, key, x.BodyHash, x.Status, x.Response, at(now))
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrConflict)
	}
	return nil
}

// Sessions keeps console sessions for scs.
type Sessions struct {
	s   *Store
	now func() time.Time
}

// Sessions returns the session store; now is machine time.
func (s *Store) Sessions(now func() time.Time) *Sessions { return &Sessions{s, now} }

// FindCtx reads a session that has not expired.
func (x *Sessions) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	b, err := one(ctx, x.s.read, func(r *sql.Rows) (b []byte, err error) { return b, r.Scan(&b) },
		"select data from session where token = $1 and expires_at > $2", token, at(x.now()))
	if errors.Is(err, ErrNotFound) {
		return nil, false, nil
	}
	return b, err == nil, err
}

// CommitCtx writes a session and sweeps the expired ones.
func (x *Sessions) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	return x.s.Tx(ctx, RankPerson, func(tx *Tx) error {
		if _, err := tx.ExecContext(ctx, "delete from session where expires_at < $1", at(x.now())); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `insert into session (token, data, expires_at) values ($1, $2, $3)
			on conflict (token) do update set data = excluded.data, expires_at = excluded.expires_at`, token, b, at(expiry))
		return err
	})
}

// DeleteCtx removes a session.
func (x *Sessions) DeleteCtx(ctx context.Context, token string) error {
	_, err := x.s.exec(ctx, RankPerson, "delete from session where token = $1", token)
	return err
}

// Find implements scs.Store.
func (x *Sessions) Find(token string) ([]byte, bool, error) {
	return x.FindCtx(context.Background(), token)
}

// Commit implements scs.Store.
func (x *Sessions) Commit(token string, b []byte, expiry time.Time) error {
	return x.CommitCtx(context.Background(), token, b, expiry)
}

// Delete implements scs.Store.
func (x *Sessions) Delete(token string) error { return x.DeleteCtx(context.Background(), token) }
