package app

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/queue/sealkey"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/seal"
)

// sealStore puts the sealing of secrets around the open store.
func (a *App) sealStore(ctx context.Context) error {
	keys, err := sealKeys(&a.cfg)
	if err != nil {
		return err
	}
	if keys == nil {
		a.log.Warn("secrets are stored in clear: there are no keys to seal them; see --seal-keys")
	}
	d := &declared{store: a.store, log: a.log}
	d.load(ctx)
	background, end := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() { d.follow(background) })
	a.stack.push("declared secrets", func(context.Context) error { end(); done.Wait(); return nil })
	a.sealed = seal.New(a.store, seal.Config{Keys: keys, NoEcho: d.noEcho, Logger: a.log})
	a.store = a.sealed
	return nil
}

// sealKeys returns the configured keys, nil if there are none.
func sealKeys(cfg *config.Config) (seal.Keys, error) {
	switch {
	case cfg.SealKeys != "":
		return given(seal.ReadKeys(cfg.SealKeys))
	case cfg.SealKeysText != "":
		return given(seal.ParseKeys(cfg.SealKeysText))
	case cfg.SealMake:
		if err := os.MkdirAll(cfg.Data, dirMode); err != nil {
			return nil, fmt.Errorf("make the directory of the key file: %w", err)
		}
		return given(seal.MakeKeys(cfg.SealFile()))
	default:
		return nil, nil //nolint:nilnil // no keys are no error
	}
}

// stoneKeys returns the keys that secrets of the worker's stones are sealed to,
// nil if there are none.
func stoneKeys(cfg *config.Work) (*sealkey.Keyring, error) {
	switch {
	case cfg.SealKeys != "":
		return sealkey.Read(cfg.SealKeys)
	case cfg.SealKeysText != "":
		return sealkey.Parse(cfg.SealKeysText)
	default:
		return nil, nil //nolint:nilnil // no keys are no error
	}
}

// given keeps a nil pointer from becoming an interface that is not nil.
func given(r *seal.Keyring, err error) (seal.Keys, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}

// declaredEvery is how often announcements are read again: a param that is
// secret by its declaration alone is sealed from then on.
const declaredEvery = 2 * time.Second

// declared knows the NoEcho params of stones by what the store remembers of
// their announcements, so that a recorder alone knows them too.
type declared struct {
	store  store.Stones
	log    *zap.Logger
	params atomic.Pointer[map[string][]string]
}

// noEcho returns the names of a stone's NoEcho params.
func (d *declared) noEcho(stone string) []string {
	if all := d.params.Load(); all != nil {
		return (*all)[stone]
	}
	return nil
}

func (d *declared) follow(ctx context.Context) {
	tick := time.NewTicker(declaredEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.load(ctx)
		}
	}
}

// load reads what the store remembers. What was known stays if it can not.
func (d *declared) load(ctx context.Context) {
	known, err := d.store.Stones(ctx)
	if err != nil {
		d.log.Debug("declared secrets not read, trying again", zap.Error(err))
		return
	}
	all := map[string][]string{}
	for i := range known {
		var a struct {
			Params []struct {
				Name   string `json:"name"`
				NoEcho bool   `json:"noEcho"`
			} `json:"params"`
		}
		if err := json.Unmarshal(known[i].Announcement, &a); err != nil {
			continue // the registry complains
		}
		for _, p := range a.Params {
			if p.NoEcho {
				all[known[i].Code] = append(all[known[i].Code], p.Name)
			}
		}
	}
	d.params.Store(&all)
}
