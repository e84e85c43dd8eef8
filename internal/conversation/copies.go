// Package conversation keeps a fast copy of where a person stands in a survey.
//
// It owns versioned copies of conversation rows, found by dealer, channel and
// address, and short locks per contact, in the process (Memory) or in Redis
// (Redis). The row in SQL is the truth: a copy is written after its transaction
// has committed, finds the open conversation quickly, and is compared by version
// with the row before anything is decided. A missing, stale or lost copy costs a
// reload and nothing else, so every error here may be answered by going to SQL.
// The inbox calls it; it never reads or writes the database.
package conversation

import (
	"context"
	"errors"
	"time"
)

// ErrUnavailable says that the copies could not be asked, or that it is not known
// whether they took what was written.
var ErrUnavailable = errors.New("conversation copies are unavailable")

// Key is the way by which a person writes to a dealer. Address has the form of
// channels.Message.To.
type Key struct{ DealerID, Channel, Address string }

// Position is where a contact stands in a conversation: Question of Survey is
// open since At (business time, kept to the microsecond). Version grows with
// each change of the conversation's row.
type Position struct {
	ConversationID string    `json:"conversation"`
	ContactID      string    `json:"contact"`
	OutreachID     string    `json:"outreach,omitempty"`
	Version        int64     `json:"version"`
	Survey         string    `json:"survey"`
	Question       string    `json:"question"`
	At             time.Time `json:"at"`
}

// Copies are the copies of all nodes that share them. Errors are ErrUnavailable
// with a cause. Safe for concurrent use.
type Copies interface {
	// Get returns the copy under key; false when there is none.
	Get(ctx context.Context, key Key) (Position, bool, error)
	// Put keeps p unless the copy under key is newer: of a higher version of the
	// same conversation, or of another conversation with a later At. It is no
	// error when p is not kept.
	Put(ctx context.Context, key Key, p Position) error
	// Drop removes the copy under key when its version is at most version, and
	// keeps such versions of its conversation from coming back by a late Put.
	Drop(ctx context.Context, key Key, version int64) error
	// Lock takes the contact for at most ttl (machine time) without waiting; ok is
	// false while someone else holds it. unlock is never nil, may be called more
	// than once, and leaves alone a lock that has passed to another holder. The
	// lock spares nodes from working on one contact at once; correctness is the
	// row version's.
	Lock(ctx context.Context, contactID string, ttl time.Duration) (unlock func(), ok bool, err error)
}

// entry is what is known under a key: a copy, or with dropped set only that
// versions up to Position.Version of Position.ConversationID are gone.
type entry struct {
	Position
	dropped bool
}

// yields tells whether p may take the place of e. put.lua states the same rule.
func (e entry) yields(p Position) bool {
	switch {
	case e.ConversationID != p.ConversationID:
		return e.dropped || !e.At.After(p.At)
	case e.dropped:
		return p.Version > e.Version
	default:
		return p.Version >= e.Version
	}
}

// exact reduces p to what every implementation can keep.
func (p Position) exact() Position {
	p.At = time.UnixMicro(p.At.UnixMicro()).UTC()
	return p
}
