package conversation

// Len is the number of entries that are kept.
func (m *Memory) Len() int { return len(m.known) }
