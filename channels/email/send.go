package email

import (
	"context"
	"sync"

	"otklik/channels"
)

// Send makes one attempt over a pooled connection. The receipt's ProviderID is
// the Message-ID without angle brackets, the same at every attempt.
func (c *Channel) Send(ctx context.Context, m channels.Message) (channels.Receipt, error) {
	var (
		receipt channels.Receipt
		result  error
	)
	b := &batch{channel: c, messages: []channels.Message{m}, alive: 1, done: func(_ int, r channels.Receipt, err error) {
		receipt, result = r, err
	}}
	b.work(ctx)
	return receipt, result
}

// SendBatch sends over all connections but one. A failure to connect ends only
// the worker that met it while another is still sending, so that a server's
// limit on connections costs no message.
func (c *Channel) SendBatch(ctx context.Context, ms []channels.Message, done func(i int, r channels.Receipt, err error)) {
	workers := min(max(1, cap(c.pool.slots)-1), len(ms))
	b := &batch{channel: c, messages: ms, alive: workers, done: done}
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() { b.work(ctx) })
	}
	wg.Wait()
}

// batch deals messages to workers.
type batch struct {
	channel  *Channel
	messages []channels.Message
	done     func(i int, r channels.Receipt, err error)

	mu    sync.Mutex
	taken int
	back  []*job
	alive int
}

// next is the next letter to send, nil when there is none: then the caller must
// not ask again.
func (b *batch) next() *job {
	for {
		b.mu.Lock()
		if n := len(b.back); n > 0 {
			j := b.back[n-1]
			b.back = b.back[:n-1]
			b.mu.Unlock()
			return j
		}
		i := b.taken
		if i >= len(b.messages) {
			b.mu.Unlock()
			return nil
		}
		b.taken++
		b.mu.Unlock()
		m := &b.messages[i]
		// Asked here too, what is over costs no connection.
		if err := m.Checked(); err != nil {
			b.done(i, channels.Receipt{}, broken(stageConnect, err))
			continue
		}
		l, err := b.channel.compose(m, b.channel.now())
		if err != nil {
			b.done(i, channels.Receipt{}, err)
			continue
		}
		return &job{letter: l, index: i}
	}
}

// handOver gives a job to another worker; it fails when this is the last one.
func (b *batch) handOver(j *job) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alive <= 1 {
		return false
	}
	b.alive--
	b.back = append(b.back, j)
	return true
}

// leave ends a worker; it fails when a job has come back meanwhile.
func (b *batch) leave() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.back) > 0 {
		return false
	}
	b.alive--
	return true
}

func (b *batch) finish(j *job, err error) {
	if err != nil {
		b.done(j.index, channels.Receipt{}, b.channel.smtp.scrubbed(channels.AsError(err)))
		return
	}
	b.done(j.index, channels.Receipt{ProviderID: j.providerID}, nil)
}

func (b *batch) work(ctx context.Context) {
	for {
		j := b.next()
		if j == nil {
			if b.leave() {
				return
			}
			continue
		}
		for j != nil {
			// A job that an old session has lost goes over a new one: the other
			// idle ones are as old.
			s, err := b.channel.pool.get(ctx, j.moved)
			if err != nil {
				if b.handOver(j) {
					return
				}
				// The others are done; one of them may have left its session.
				if s = b.channel.pool.reuse(); s == nil {
					b.failRest(j, err)
					break
				}
			}
			j = s.run(ctx, j, b.next, b.finish)
			b.channel.pool.put(s)
		}
	}
}

// failRest ends the batch when nobody can connect.
func (b *batch) failRest(j *job, err error) {
	for ; j != nil; j = b.next() {
		b.finish(j, err)
	}
}

var _ channels.BatchSender = (*Channel)(nil)
