package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"otklik/channels"
	"otklik/channels/email"
	"otklik/internal/dispatch"
	"otklik/internal/inbox"
	"otklik/internal/outlook"
	"otklik/internal/reply"
	"otklik/internal/store"
	"otklik/templates"
)

// Terminal tells whether a person watches w.
func Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// DispatchOnce plans what stands, sends all that is due and stops; left tells what stays
// and why. It is an error when something stays because a provider refuses its sender, or
// because another holds it: a run that ended early leaves it to its lease.
func (a *App) DispatchOnce(ctx context.Context, progress func(dispatch.Summary)) (sum dispatch.Summary, left []string, err error) {
	defer func() { _ = a.Stop(ctx) }()
	a.tellNewer(ctx)
	if err := a.connect(ctx); err != nil {
		return sum, nil, err
	}
	a.build()
	if _, err := a.planner.Run(ctx, a.clock.Business()); err != nil {
		return sum, nil, err
	}
	if sum, err = a.dispatcher.Once(ctx, progress); err != nil {
		return sum, nil, err
	}
	left, refused := a.left(ctx)
	held, err := a.store.Claimed(ctx, a.clock.Business(), a.clock.Machine())
	if err == nil && held.N > 0 {
		err = fmt.Errorf("%d due are held by another node, or by a run that ended early, until %s: what is not sent by then goes with the next run", held.N, held.Until.UTC().Format(time.RFC3339))
	}
	return sum, left, errors.Join(refused, err)
}

// Foresee gives what a run from one moment to another would do, in order of time, in
// memory that does not grow with it; it changes nothing (invariant 13).
func (a *App) Foresee(ctx context.Context, d store.Dealer, from, to time.Time, do func(*outlook.Row) error) error {
	if err := a.makeChannels(); err != nil {
		return err
	}
	a.build()
	return a.outlook.Each(ctx, d.ID, from, to, do)
}

// Proposals writes what the dealer's employees decided about replies that could not be
// read, one JSON object a line in the form of the labelled replies.
func (a *App) Proposals(ctx context.Context, d store.Dealer, w io.Writer) error {
	in := &inbox.Inbox{Store: a.store, Survey: a.survey, Version: a.surveyAt} // the program does not run
	ps, err := in.Proposals(ctx, d.ID)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, p := range ps {
		if err := enc.Encode(p); err != nil {
			return fmt.Errorf("writing proposals: %w", err)
		}
	}
	return nil
}

// DefinitionFiles are the shipped definitions by path.
func DefinitionFiles() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, dir := range []string{"surveys", "programs"} {
		names, err := fs.Glob(templates.FS, dir+"/*.yaml")
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			if out[n], err = templates.FS.ReadFile(n); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// ParseEmail reads raw mails and writes one JSON line for each; bad says why some
// could not be read. A rating is read on the scale from 1 to 5.
func ParseEmail(files []string, w io.Writer) (bad []error, err error) {
	p, err := reply.New()
	if err != nil {
		return nil, err
	}
	return email.ParseFiles(files, w, func(text string) (*int, string) {
		x := p.Read(reply.Input{Text: text, Channel: string(channels.Email), Question: &reply.Question{Kind: reply.KindRating, Min: 1, Max: 5}})
		return x.Rating, string(x.Intent)
	})
}
