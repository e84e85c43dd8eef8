package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"otklik/internal/dispatch"
	"otklik/internal/ratelimit"
	"otklik/internal/store"
)

// errRefused: a sender that has something to send is refused by its provider, and somebody
// has to mend that.
var errRefused = errors.New("a provider refuses the sender of what is due")

// ruleRetry is the rule by which store.Progress tells of what is tried again later.
const ruleRetry = "retry"

// standstill is why what is due may stay.
type standstill struct {
	pauses  []store.Pause
	senders []store.Sender
	// redis is what is wrong with it, empty while all is well.
	redis string
	codes map[string]string // of dealers, by id
}

// left tells of what a run has found due and not sent, a line for each program and sender:
// how much waits and why. It is errRefused where a provider's refusal is the reason.
func (a *App) left(ctx context.Context) (lines []string, err error) {
	p, err := a.store.Progress(ctx, nil, a.clock.Business(), a.clock.Machine())
	if err != nil {
		return nil, err
	}
	s := standstill{codes: map[string]string{}}
	if s.pauses, err = a.store.Pauses(ctx); err != nil {
		return nil, err
	}
	if s.senders, err = a.store.Senders(ctx); err != nil {
		return nil, err
	}
	for _, d := range a.roster.Dealers() {
		s.codes[d.ID] = d.Code
	}
	if a.redis != nil {
		if err := a.askRedis(ctx); err != nil {
			s.redis = ratelimit.Why(err)
		}
	}
	for _, w := range p.Waits {
		line, refused := s.line(w)
		if line != "" {
			lines = append(lines, line)
		}
		if refused {
			err = errRefused
		}
	}
	return lines, err
}

// line tells of one program and sender, "" where nothing of it stays.
func (s standstill) line(w store.Waits) (line string, refused bool) {
	n := w.Waiting
	if w.HeldRule == ruleRetry || w.HeldRule == dispatch.RuleNoSender {
		n += w.Held
	}
	if n == 0 {
		return "", false
	}
	of := "no sender chosen yet"
	if w.Channel != "" {
		of = string(w.Channel) + ":" + w.Sender
	}
	why, refused := s.why(w)
	return fmt.Sprintf("%d wait (%s, %s): %s", n, of, cmp.Or(w.Program, "answers"), why), refused
}

func (s standstill) why(w store.Waits) (why string, refused bool) {
	stops := []string{store.PauseEverything, store.DealerPause(s.codes[w.DealerID]), store.ProgramPause(w.Program), store.SenderPause(w.Channel, w.Sender)}
	for _, p := range s.pauses {
		// What waits in no sender's queue after a run waits for its campaign, which Progress
		// does not tell.
		if slices.Contains(stops, p.Name) || w.Channel == "" && w.Waiting > 0 && strings.HasPrefix(p.Name, store.CampaignPause("")) {
			return fmt.Sprintf("%s is paused since %s", p.Name, p.At.UTC().Format(time.RFC3339)), false
		}
	}
	for _, x := range s.senders {
		if x.PausedReason != "" && x.Channel == w.Channel && x.Address == w.Sender {
			return fmt.Sprintf("refused by the provider since %s: %s", x.PausedAt.UTC().Format(time.RFC3339), x.PausedReason), true
		}
	}
	switch {
	case w.Waiting > 0 && s.redis != "":
		return "Redis cannot be used: " + s.redis, false
	case w.Held > 0:
		return fmt.Sprintf("%s, the next at %s", w.HeldRule, w.NextHeld.UTC().Format(time.RFC3339)), false
	}
	return "until its rate allows more", false
}
