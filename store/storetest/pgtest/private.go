package pgtest

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/riverstones/riverstones/store/postgres"
)

// Server is a PostgreSQL server that one test may take away. Its methods belong
// to one goroutine. It ends with the test.
type Server struct {
	cluster cluster
	running server // without stop while it is down
	url     string
}

// Private starts a server for this test alone, from the machine's own binaries,
// with the current schema in its database. It fails the test where there are
// none: neither the shared server nor a container can be taken away and come
// back at the same address.
func Private(t testing.TB) *Server {
	t.Helper()
	s, err := newPrivate(t)
	if err != nil {
		t.Fatalf("a PostgreSQL server of its own: %v: install the package postgresql "+
			"(initdb and postgres are looked for on PATH and in /usr/lib/postgresql/*/bin)", err)
	}
	return s
}

func newPrivate(t testing.TB) (*Server, error) {
	t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), startTimeout)
	defer stop()
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "rs-pg") //nolint:usetesting // short, since the path of a socket is
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &Server{}
	if s.cluster, err = newCluster(ctx, bin, dir); err != nil {
		return nil, err
	}
	if s.running, err = s.cluster.run(ctx); err != nil {
		return nil, err
	}
	t.Cleanup(s.stop)
	s.url = s.running.url
	db, err := postgres.Open(ctx, s.url, postgres.Config{Migrate: true})
	if err != nil {
		return nil, err
	}
	return s, db.Close()
}

// URL leads to the database, also while the server is down.
func (s *Server) URL() string { return s.url }

// Crash ends the server at once: connections break in the middle of whatever
// they do, and nothing is written but what was committed. It is the immediate
// shutdown of pg_ctl.
func (s *Server) Crash(t testing.TB) {
	t.Helper()
	if s.running.crash == nil {
		t.Fatal("the server is down already")
	}
	s.running.crash()
	s.running = server{}
}

// Restart starts a server that is down again, and returns when it has recovered.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if s.running.stop != nil {
		t.Fatal("the server is running")
	}
	ctx, stop := context.WithTimeout(context.Background(), startTimeout)
	defer stop()
	var err error
	if s.running, err = s.cluster.run(ctx); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) stop() {
	if s.running.stop != nil {
		s.running.stop()
	}
}
