package ratelimit

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed limits.yaml
var shipped []byte

// Book says which limits a message falls under. A limit has a name:
//
//	global                 all messages together
//	channel:KIND           each sender of the channel
//	sender:KIND:ADDRESS    one sender, instead of its channel's
//	address:KIND           each address of the channel
//	dealer:CODE            all that one dealer sends
//	domain:DOMAIN          all mail to one domain, spelled in lower case
//
// A book is a value that never changes; safe for concurrent use.
type Book struct {
	limits   map[string]Limit
	global   Limit
	channels map[string]channelLimits
	dealers  map[string]Limit
	domains  map[string]Limit
}

// channelLimits are a channel's; the scopes are those of its buckets, joined once.
type channelLimits struct {
	sender, address           Limit
	senders                   map[string]Limit
	senderScope, addressScope string
}

// Shipped is the book as it comes with the program (limits.yaml).
func Shipped() (*Book, error) { return read(shipped) }

// read makes a book of the content of a file.
func read(content []byte) (*Book, error) {
	var lines map[string]string
	if err := yaml.Unmarshal(content, &lines); err != nil {
		return nil, fmt.Errorf("reading the limits: %w", err)
	}
	limits := make(map[string]Limit, len(lines))
	var errs []error
	for given, value := range lines {
		name, _, err := parseName(given)
		if err == nil {
			limits[name], err = ParseLimit(value)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("reading the limits: %s: %w", given, err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return bind(limits), nil
}

// With is this book with some limits replaced; Limit{} lifts one. Names that the
// book does not know are left out: a newer version beside this one may know them.
func (b *Book) With(overrides map[string]Limit) *Book {
	limits := maps.Clone(b.limits)
	for given, l := range overrides {
		if name, err := b.Name(given); err == nil {
			limits[name] = l
		}
	}
	return bind(limits)
}

// Name is the name of a limit as the book spells it. The error says what is wrong
// with one that could never apply, such as that of a channel without senders.
func (b *Book) Name(given string) (string, error) {
	name, p, err := parseName(given)
	if err != nil {
		return "", err
	}
	if p.channel != "" {
		if _, ok := b.channels[p.channel]; !ok {
			return "", fmt.Errorf("limit %q: channel %q is not one of %s", given, p.channel, strings.Join(slices.Sorted(maps.Keys(b.channels)), ", "))
		}
	}
	return name, nil
}

// Names are those of all limits in the book, lifted ones included, sorted.
func (b *Book) Names() []string { return slices.Sorted(maps.Keys(b.limits)) }

// Limit is the limit of that name, as the book spells it; false when the book has
// none.
func (b *Book) Limit(name string) (Limit, bool) {
	l, ok := b.limits[name]
	return l, ok
}

// Demand appends what a message of the channel takes when it leaves the sender for
// the address on behalf of the dealer, named by its code. cost is in segments, and
// counts for the sender only: all other buckets count messages. Buckets stand in
// the order sender, address, domain, dealer, all; those without a limit are left
// out.
func (b *Book) Demand(to Demand, channel, sender, address, dealer string, cost int) Demand {
	add := func(scope, key string, l Limit, cost int) {
		if l.Period > 0 {
			to = append(to, Bucket{Scope: scope, Key: key, Limit: l, Cost: cost})
		}
	}
	if c, ok := b.channels[channel]; ok {
		l, own := c.senders[sender]
		if !own {
			l = c.sender
		}
		add(c.senderScope, sender, l, cost)
		add(c.addressScope, address, c.address, 1)
	}
	if len(b.domains) > 0 {
		if at := strings.LastIndexByte(address, '@'); at >= 0 {
			domain := strings.ToLower(address[at+1:])
			add("domain:", domain, b.domains[domain], 1)
		}
	}
	add("dealer:", dealer, b.dealers[dealer], 1)
	add("global", "", b.global, 1)
	return to
}

// parts of a limit's name; kind is the word before the first colon.
type parts struct{ kind, channel, key string }

// parseName takes a name apart and spells it as the book does.
func parseName(given string) (string, parts, error) {
	kind, rest, _ := strings.Cut(given, ":")
	p := parts{kind: kind}
	bad := strings.TrimSpace(rest) != rest
	switch kind {
	case "global":
		bad = given != "global"
	case "channel", "address":
		p.channel = rest
		bad = bad || rest == ""
	case "sender":
		p.channel, p.key, _ = strings.Cut(rest, ":")
		bad = bad || p.channel == "" || p.key == ""
	case "dealer":
		p.key = rest
		bad = bad || rest == ""
	case "domain":
		p.key = strings.ToLower(rest)
		bad = bad || rest == "" || strings.Contains(rest, "@")
		return kind + ":" + p.key, p, badName(bad, given)
	default:
		bad = true
	}
	return given, p, badName(bad, given)
}

func badName(bad bool, given string) error {
	if !bad {
		return nil
	}
	return fmt.Errorf("limit %q: a name is global, channel:KIND, sender:KIND:ADDRESS, address:KIND, dealer:CODE or domain:DOMAIN", given)
}

// bind makes the book of limits whose names are well formed.
func bind(limits map[string]Limit) *Book {
	b := &Book{limits: limits, channels: map[string]channelLimits{}, dealers: map[string]Limit{}, domains: map[string]Limit{}}
	for name, l := range limits {
		_, p, _ := parseName(name)
		c := b.channels[p.channel]
		if c.senders == nil {
			c = channelLimits{senders: map[string]Limit{}, senderScope: "sender:" + p.channel + ":", addressScope: "address:" + p.channel + ":"}
		}
		switch p.kind {
		case "global":
			b.global = l
		case "channel":
			c.sender = l
		case "sender":
			c.senders[p.key] = l
		case "address":
			c.address = l
		case "dealer":
			b.dealers[p.key] = l
		case "domain":
			b.domains[p.key] = l
		}
		if p.channel != "" {
			b.channels[p.channel] = c
		}
	}
	return b
}
