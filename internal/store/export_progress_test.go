package store

// ProgressStatements are the statements whose number grows with the queues.
func (s *Store) ProgressStatements() (heads, part string) {
	return queueHeadSQL, partSQL(rangeSQL(false))
}
