package store

// ClaimStatements are the two statements that every dispatcher runs all the time.
func (s *Store) ClaimStatements() (outreach, messages string) {
	return s.claimOutreachSQL(), s.claimMessagesSQL()
}
