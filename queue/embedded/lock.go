package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// lockName is the lock file in a store directory. nats-server takes no lock:
// two servers on one directory would overwrite each other's blocks.
const lockName = "riverstones.lock"

var errLocked = errors.New("locked")

// dirLock holds a store directory for as long as this process lives; the
// system takes it back when the process dies, however it does.
type dirLock struct{ f *os.File }

// lockDir takes the lock of dir, or returns [ErrInUse] naming who has it.
func lockDir(dir string) (*dirLock, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w", err)
	}
	if err := lockFile(f); err != nil {
		holder, _ := os.ReadFile(path) // only to say who
		_ = f.Close()
		if errors.Is(err, errLocked) {
			return nil, fmt.Errorf("%w: %s is held by %s", ErrInUse, dir, who(string(holder)))
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := sign(f); err != nil {
		return nil, errors.Join(fmt.Errorf("write lock file: %w", err), f.Close())
	}
	return &dirLock{f: f}, nil
}

// sign writes who holds the lock.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func who(holder string) string {
	pid := strings.TrimSpace(holder)
	switch pid {
	case "":
		return "another process"
	case strconv.Itoa(os.Getpid()):
		return "another server of this process (" + pid + ")"
	default:
		return "process " + pid
	}
}

// release gives the directory back. The file stays: removing it would let two
// others lock two files of the same name.
func (l *dirLock) release() error {
	if err := l.f.Close(); err != nil {
		return fmt.Errorf("release store directory: %w", err)
	}
	return nil
}
