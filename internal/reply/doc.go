// Package reply owns the understanding of what a customer wrote: a text and the question that is open go in,
// a Reading comes out. It reads ratings, yes and no, choices, opt-outs, requests to be called, corrections,
// flags, topics and named employees in Russian, English, Chinese, Kazakh, Ukrainian, German, French and Turkish.
//
// It never decides what happens next, never stores, never touches the network or the clock: the caller passes
// the moment in. What it cannot honestly read it calls unclear, with a suggestion where there is one.
// The words live in lexicon/*.yaml, which a linguist can edit without knowing Go (see lexicon/README.md).
//
// Callers: the inbox (opt-outs first), the survey conversation, the email reader and the command `otklik parse`.
package reply
