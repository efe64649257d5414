package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/cmd/internal/config"
	"github.com/riverstones/riverstones/stone"
	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/postgres"
	"github.com/riverstones/riverstones/store/recorder"
	"github.com/riverstones/riverstones/store/sqlite"
)

const dirMode = 0o750

func (a *App) openStore(ctx context.Context) error {
	st, err := OpenStore(ctx, &a.cfg, a.log)
	if err != nil {
		return err
	}
	a.store = st
	if a.hooks.Store != nil {
		a.store = a.hooks.Store(st)
	}
	a.stack.push("store", func(context.Context) error { return st.Close() })
	a.works(partStore, st.Ping)
	return nil
}

// Database is a store whose schema has a version.
type Database interface {
	store.Store
	// Migrate brings the schema to the version this program needs.
	Migrate(ctx context.Context) error
	// Version returns the version the schema has and the one it needs.
	Version(ctx context.Context) (have, want int64, err error)
}

// OpenStore opens the configured database. An SQLite file belongs to one
// process and is made and migrated at once; PostgreSQL is migrated only when
// the configuration says so.
func OpenStore(ctx context.Context, cfg *config.Config, log *zap.Logger) (Database, error) {
	if path, ok := cfg.SQLite(); ok {
		if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
			return nil, fmt.Errorf("make the directory of the database: %w", err)
		}
		return nilOr(sqlite.Open(ctx, path, sqlite.Config{Logger: log.Named("store"), Migrate: true}))
	}
	return nilOr(postgres.Open(ctx, cfg.Store, postgres.Config{Logger: log.Named("store"), Migrate: cfg.Migrate}))
}

// nilOr keeps a nil pointer from becoming an interface that is not nil.
func nilOr[S Database](s S, err error) (Database, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (a *App) startRecorder(ctx context.Context, nc *nats.Conn) error {
	cfg := recorder.Config{Logger: a.log, Keep: a.cfg.Retention.Messages, KeepDeliveries: a.cfg.Retention.Callbacks, AcceptGaps: a.cfg.AcceptGaps}
	if err := a.observeRecorder(nc, &cfg); err != nil {
		return err
	}
	r := recorder.New(a.store, nc, cfg)
	if err := r.Start(ctx); err != nil {
		return err
	}
	a.stack.push("recorder", r.Stop)
	a.works(string(config.Recorder), recording(r, nc))
	return nil
}

func (a *App) startWorker(ctx, background context.Context, nc *nats.Conn) error {
	if err := a.makeStones(); err != nil {
		return err
	}
	w, err := a.newWorker(nc)
	if err != nil {
		return err
	}
	err = a.await(ctx, nc, func(ctx context.Context) error {
		failed := w.Start(ctx)
		if failed != nil {
			// A worker is started once: the next try gets its own.
			if w, err = a.newWorker(nc); err != nil {
				return err
			}
		}
		return failed
	})
	if err != nil {
		return err
	}
	a.stack.push("worker", w.Stop)
	a.works(string(config.Worker), working(w, nc))
	a.watch(background, "worker", w.Failed())
	return nil
}

func (a *App) newWorker(nc *nats.Conn) (*stone.Worker, error) {
	keys, err := stoneKeys(&a.cfg.Work)
	if err != nil {
		return nil, err
	}
	around, err := a.middleware(a.log.Named("stone"))
	if err != nil {
		return nil, err
	}
	w, err := stone.NewWorker(nc, stone.Config{Logger: a.log, Grace: a.cfg.StopTimeout, SealKeys: keys, Middleware: around})
	if err != nil {
		return nil, err
	}
	return w, a.addStones(w)
}
