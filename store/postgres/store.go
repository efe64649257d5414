// Package postgres keeps tasks in PostgreSQL, 14 or later. It implements
// [store.Store] for any number of processes on one database; which schema it
// needs stands in migrations. It starts nothing in the background but the
// upkeep of its two connection pools. The command tree opens it.
//
// The SQL of an aggregate stands in the file that has the same name in package
// sqlite.
package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

// Config has what may be set; its zero value is the default.
type Config struct {
	// Logger gets migrations and repeated transactions, none by default.
	Logger *zap.Logger
	// Migrate brings the schema up to date at open. Without it Open refuses a
	// database with another schema.
	Migrate bool
	// Readers and Writers are the most connections for queries (8) and for
	// recording, grants and leases (4).
	Readers, Writers int
	// ReadTimeout (5 s) and WriteTimeout (15 s) end a statement on the server.
	ReadTimeout, WriteTimeout time.Duration
	// LockTimeout (2 s) ends the wait for a lock.
	LockTimeout time.Duration
}

const (
	defaultReaders      = 8
	defaultWriters      = 4
	defaultReadTimeout  = 5 * time.Second
	defaultWriteTimeout = 15 * time.Second
	defaultLockTimeout  = 2 * time.Second
	idleInTransaction   = 10 * time.Second
)

// Store is a [store.Store].
type Store struct {
	read, write *pgxpool.Pool
	log         *zap.Logger
	stones      sqlkit.Stones
	steps       chan struct{} // has room for the steps that may run at once
}

var _ store.Store = (*Store)(nil)

// errURL does not quote the URL, which may hold a password in any place once
// it is malformed.
var errURL = errors.New("malformed database URL, expected postgres://user:password@host:port/database")

// Open connects to the database at url, postgres://… or a list of key=value
// pairs. It fails when the database can not be reached, or has another schema
// than this program.
func Open(ctx context.Context, url string, cfg Config) (*Store, error) {
	s := &Store{log: cfg.Logger, steps: make(chan struct{}, max(1, cmp.Or(cfg.Writers, defaultWriters)-1))}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	var err error
	if s.read, err = newPool(ctx, url, cfg.reading); err != nil {
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	if s.write, err = newPool(ctx, url, cfg.writing); err != nil {
		s.read.Close()
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	if err := s.ready(ctx, cfg.Migrate); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	return s, nil
}

func (s *Store) ready(ctx context.Context, migrate bool) error {
	if migrate {
		return s.Migrate(ctx)
	}
	have, want, err := s.Version(ctx)
	if err != nil {
		return err
	}
	return sqlkit.CheckVersion(have, want)
}

func newPool(ctx context.Context, url string, set func(*pgxpool.Config)) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errURL
	}
	params := cfg.ConnConfig.RuntimeParams
	params["application_name"] = cmp.Or(params["application_name"], "riverstones")
	params["timezone"] = "UTC"
	params["idle_in_transaction_session_timeout"] = millis(idleInTransaction)
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	set(cfg)
	return pgxpool.NewWithConfig(ctx, cfg)
}

// reading sets up the pool of queries. Their plans are made anew each time:
// one kept from when a table was small would scan it when it is large.
func (c Config) reading(p *pgxpool.Config) {
	p.MaxConns = int32(cmp.Or(c.Readers, defaultReaders)) //nolint:gosec // a few connections
	params := p.ConnConfig.RuntimeParams
	params["statement_timeout"] = millis(cmp.Or(c.ReadTimeout, defaultReadTimeout))
	params["lock_timeout"] = millis(cmp.Or(c.LockTimeout, defaultLockTimeout))
	params["plan_cache_mode"] = "force_custom_plan"
}

// writing sets up the pool of recording, grants and leases. All its statements
// look rows up by key, so one plan serves for good, and it must be the one by
// index, however small a table looked when it was made.
func (c Config) writing(p *pgxpool.Config) {
	p.MaxConns = int32(cmp.Or(c.Writers, defaultWriters)) //nolint:gosec // a few connections
	p.AfterConnect = prepare
	params := p.ConnConfig.RuntimeParams
	params["statement_timeout"] = millis(cmp.Or(c.WriteTimeout, defaultWriteTimeout))
	params["lock_timeout"] = millis(cmp.Or(c.LockTimeout, defaultLockTimeout))
	params["synchronous_commit"] = cmp.Or(params["synchronous_commit"], "on")
	params["plan_cache_mode"] = "force_generic_plan"
	params["jit"] = "off"
	for _, method := range []string{"enable_seqscan", "enable_hashjoin", "enable_mergejoin"} {
		params[method] = "off"
	}
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Ping reports whether the database can answer.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.read.Ping(ctx); err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	return nil
}

// Close waits for running calls and closes all connections.
func (s *Store) Close() error {
	s.read.Close()
	s.write.Close()
	return nil
}

// SQLSTATEs after which the same transaction may succeed.
const (
	codeSerialization = "40001"
	codeDeadlock      = "40P01"
	codeLockTimeout   = "55P03"
	codeUnique        = "23505"
	codeExpectRows    = "RS001" // raised by our expect_rows
)

func transient(err error) bool {
	switch code(err) {
	case codeSerialization, codeDeadlock, codeLockTimeout:
		return true
	default:
		return false
	}
}

// Classes of SQLSTATE, their first two characters, that say that the rows are
// at fault: data exception, integrity constraint violation, limit exceeded.
var rowsAtFault = []string{"22", "23", "54"}

// refusal says what an error of writing rows means: [sqlkit.ErrConflict] for
// another writer, or a repeat that only the statements of the next try leave
// alone; [store.ErrRejected] for rows that can not be written.
func refusal(err error) error {
	c := code(err)
	switch {
	case c == codeExpectRows, c == codeUnique:
		return fmt.Errorf("%w: %w", sqlkit.ErrConflict, err)
	case c != "" && slices.Contains(rowsAtFault, c[:2]):
		return fmt.Errorf("%w: %w", store.ErrRejected, err)
	default:
		return err
	}
}

func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}
