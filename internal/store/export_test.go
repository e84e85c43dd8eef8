package store

// ClaimStatements are the two statements that every dispatcher runs all the time.
func (s *Store) ClaimStatements() (outreach, messages string) {
	return s.claimOutreachSQL(), s.claimMessagesSQL()
}

// FinishStatement is what a campaign's begin does to the outreach of a group on
// PostgreSQL.
func FinishStatement() string { return nativeFinish.text }
