package email

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"otklik/channels"
)

// session is one open, logged-in SMTP connection. One goroutine uses it at a
// time. go-mail has set it up; the transactions are ours, so that the stage of
// every failure is known exactly and commands can be pipelined (RFC 2920).
type session struct {
	client  *smtp.Client
	conn    net.Conn
	timeout time.Duration

	pipelining, eightBit, utf8, dsn bool

	// carried counts messages accepted or refused on this session.
	carried  int
	lastUsed time.Time
	spoilt   bool
	// renew is when the deadline of the connection has to be set anew.
	renew time.Time
	// writer has the room for what goes out in one write.
	writer writer
}

// Window is how many messages a connection has begun and has no answer to, at
// most: the one whose body is on its way and the one whose envelope rides behind
// it. RFC 2920 3.1 allows no more: DATA ends a group, and the next body has to
// wait for its 354. So a process that is killed leaves at most one message per
// connection that the server may have taken, beside those of a SendBatch that
// no connection had begun.
const Window = 2

// job is one letter on its way.
type job struct {
	*letter
	index int
	// moved: its envelope was lost with an old connection once already.
	moved bool
}

// Errors of the session itself.
var (
	errGone   = errors.New("the server closed the connection")
	errNoUTF8 = errors.New("the address needs SMTPUTF8, which the server does not offer")
)

// run carries first, then what next gives, until next gives nil or the session
// is spoilt. Where the server pipelines, the next envelope rides behind the body
// (one round trip a message). done is called once for each finished job; a job
// that was begun but certainly not taken, because an old connection turned out
// to be dead, is returned to be moved to another session.
func (s *session) run(ctx context.Context, first *job, next func() *job, done func(*job, error)) (left *job) {
	release := bindConn(ctx, s.conn)
	defer func() {
		if !release() {
			s.spoilt = true
		}
		s.lastUsed = time.Now()
	}()
	cur, sent := first, false
	for cur != nil {
		refusal, err := s.envelope(cur, sent)
		if err != nil {
			s.spoilt = true
			return s.movable(ctx, cur, err.at, err.cause, done)
		}
		if refusal != nil {
			if left = s.refusedJob(cur, refusal, done); s.spoilt {
				return left
			}
			if cur, sent = next(), false; cur != nil && !s.reset() {
				s.spoilt = true
				return s.movable(ctx, cur, stageMail, errGone, done)
			}
			continue
		}
		var ahead *job
		if s.pipelining {
			ahead = next()
		}
		s.body(ctx, cur, ahead, done)
		s.carried++
		if s.spoilt {
			if ahead == nil {
				return nil
			}
			return s.movable(ctx, ahead, stageMail, errGone, done)
		}
		if cur, sent = ahead, ahead != nil; cur == nil && !s.pipelining {
			cur = next()
		}
	}
	return nil
}

// movable hands the job back when its session was an old one, which servers
// close when they please; a job that has moved before fails here.
func (s *session) movable(ctx context.Context, j *job, at stage, cause error, done func(*job, error)) *job {
	if ctx.Err() != nil {
		done(j, broken(at, context.Cause(ctx)))
		return nil
	}
	if s.carried > 0 && !j.moved {
		j.moved = true
		return j
	}
	done(j, broken(at, cause))
	return nil
}

// refusedJob reports a refusal. 421 says that the server is closing: on an old
// session the job moves to another one.
func (s *session) refusedJob(j *job, e *refusalError, done func(*job, error)) (left *job) {
	if e.code == 421 {
		s.spoilt = true
		if s.carried > 0 && !j.moved {
			j.moved = true
			return j
		}
	}
	s.carried++
	done(j, e.err)
	return nil
}

// refusalError is a negative reply to an envelope.
type refusalError struct {
	code int
	err  *channels.Error
}

// lost is a session that ended within an envelope.
type lost struct {
	at    stage
	cause error
}

