// Package sqlite keeps tasks in one SQLite file. It implements [store.Store]
// for one process on a local disk; which schema it needs stands in migrations.
// It starts nothing in the background. The command tree opens it.
//
// The SQL of an aggregate stands in the file that has the same name in package
// postgres.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

// Config has what may be set; its zero value is the default.
type Config struct {
	// Logger gets migrations and repeated transactions, none by default.
	Logger *zap.Logger
	// Migrate makes the file and brings the schema up to date at open. Without
	// it Open refuses a database with another schema.
	Migrate bool
	// Readers are the most connections for queries (4). There is one that writes.
	Readers int
	// ReadTimeout (5 s) ends a query.
	ReadTimeout time.Duration
	// BusyTimeout (5 s) ends the wait for another process that writes.
	BusyTimeout time.Duration
	// Rows is for how many rows at a time statements are prepared at most (64).
	// Few make an open quicker and the recorder slower.
	Rows int
}

const (
	defaultReaders     = 4
	defaultReadTimeout = 5 * time.Second
	defaultBusyTimeout = 5 * time.Second

	writeCacheKiB   = 32 << 10
	readCacheKiB    = 4 << 10
	checkpointPages = 4000      // the write-ahead log is copied back at about 16 MiB
	journalLimit    = 128 << 20 // bytes that the log keeps on disk when it is empty

	filePerm = 0o600 // params may hold secrets
)

// Store is a [store.Store].
type Store struct {
	read, write *sql.DB
	bulks       map[*bulk]prepared
	reads       map[string]*sql.Stmt // by their text
	readTimeout time.Duration
	log         *zap.Logger
	stones      sqlkit.Stones
	wanted      atomic.Bool          // somebody wants to be told of a task's ends
	heard       atomic.Bool          // so does the process runtime
	stepping    map[string]*sql.Stmt // of steps, by their text
	steps       steps
}

var _ store.Store = (*Store)(nil)

// Open opens the database in the file at path; its folder must exist. It fails
// when the database has another schema than this program. An in-memory
// database is not possible, since several connections share it.
func Open(ctx context.Context, path string, cfg Config) (*Store, error) {
	s := &Store{log: cfg.Logger, readTimeout: cmp.Or(cfg.ReadTimeout, defaultReadTimeout)}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	if err := s.open(ctx, path, cfg); err != nil {
		_ = s.Close() //nolint:contextcheck // closing is not given up half way
		return nil, fmt.Errorf("open sqlite %s: %w", path, err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, path string, cfg Config) error {
	if err := checkFile(path, cfg.Migrate); err != nil {
		return err
	}
	busy := strconv.FormatInt(cmp.Or(cfg.BusyTimeout, defaultBusyTimeout).Milliseconds(), 10)
	var err error
	// All that is written finds its rows by key. An index made for the purpose
	// looks cheap beside tables of which nothing is known, and scans them.
	if s.write, err = connect(path, 1, url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(" + busy + ")", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "temp_store(MEMORY)", "automatic_index(0)",
		kib("cache_size", writeCacheKiB), pragma("wal_autocheckpoint", checkpointPages), pragma("journal_size_limit", journalLimit),
	}}); err != nil {
		return err
	}
	if s.read, err = connect(path, cmp.Or(cfg.Readers, defaultReaders), url.Values{"_pragma": {
		"busy_timeout(" + busy + ")", "query_only(1)", "temp_store(MEMORY)", kib("cache_size", readCacheKiB),
	}}); err != nil {
		return err
	}
	if err := s.ready(ctx, cfg.Migrate); err != nil {
		return err
	}
	return s.prepare(ctx, cmp.Or(cfg.Rows, sizes[0]))
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

// checkFile makes the file if it may, readable for its owner only.
func checkFile(path string, create bool) error {
	if path == "" || strings.HasPrefix(path, ":") {
		return errors.New("the path of a file is needed")
	}
	if !create {
		_, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return errors.New("there is no such file: run `riverstones migrate`")
		}
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, filePerm)
	if err != nil {
		return err
	}
	return f.Close()
}

func connect(path string, conns int, options url.Values) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: options.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

func pragma(name string, value int) string { return name + "(" + strconv.Itoa(value) + ")" }

// kib is a pragma whose sizes in KiB are negative.
func kib(name string, size int) string { return pragma(name, -size) }

// Ping reports whether the database can answer.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read.QueryRowContext(ctx, `select count(*) from checkpoint`).Scan(&one); err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	return nil
}

// Close waits for running calls and closes the file.
func (s *Store) Close() error {
	// A pool does not wait for a transaction by itself. Who holds all its
	// connections knows that nobody runs.
	defer s.steps.leader.Wait()
	readers, writers := hold(s.read), hold(s.write)
	var errs []error
	for _, p := range s.bulks {
		errs = append(errs, p.close())
	}
	for _, statements := range []map[string]*sql.Stmt{s.reads, s.stepping} {
		for _, st := range statements {
			errs = append(errs, st.Close())
		}
	}
	// The writer last: it empties the write-ahead log.
	return errors.Join(append(errs, closePool(s.read, readers), closePool(s.write, writers))...)
}

// hold waits for all connections of a pool, and takes them. It takes fewer
// where the pool is closed already or none can be made.
func hold(db *sql.DB) []*sql.Conn {
	if db == nil {
		return nil
	}
	var all []*sql.Conn
	for range db.Stats().MaxOpenConnections {
		conn, err := db.Conn(context.Background())
		if err != nil {
			break
		}
		all = append(all, conn)
	}
	return all
}

// closePool closes a pool whose connections are held.
func closePool(db *sql.DB, held []*sql.Conn) error {
	if db == nil {
		return nil
	}
	errs := []error{db.Close()}
	for _, conn := range held {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}

// transient reports whether another process held the file too long.
func transient(err error) bool {
	return slices.Contains([]int{lib.SQLITE_BUSY, lib.SQLITE_LOCKED}, code(err))
}

// refusal says what an error of writing rows means: [store.ErrRejected] for
// rows that can not be written.
func refusal(err error) error {
	if slices.Contains([]int{lib.SQLITE_CONSTRAINT, lib.SQLITE_MISMATCH, lib.SQLITE_TOOBIG}, code(err)) {
		return fmt.Errorf("%w: %w", store.ErrRejected, err)
	}
	return err
}

// code returns the primary result code, SQLITE_OK if err is not SQLite's.
func code(err error) int {
	const primary = 0xff
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & primary
	}
	return lib.SQLITE_OK
}
