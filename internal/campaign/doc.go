// Package campaign owns what a person does with a campaign: what is wrong with it before
// it is launched, the rehearsal that counts what would become of it, the launch with its
// second pair of eyes, and its end. Who gets what is decided by internal/program and
// internal/policy, through the planner and the dispatcher that send it later
// (invariant 13); it has no rule of its own about people and never sends. The console
// calls it.
package campaign
