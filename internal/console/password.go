package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Costs of argon2id: 19 MiB, two passes, one lane (OWASP's first choice).
const (
	hashMemory = 19 * 1024 // KiB
	hashTime   = 2
	hashLanes  = 1
	saltBytes  = 16
	hashBytes  = 32
	// hashesAtOnce bounds what a burst of logins can take of memory.
	hashesAtOnce = 2
)

// shortestPassword is how many characters a password has at least.
const shortestPassword = 8

// ErrShortPassword refuses a password that is too short to be one.
var ErrShortPassword = fmt.Errorf("a password has at least %d characters", shortestPassword)

var errNoHash = errors.New("not an argon2id hash")

// HashPassword gives what the database keeps of a password: argon2id in PHC
// string form, with its own salt and costs.
func HashPassword(password string) (string, error) {
	if len([]rune(password)) < shortestPassword {
		return "", ErrShortPassword
	}
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails (crypto/rand)
	return phc(salt, argon2.IDKey([]byte(password), salt, hashTime, hashMemory, hashLanes, hashBytes)), nil
}

func phc(salt, sum []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashTime, hashLanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
}

// CheckPassword tells whether a password is the one that a hash was made of. A
// hash that is none gives false.
func CheckPassword(hash, password string) bool {
	h, err := parseHash(hash)
	if err != nil {
		return false
	}
	sum := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.lanes, uint32(len(h.sum))) //nolint:gosec // parseHash bounds it
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

type parsedHash struct {
	memory, time uint32
	lanes        uint8
	salt, sum    []byte
}

func parseHash(s string) (h parsedHash, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, errNoHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.lanes); err != nil {
		return h, errNoHash
	}
	// What stands in the database is ours; the bounds keep a damaged row from
	// taking all memory.
	if h.memory > 1<<20 || h.time == 0 || h.time > 16 || h.lanes == 0 {
		return h, errNoHash
	}
	if h.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return h, errNoHash
	}
	if h.sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(h.sum) < 16 || len(h.sum) > 64 {
		return h, errNoHash
	}
	return h, nil
}

// checker compares passwords, few at a time, with the same work whether the login
// exists or not.
type checker struct {
	slots chan struct{}
	// nobody costs what a hash costs and is made of no password; what comes of
	// comparing with it is thrown away.
	nobody string
}

func newChecker() *checker {
	return &checker{slots: make(chan struct{}, hashesAtOnce), nobody: phc(make([]byte, saltBytes), make([]byte, hashBytes))}
}

// check waits for a slot; hash is "" for a login that does not exist.
func (c *checker) check(ctx context.Context, hash, password string) (bool, error) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-c.slots }()
	if hash == "" {
		CheckPassword(c.nobody, password)
		return false, nil
	}
	return CheckPassword(hash, password), nil
}
