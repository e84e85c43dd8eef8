package sandbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"otklik/channels"
)

// record is one line of the journal: what happened at once. Replaying the lines
// gives the same threads, the same marks, the same mailbox and the same
// unconfirmed updates.
type record struct {
	// Born heads a journal: seconds since 1970.
	Born       uint32    `json:"born,omitempty"`
	Item       *Item     `json:"item,omitempty"`
	Machine    time.Time `json:"machine,omitzero"`
	Lost       int       `json:"lost,omitempty"`
	Service    string    `json:"service,omitempty"`
	Status     string    `json:"-"`
	References string    `json:"references,omitempty"`
	// Mail is the raw mail that lies in our mailbox.
	Mail []byte `json:"mail,omitempty"`
	Edit *edit  `json:"edit,omitempty"`
	// Mark comes with the item that caused it, Also with a second one.
	Mark    *mark    `json:"mark,omitempty"`
	Also    *Item    `json:"also,omitempty"`
	Updates []update `json:"updates,omitempty"`
	// Confirmed is the first update that the bot has not confirmed yet.
	Confirmed int64 `json:"confirmed,omitempty"`
}

// edit replaces what a bot's message shows. Text is nil when only the buttons
// change.
type edit struct {
	ID      string              `json:"id"`
	Text    *string             `json:"text,omitempty"`
	Buttons [][]channels.Button `json:"buttons,omitempty"`
}

// update waits for the bot.
type update struct {
	ID   int64           `json:"id"`
	Body json.RawMessage `json:"body"`
}

// markKind is something lasting that holds for an address.
type markKind string

const (
	markStopped markKind = "stopped" // STOP sent to the number in Peer
	markRefused markKind = "refused" // unreachable, with a code
	markChat    markKind = "chat"    // the person opened the bot, with his name
	markBlocked markKind = "blocked" // the person blocks the bot
)

type markKey struct {
	kind    markKind
	channel channels.Kind
	address string
	peer    string
}

// mark sets a value for an address; an empty one takes the mark away.
type mark struct {
	Kind    markKind      `json:"kind"`
	Channel channels.Kind `json:"channel"`
	Address string        `json:"address"`
	Peer    string        `json:"peer,omitempty"`
	Value   string        `json:"value,omitempty"`
}

// journal appends lines to a file, or to nothing. A line is with the operating
// system before its effect is seen, so it survives the process, not a power cut.
type journal struct {
	file   *os.File
	closed bool
}

func (j *journal) append(r record) error {
	if j.closed {
		return errClosed
	}
	if j.file == nil {
		return nil
	}
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding a journal line: %w", err)
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	return nil
}

func (j *journal) close() error {
	if j.closed {
		return nil
	}
	j.closed = true
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}

// Open reads the journal, making it where there is none, and keeps it open for
// writing; an empty name keeps everything in memory. A last line that a kill cut
// short is dropped; any other damage is an error that names the line.
func Open(name string) (*Phones, error) {
	p := &Phones{
		threads: map[place][]*entry{},
		byID:    map[place]*entry{},
		marks:   map[markKey]string{},
	}
	if name != "" {
		file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
		if err != nil {
			return nil, fmt.Errorf("opening the journal: %w", err)
		}
		if err := p.replay(file); err != nil {
			return nil, errors.Join(fmt.Errorf("reading journal %s: %w", name, err), file.Close())
		}
		p.journal.file = file
	}
	if p.born == 0 {
		r := record{Born: uint32(time.Now().Unix())}
		if err := p.journal.append(r); err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.apply(r)
	}
	return p, nil
}

func (p *Phones) replay(file *os.File) error {
	in := bufio.NewReader(file)
	var whole int64
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if len(line) > 0 {
				return file.Truncate(whole)
			}
			return nil
		}
		if err != nil {
			return err
		}
		whole += int64(len(line))
		var r record
		if err := json.Unmarshal(bytes.TrimSpace(line), &r); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
		p.apply(r)
	}
}

// apply gives a record its effect. p.mu is held, or p is not shared yet.
func (p *Phones) apply(r record) {
	if r.Born != 0 {
		p.born = r.Born
	}
	if r.Item != nil {
		p.add(&entry{Item: *r.Item, machine: r.Machine, lost: r.Lost, service: r.Service, status: r.Status, references: r.References})
	}
	if r.Also != nil {
		p.add(&entry{Item: *r.Also, machine: r.Machine})
	}
	if r.Mail != nil {
		p.mails = append(p.mails, r.Mail)
	}
	if r.Edit != nil {
		p.edit(*r.Edit)
	}
	if r.Mark != nil {
		key := markKey{r.Mark.Kind, r.Mark.Channel, r.Mark.Address, r.Mark.Peer}
		if r.Mark.Value == "" {
			delete(p.marks, key)
		} else {
			p.marks[key] = r.Mark.Value
		}
	}
	for _, u := range r.Updates {
		p.updates = append(p.updates, u)
		p.lastUpdate = u.ID
	}
	if r.Confirmed != 0 {
		for len(p.updates) > 0 && p.updates[0].ID < r.Confirmed {
			p.updates = p.updates[1:]
		}
	}
}

func (p *Phones) add(e *entry) {
	p.seq = e.Seq
	p.items = append(p.items, e)
	at := place{e.Channel, e.Address}
	p.threads[at] = append(p.threads[at], e)
	p.byID[place{e.Channel, e.ID}] = e
}

func (p *Phones) edit(ed edit) {
	e, ok := p.byID[place{channels.Telegram, ed.ID}]
	if !ok {
		return
	}
	if ed.Text != nil {
		e.Text = *ed.Text
	}
	e.Buttons = ed.Buttons
	e.Edited = true
}
