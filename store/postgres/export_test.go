package postgres

import "github.com/riverstones/riverstones/store/internal/sqlkit"

// Lists are how lists of the runtime are written.
func Lists() sqlkit.RuntimeLists { return runtimeLists }
