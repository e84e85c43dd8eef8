package store

// ClaimStatements are the two statements that every dispatcher runs all the time.
func (s *Store) ClaimStatements() (outreach, messages string) {
	return s.claimOutreachSQL(), s.claimMessagesSQL()
}

// FinishStatement is what a campaign's begin does to the outreach of a group on
// PostgreSQL.
func FinishStatement() string { return nativeFinish.text }

// AheadStatements are what a plan looks up its people's outreach and events with.
func (s *Store) AheadStatements() (due, unplanned string) {
	return s.dialect.forEach("id", "outreach", waits, "contact_id", "uuid", 1), s.dialect.forEach("id", "event", "", "contact_id", "uuid", 1)
}

// DecisionsStatement is what ListDecisions asks for one person.
func DecisionsStatement() string {
	query, _, _ := Filter{DealerID: "x", ContactID: "x"}.decisions() // fails on a cursor only
	return query
}

// SweepStatements are what the sweep of a name looks with, and what it decides a part with.
func SweepStatements(name string) (look, decide string) {
	for _, w := range sweeps {
		if w.name == name {
			return w.look(), "select id from " + w.table + " where " + w.gone + " and id in "
		}
	}
	return "", ""
}
