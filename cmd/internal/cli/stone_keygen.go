package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/riverstones/riverstones/queue/sealkey"
)

const keygenHelp = `Makes a key pair for workers whose secrets are to be sealed in the queue, writes
the private key to FILE (mode 0600), and prints the public one. Workers that are
given the file (--seal-key, or Config.SealKeys of the Go SDK) announce the public
key, and gateways seal to it. Only who has the file can open.

With --add the key comes before those that FILE has: it is announced, and all
open. Where several workers have a stone, give all of them the new key as their
last line first. Keep an old key as long as tasks of its time may be run again.`

func newStoneKeygen(p *Process, r *remote) *cobra.Command {
	var id string
	var add bool
	c := &cobra.Command{
		Use:     "keygen FILE",
		Short:   "Make a key that secrets are sealed to in the queue",
		Long:    keygenHelp,
		Example: "  riverstones stone keygen stone.key\n  riverstones work --seal-key stone.key\n  riverstones stone keygen --add stone.key",
		Args:    args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, given []string) error {
			private, public, err := sealkey.Generate(id)
			if err != nil {
				return usageError{err}
			}
			write := createKey
			if add {
				write = addKey
			}
			if err := write(given[0], private+"\n"); err != nil {
				return fmt.Errorf("make key: %w", err)
			}
			if r.out.json() {
				return printJSON(p.Out, map[string]string{"file": given[0], "id": public.ID(), "sealKey": public.String()})
			}
			_, err = fmt.Fprintf(p.Out, "private key in %s\npublic key %s\n", printable(given[0]), public)
			return err
		},
	}
	c.Flags().StringVar(&id, "id", "", "`id` of the key, 1 to 32 letters, digits, _ - and dots (default: one of chance)")
	c.Flags().BoolVar(&add, "add", false, "put the key before those of a file that is there")
	return c
}

// createKey writes a file that must not be there.
func createKey(path, line string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: name another file, or put a key in front with --add", path)
	}
	if err != nil {
		return err
	}
	return finish(f, line)
}

// addKey replaces a key file by one with another key in front, as a whole.
func addKey(path, line string) error {
	if _, err := sealkey.Read(path); err != nil {
		return err
	}
	before, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if _, err := sealkey.Parse(line + string(before)); err != nil {
		return err // the id is taken
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	if err = finish(f, line+string(before)); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// finish writes a file to the disk.
func finish(f *os.File, text string) error {
	_, err := f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
