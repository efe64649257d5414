package sqlite

import "github.com/riverstones/riverstones/store/internal/sqlkit"

// RelayQueries are the queries of the relay; the first has two parameters.
func RelayQueries() []string { return []string{selectOutgoing, selectNext} }

// Lists are how lists of the runtime are written.
func Lists() sqlkit.RuntimeLists { return runtimeLists }
