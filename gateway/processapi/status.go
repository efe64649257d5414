package processapi

import (
	"slices"
	"strings"

	"github.com/riverstones/riverstones/store"
)

// words are the statuses and types as clients see them, and the one place that
// says so. A process that a rollback, cancel or delete runs as has the statuses
// running, completed, rollback.failed and delete.failed.
var (
	statusWords = map[store.InstanceStatus]string{
		store.Running:        "running",
		store.Debugging:      "debug",           // a task failed in debug mode; an operator decides
		store.Undoing:        "rollback",        // failed; its rollback runs
		store.RollbackFailed: "rollback.failed", // the rollback stopped; it can be resumed
		store.Failed:         "failed",          // failed, and rolled back
		store.Completed:      "completed",
		store.CancelingNow:   "canceling",
		store.Canceled:       "canceled",
		store.DeletingNow:    "deleting",
		store.DeleteFailed:   "delete.failed", // the delete stopped; it can be resumed
		store.Deleted:        "deleted",
	}
	typeWords = map[store.InstanceKind]string{
		store.Forward: "start", store.Rollback: "rollback", store.Canceling: "cancel", store.Deleting: "delete",
	}
)

// ofWord finds what a word stands for.
func ofWord[K comparable](words map[K]string, word string) (K, bool) {
	for k, w := range words {
		if w == word {
			return k, true
		}
	}
	var none K
	return none, false
}

// listed writes words for a sentence.
func listed[K comparable](words map[K]string) string {
	all := make([]string, 0, len(words))
	for _, w := range words {
		all = append(all, w)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
