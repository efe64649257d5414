// Package pgtest gives tests real PostgreSQL databases. A server is taken from
// a Docker engine if one answers, else it is started from the machine's own
// binaries, else the one that TEST_DATABASE_URL names is used. There is one
// server for a test process, and one database for a test. A test that takes its
// server away has one of its own, [Private].
//
// A package that calls it has
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/riverstones/riverstones/store/postgres"
)

// help is what a developer reads who has none of the three.
const help = "no PostgreSQL for the tests: start Docker, or install the package postgresql " +
	"(initdb and postgres are looked for on PATH and in /usr/lib/postgresql/*/bin), " +
	"or set TEST_DATABASE_URL to a server where databases may be created"

const startTimeout = 2 * time.Minute

// server is a running PostgreSQL; url leads to a database of an administrator.
type server struct {
	url  string
	stop func()
	// crash ends it as a crash does. Only a server from binaries has it.
	crash func()
}

// shared is the one server of this process, with a migrated database that the
// databases of tests are copied from.
type shared struct {
	once     sync.Once
	server   server
	template string
	err      error
}

var (
	process shared
	inMain  bool
)

// Main runs the tests of a package, and stops the server they used. Given
// checks, it also fails when goroutines are left over; pass none to leave that
// out, and goleak.IgnoreCurrent() to allow nothing but what runs now.
func Main(m *testing.M, checks ...goleak.Option) {
	inMain = true
	code := m.Run()
	process.stop()
	if code == 0 && len(checks) > 0 {
		if err := goleak.Find(checks...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// Postgres returns the URL of a database with the current schema, for this
// test alone. It fails the test where no server can be had.
func Postgres(t testing.TB) string {
	t.Helper()
	return process.database(t, process.start(t).template)
}

// Empty returns the URL of a database without any schema.
func Empty(t testing.TB) string {
	t.Helper()
	process.start(t)
	return process.database(t, "template0")
}

func (p *shared) start(t testing.TB) *shared {
	t.Helper()
	if !inMain {
		t.Fatal("TestMain of this package has to call pgtest.Main")
	}
	p.once.Do(func() {
		ctx, stop := context.WithTimeout(context.Background(), startTimeout)
		defer stop()
		if p.server, p.err = find(ctx); p.err == nil {
			p.template, p.err = makeTemplate(ctx, p.server.url)
		}
	})
	if p.err != nil {
		t.Fatal(p.err)
	}
	return p
}

// find starts or finds a server.
func find(ctx context.Context) (server, error) {
	var errs []error
	for _, from := range []func(context.Context) (server, error){fromDocker, fromBinaries, fromEnvironment} {
		s, err := from(ctx)
		if err == nil {
			return s, nil
		}
		errs = append(errs, err)
	}
	return server{}, fmt.Errorf("%s\n%w", help, errors.Join(errs...))
}

func fromEnvironment(context.Context) (server, error) {
	u := os.Getenv("TEST_DATABASE_URL")
	if u == "" {
		return server{}, errors.New("environment: TEST_DATABASE_URL is not set")
	}
	return server{url: u, stop: func() {}}, nil
}

func makeTemplate(ctx context.Context, admin string) (string, error) {
	name := "rs_template_" + strings.ToLower(rand.Text())
	if err := execute(ctx, admin, "create database "+name+" template template0"); err != nil {
		return "", err
	}
	s, err := postgres.Open(ctx, inDatabase(admin, name), postgres.Config{Migrate: true})
	if err != nil {
		return "", err
	}
	return name, s.Close()
}

func (p *shared) database(t testing.TB, template string) string {
	t.Helper()
	name := "rs_" + strings.ToLower(rand.Text())
	if err := execute(context.Background(), p.server.url, "create database "+name+" template "+template); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := execute(context.Background(), p.server.url, "drop database "+name+" with (force)"); err != nil {
			t.Error(err)
		}
	})
	return inDatabase(p.server.url, name)
}

func (p *shared) stop() {
	if p.server.stop == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), startTimeout)
	defer stop()
	if p.template != "" {
		_ = execute(ctx, p.server.url, "drop database if exists "+p.template+" with (force)")
	}
	p.server.stop()
}

func execute(ctx context.Context, url, sql string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("test database: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is left to lose
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("test database: %s: %w", sql, err)
	}
	return nil
}

// inDatabase returns the URL of another database on the same server.
func inDatabase(admin, name string) string {
	u, err := url.Parse(admin)
	if err != nil {
		return admin // and the connection will say what is wrong with it
	}
	u.Path = "/" + name
	return u.String()
}

// durable reports whether commits have to reach the disk, as they do in
// production: in benchmarks.
func durable() bool {
	f := flag.Lookup("test.bench")
	return f != nil && f.Value.String() != ""
}
