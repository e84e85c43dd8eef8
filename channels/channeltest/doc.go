// Package channeltest holds what every channel and every caller of a channel is
// tested with: the contract suite (Run), a scripted channel (Fake), a server of
// recorded replies (Server) and guards against leaks (NoSecrets, LocalDialer).
//
// It owns the executable form of the contract in package channels and nothing of
// any provider: what a provider says in a situation comes from the channel's own
// tests, as an Adapter. Only tests call it.
package channeltest
