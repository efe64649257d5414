package console

import (
	"strings"

	"github.com/riverstones/riverstones/queue/task"
)

// pill is a status as it is shown: by colour, sign and word.
type pill struct{ Code, Kind, Sign, Word string }

// signs tell kinds of statuses apart for those who see no colours.
var signs = map[string]string{"waiting": "◷", "running": "▶", "ok": "✓", "failed": "✕", "canceled": "⊘", "other": "•"}

func pillOf(l lang, status string) pill {
	kind := kindOf(status)
	word := l.text("status." + status)
	if _, ok := texts["status."+status]; !ok {
		word = status
	}
	return pill{Code: status, Kind: kind, Sign: signs[kind], Word: word}
}

func kindOf(status string) string {
	_, phase, _ := strings.Cut(status, ".")
	switch {
	case status == task.ProduceSuccess.String():
		return "waiting"
	case status == task.Canceled.String():
		return "canceled"
	case phase == "begin":
		return "running"
	case phase == "success":
		return "ok"
	case phase == "failed":
		return "failed"
	default:
		return processKind(status)
	}
}

// processKind tells kinds of the statuses of processes and their elements.
func processKind(status string) string {
	switch status {
	case "running", "rollback", "canceling", "deleting":
		return "running"
	case "waiting", "debug":
		return "waiting"
	case "completed", "mock.passed":
		return "ok"
	case "failed":
		return "failed"
	case "deleted":
		return "canceled"
	default:
		return "other"
	}
}
