package queue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/riverstones/riverstones/queue/param"
	"github.com/riverstones/riverstones/queue/task"
)

// AnnounceEvery is how often a worker puts its announcement again; what is not
// put again for [StoneTTL] is gone.
const AnnounceEvery = 10 * time.Second

const prefixStones = "$KV." + BucketStones + "."

// Announcement is what one worker says of the stone it serves: what the stone
// is, which is the same for all its workers of one version, and who the worker
// is. It is the value of [StoneKey] in the bucket [BucketStones].
type Announcement struct {
	Code        string
	DisplayName string
	Description string
	Service     string // the service the stone belongs to
	Version     string
	Methods     []task.Method
	Params      []param.Param
	Outputs     []param.Output

	Worker      string
	Host        string
	Concurrency int       // commands of a lane that run at once, 0 if it is not told
	BusinessKey string    // that the worker serves, "" for all
	LastFetch   time.Time // when the worker last heard from the queue, zero for never
	SealKey     string    // public key that secrets are sealed to, "" for none
}

// StoneKey is the key of a worker's announcement.
func StoneKey(stone, worker string) string { return Token(stone) + "." + Token(worker) }

// ParseStoneKey reads what [StoneKey] wrote, else it returns [ErrToken].
func ParseStoneKey(key string) (stone, worker string, err error) {
	first, second, _ := strings.Cut(key, ".")
	if stone, err = ParseToken(first); err != nil {
		return "", "", err
	}
	if worker, err = ParseToken(second); err != nil {
		return "", "", err
	}
	return stone, worker, nil
}

// StoneSubject is where the announcement under a key is published.
func StoneSubject(key string) string { return prefixStones + key }

// announcement is an [Announcement] as it is written. Nothing is left out but
// sealKey, so that a reader sees what a stone did not say.
type announcement struct {
	Code        string         `json:"code"`
	DisplayName string         `json:"displayName"`
	Description string         `json:"description"`
	Service     string         `json:"service"`
	Version     string         `json:"version"`
	Methods     []string       `json:"methods"`
	Params      []param.Param  `json:"params"`
	Outputs     []param.Output `json:"outputs"`
	Worker      string         `json:"worker"`
	Host        string         `json:"host"`
	Concurrency int            `json:"concurrency"`
	BusinessKey *string        `json:"businessKey"`
	LastFetch   *time.Time     `json:"lastFetch"`
	SealKey     string         `json:"sealKey,omitempty"`
}

// Encode writes the announcement as JSON. It fails for declared values that are
// no JSON, and for an announcement of more than [MaxMessage] bytes.
func (a *Announcement) Encode() ([]byte, error) {
	w := announcement{Code: a.Code, DisplayName: a.DisplayName, Description: a.Description, Service: a.Service, Version: a.Version,
		Methods: make([]string, len(a.Methods)), Params: orEmpty(a.Params), Outputs: orEmpty(a.Outputs),
		Worker: a.Worker, Host: a.Host, Concurrency: a.Concurrency, SealKey: a.SealKey}
	for i, m := range a.Methods {
		w.Methods[i] = string(m)
	}
	if a.BusinessKey != "" {
		w.BusinessKey = &a.BusinessKey
	}
	if !a.LastFetch.IsZero() {
		t := a.LastFetch.UTC().Truncate(time.Microsecond)
		w.LastFetch = &t
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(w); err != nil {
		return nil, fmt.Errorf("announcement of stone %s: %w", a.Code, err)
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(out) > MaxMessage {
		return nil, fmt.Errorf("announcement of stone %s: it has %d bytes, at most %d are taken", a.Code, len(out), MaxMessage)
	}
	return out, nil
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// ParseAnnouncement reads an announcement. Unknown members and methods are
// those of a later version, and are passed over. The declaration is read, not
// checked: [param.NewChecker] does that. Errors wrap [ErrMessage].
func ParseAnnouncement(doc []byte) (*Announcement, error) {
	if len(doc) > MaxMessage {
		return nil, fmt.Errorf("%w: announcement of %d bytes, at most %d are taken", ErrMessage, len(doc), MaxMessage)
	}
	var w announcement
	if err := jsonv2.Unmarshal(doc, &w); err != nil {
		return nil, fmt.Errorf("%w: announcement: %w", ErrMessage, err)
	}
	a := &Announcement{Code: w.Code, DisplayName: w.DisplayName, Description: w.Description, Service: w.Service, Version: w.Version,
		Methods: methodsOf(w.Methods), Params: w.Params, Outputs: w.Outputs,
		Worker: w.Worker, Host: w.Host, Concurrency: w.Concurrency, SealKey: w.SealKey}
	if w.BusinessKey != nil {
		a.BusinessKey = *w.BusinessKey
	}
	if w.LastFetch != nil {
		a.LastFetch = w.LastFetch.UTC()
	}
	for i := range a.Params {
		if p := &a.Params[i]; string(p.Default) == "null" {
			p.Default = nil
		}
	}
	if err := a.check(); err != nil {
		return nil, fmt.Errorf("%w: announcement: %w", ErrMessage, err)
	}
	return a, nil
}

// methodsOf returns the methods that are known, each once.
func methodsOf(names []string) []task.Method {
	out := make([]task.Method, 0, len(names))
	for _, m := range task.Methods() {
		if slices.Contains(names, string(m)) {
			out = append(out, m)
		}
	}
	return out
}

func (a *Announcement) check() error {
	if err := CheckStone(a.Code); err != nil {
		return err
	}
	if err := CheckBusinessKey(a.BusinessKey); err != nil {
		return err
	}
	switch {
	case !CheckName(a.Worker):
		return fmt.Errorf("worker must be 1 to %d characters without control characters", maxName)
	case a.Concurrency < 0:
		return fmt.Errorf("concurrency is %d", a.Concurrency)
	case a.LastFetch.Year() < 1 || a.LastFetch.Year() > 9999: // in UTC, as it is written
		return errors.New("lastFetch is no time of ours")
	}
	return nil
}