// envelope brings a job to the point where the server waits for its data. sent
// is true when the commands have gone out behind the previous body.
func (s *session) envelope(j *job, sent bool) (*refusalError, *lost) {
	if j.utf8 && !s.utf8 {
		return &refusalError{err: &channels.Error{Class: channels.Rejected, Err: errNoUTF8}}, nil
	}
	if s.pipelining && !sent {
		s.writer.out = s.appendEnvelope(s.writer.out[:0], j)
		if _, err := s.write(s.writer.out); err != nil {
			return nil, &lost{stageMail, err}
		}
	}
	var refusal *refusalError
	for _, at := range [...]stage{stageMail, stageRcpt, stageData} {
		if !s.pipelining {
			s.writer.out = s.appendCommand(s.writer.out[:0], at, j)
			if _, err := s.write(s.writer.out); err != nil {
				return nil, &lost{at, err}
			}
		}
		r, err := s.read(at.expected())
		if err != nil {
			if refusal != nil {
				// The server said why before it hung up.
				s.spoilt = true
				return refusal, nil
			}
			return nil, &lost{at, err}
		}
		agreed := r.ok() && at != stageData || r.code == codeGoOn && at == stageData
		if refusal == nil && !agreed {
			refusal = &refusalError{r.code, refused(at, r)}
			if !s.pipelining || r.code == 421 {
				return refusal, nil
			}
		} else if refusal != nil && r.code == codeGoOn {
			// RFC 2920 3.1: data was asked for although nobody is to get it.
			if err := s.emptyData(); err != nil {
				s.spoilt = true
			}
		}
	}
	return refusal, nil
}

// emptyData ends a DATA that no recipient was accepted for.
func (s *session) emptyData() error {
	if _, err := s.write([]byte(".\r\n")); err != nil {
		return err
	}
	_, err := s.read(codeDone)
	return err
}

// body sends the data of cur and, behind it, the envelope of ahead, then reads
// the verdict on cur.
func (s *session) body(ctx context.Context, cur, ahead *job, done func(*job, error)) {
	s.writer.out = s.writer.out[:0]
	s.writer.mail(cur.letter, s.eightBit)
	dot := len(s.writer.out)
	if ahead != nil && (!ahead.utf8 || s.utf8) {
		s.writer.out = s.appendEnvelope(s.writer.out, ahead)
	}
	if err := cur.message.Checked(); err != nil {
		s.spoilt = true // the server waits for data, and gets none
		done(cur, broken(stageData, err))
		return
	}
	sent, err := s.write(s.writer.out)
	if err != nil {
		s.spoilt = true
		at := stageDot
		if sent < dot {
			at = stageData
		}
		done(cur, broken(at, s.why(ctx, err)))
		return
	}
	r, err := s.read(codeDone)
	if err != nil {
		s.spoilt = true
		done(cur, broken(stageDot, s.why(ctx, err)))
		return
	}
	if r.code == 421 {
		s.spoilt = true
	}
	if !r.ok() {
		done(cur, refused(stageDot, r))
		return
	}
	done(cur, nil)
}

// why prefers the end of ctx to the closed connection that came of it.
func (s *session) why(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// reset clears the server's state after a refusal.
func (s *session) reset() bool {
	if _, err := s.write([]byte("RSET\r\n")); err != nil {
		return false
	}
	r, err := s.read(codeDone)
	return err == nil && r.ok()
}

func (s *session) appendEnvelope(b []byte, j *job) []byte {
	for _, at := range [...]stage{stageMail, stageRcpt, stageData} {
		b = s.appendCommand(b, at, j)
	}
	return b
}

// appendCommand writes the command of a stage. MAIL asks, where the server knows
// how (RFC 3461), for the id to be repeated in a bounce and for the headers only
// to be returned.
func (s *session) appendCommand(b []byte, at stage, j *job) []byte {
	switch at {
	case stageRcpt:
		b = append(append(b, "RCPT TO:"...), j.to...)
		return append(b, '\r', '\n')
	case stageData:
		return append(b, "DATA\r\n"...)
	}
	b = append(append(b, "MAIL FROM:"...), j.from...)
	if s.eightBit {
		b = append(b, " BODY=8BITMIME"...)
	}
	if j.utf8 {
		b = append(b, " SMTPUTF8"...)
	}
	if s.dsn {
		b = appendXtext(append(b, " RET=HDRS ENVID="...), j.id)
	}
	return append(b, '\r', '\n')
}

// appendXtext appends a string in the encoding of RFC 3461 section 4.
func appendXtext(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c > ' ' && c < 0x7f && c != '+' && c != '=' {
			b = append(b, c)
		} else {
			b = append(b, '+', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}
