package sqlite

// RelayQueries are the queries of the relay; the first has two parameters.
func RelayQueries() []string { return []string{selectOutgoing, selectNext} }
