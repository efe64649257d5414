package seal_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/seal"
	"github.com/riverstones/riverstones/store/storetest"
	"github.com/riverstones/riverstones/store/storetest/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// key returns a line of a key file.
func key(id string) string {
	return id + ":" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(id, 32)[:32]))
}

func keyring(t testing.TB, ids ...string) *seal.Keyring {
	t.Helper()
	var lines []string
	for _, id := range ids {
		lines = append(lines, key(id))
	}
	r, err := seal.ParseKeys(strings.Join(lines, "\n"))
	require.NoError(t, err)
	return r
}

// groups are those parts of the contract that have methods of this package; all
// else is passed through. heavy are tests of them that are about volume and
// races, which are the database's.
var (
	groups = []string{"Task", "Lookup", "List", "Log", "Attempts", "Quarantine", "Refuse", "Delay", "Command", "Outbox", "Record", "Grant"}
	heavy  = []string{"Lookup/many", "Outbox/race", "Outbox/large", "Log/bound"}
)

// A sealing store keeps every promise of a store.
func TestStore(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T) store.Store {
		t.Helper()
		return seal.New(storetest.SQLite(t), seal.Config{Keys: keyring(t, "a"), NoEcho: func(string) []string { return []string{"pin"} }})
	}
	storetest.RunSome(t, open, func(name string) bool {
		group, _, _ := strings.Cut(name, "/")
		return slices.Contains(groups, group) && !slices.Contains(heavy, name)
	})
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	r, err := seal.ParseKeys("# old and new\n\n" + key("new") + "\n " + key("old") + " \n")
	require.NoError(t, err)
	id, _ := r.Current()
	require.Equal(t, "new", id)
	_, err = r.Key("old")
	require.NoError(t, err)
	_, err = r.Key("other")
	require.ErrorIs(t, err, seal.ErrUnknownKey)
	_, err = seal.ParseKeys(key("a") + "," + key("b"))
	require.NoError(t, err)
	short := base64.StdEncoding.EncodeToString([]byte("tooshort"))
	for text, want := range map[string]string{
		"":                                    "there is none",
		"# only this":                         "there is none",
		"abc":                                 "is not id:key",
		"a b:" + short:                        "is not id:key",
		"a:" + short:                          "key a is not 32 bytes",
		"a:%%%":                               "key a is not 32 bytes",
		key("a") + "\n" + key("a"):            "key a is there twice",
		strings.Repeat("a", 33) + ":" + short: "is not id:key",
	} {
		_, err := seal.ParseKeys(text)
		require.ErrorIs(t, err, seal.ErrKeys)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), short, "an error shows a key")
	}
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "seal.keys")
	_, err := seal.ReadKeys(path)
	require.ErrorIs(t, err, os.ErrNotExist)
	made, err := seal.MakeKeys(path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	id, _ := made.Current()
	again, err := seal.MakeKeys(path)
	require.NoError(t, err)
	other, _ := again.Current()
	require.Equal(t, id, other)
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing else is left behind")
	require.NoError(t, os.Chmod(path, 0o640))
	_, err = seal.ReadKeys(path)
	require.ErrorIs(t, err, seal.ErrKeys)
	require.ErrorContains(t, err, "chmod 600")
	_, err = seal.ReadKeys(filepath.Dir(path))
	require.ErrorContains(t, err, "is no key file")
	_, err = seal.MakeKeys(filepath.Join(path, "below"))
	require.ErrorIs(t, err, seal.ErrKeys)
}

const secretParams = `{"n":12345678901234567890, "password":"canary-1","deep":[{"apiKey":{"x":["canary-2"]}}],"text":"{\u0022pwd\u0022:\"canary-3\"}",` +
	`"b64":"eyJzZWNyZXQiOiJjYW5hcnktNCJ9","pin":"canary-5","note":"$sealed:mine","nothing":null,"token":null}`

// params is what a task of the tests is commanded with.
func fixture(t *testing.T, raw store.Store, cfg seal.Config) (*seal.Store, store.Attempt, store.State) {
	t.Helper()
	s := seal.New(raw, cfg)
	st := newState("t1")
	a := store.Attempt{ID: st.ID, Epoch: 1, Method: st.Method, Params: json.RawMessage(secretParams),
		Outputs: json.RawMessage(`{"accessKey":"canary-6"}`), CreateTime: st.CreateTime, Sequence: 1}
	st.Outputs = a.Outputs
	record(t, s, store.Changes{New: []store.State{st}, Attempts: []store.Attempt{a}}, nil)
	return s, a, st
}

var pins = []string{"pin"}

func pin(string) []string { return pins }

func TestSealed(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, raw store.Store) {
		s, a, st := fixture(t, raw, seal.Config{Keys: keyring(t, "a"), NoEcho: pin})
		kept, err := raw.Task(t.Context(), "t1")
		require.NoError(t, err)
		require.NotContains(t, string(kept.Params)+string(kept.Outputs), "canary")
		require.NotContains(t, string(kept.Params), "eyJzZWNyZXQ")
		require.Contains(t, string(kept.Params), `{"n":12345678901234567890, "password":"$sealed:1:a:`)
		require.Contains(t, string(kept.Params), `"nothing":null,"token":null}`)

		got, err := s.Task(t.Context(), "t1")
		require.NoError(t, err)
		require.Equal(t, secretParams, string(got.Params), "byte for byte")
		require.Equal(t, string(a.Outputs), string(got.Outputs))
		page, err := s.List(t.Context(), store.Filter{TaskID: "t1"})
		require.NoError(t, err)
		require.Equal(t, secretParams, string(page.Tasks[0].Params))
		known, err := s.Lookup(t.Context(), []string{"t1"}, nil)
		require.NoError(t, err)
		require.Equal(t, secretParams, string(known[0].First.Params))
		require.Equal(t, string(a.Outputs), string(known[0].First.Outputs))
		all, err := s.Attempts(t.Context(), st.ID)
		require.NoError(t, err)
		require.Equal(t, secretParams, string(all[0].Params))
		require.Equal(t, string(st.Outputs), string(states(t, s, st.ID)[st.ID].Outputs))
		require.NoError(t, s.Grant(t.Context(), st.ID, st.Method, func(got store.State, _ *store.Grant, _ time.Time) *store.Grant {
			require.Equal(t, string(st.Outputs), string(got.Outputs))
			return nil
		}))
	})
}

func TestRotation(t *testing.T) {
	t.Parallel()
	raw := storetest.SQLite(t)
	_, _, st := fixture(t, raw, seal.Config{Keys: keyring(t, "old")})
	s := seal.New(raw, seal.Config{Keys: keyring(t, "new", "old")})
	got, err := s.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.Equal(t, secretParams, string(got.Params))
	change(t, s, st.ID, `{"accessKey":"canary-6","more":1}`)
	kept, err := raw.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.Contains(t, string(kept.Outputs), `{"accessKey":"$sealed:1:new:`)
	require.Contains(t, string(kept.Params), `"$sealed:1:old:`)
}

// change records other outputs of a task.
func change(t *testing.T, s store.Store, id, outputs string) {
	t.Helper()
	fold(t, s, nil, func(all map[string]store.State) store.Changes {
		st := all[id]
		st.Outputs = json.RawMessage(outputs)
		return store.Changes{Changed: []store.State{st}}
	}, id)
}

// Without the key a value stays masked, is never lost for it, and reads go on.
func TestLostKey(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, raw store.Store) {
		full, a, st := fixture(t, raw, seal.Config{Keys: keyring(t, "a")})
		for _, name := range []string{"other", "none"} {
			var keys seal.Keys
			if name == "other" {
				keys = keyring(t, "b")
			}
			core, logs := observer.New(zap.ErrorLevel)
			s := seal.New(raw, seal.Config{Keys: keys, Logger: zap.New(core)})
			got, err := s.Task(t.Context(), "t1")
			require.NoError(t, err)
			require.Contains(t, string(got.Outputs), `"accessKey":"******"`)
			require.NotContains(t, string(got.Params), "$sealed:1:")
			require.NotContains(t, string(got.Params), "canary-1")
			require.NotZero(t, logs.FilterMessageSnippet("can not be opened").Len())
			for _, l := range logs.All() {
				require.NotContains(t, fmt.Sprint(l.ContextMap()), "canary")
			}
			change(t, s, st.ID, `{"accessKey":"******","by":"`+name+`"}`)
		}
		got, err := full.Task(t.Context(), "t1")
		require.NoError(t, err)
		require.JSONEq(t, `{"accessKey":"canary-6","by":"none"}`, string(got.Outputs))
		require.Equal(t, string(a.Params), string(got.Params))
	})
}

// A value opens for the task it was sealed for only, and not when it was changed.
func TestBoundToItsTask(t *testing.T) {
	t.Parallel()
	raw := storetest.SQLite(t)
	s, _, _ := fixture(t, raw, seal.Config{Keys: keyring(t, "a")})
	kept, err := raw.Task(t.Context(), "t1")
	require.NoError(t, err)
	thief := newState("t2")
	thief.Outputs = kept.Outputs
	record(t, raw, store.Changes{New: []store.State{thief}}, nil)
	got, err := s.Task(t.Context(), "t2")
	require.NoError(t, err)
	require.JSONEq(t, `{"accessKey":"******"}`, string(got.Outputs))
}

// What was stored before there were keys is read as it is, also where a client
// happened to begin a text as sealed values do.
func TestFromBeforeThereWereKeys(t *testing.T) {
	t.Parallel()
	raw := storetest.SQLite(t)
	fixture(t, raw, seal.Config{})
	kept, err := raw.Task(t.Context(), "t1")
	require.NoError(t, err)
	require.Equal(t, secretParams, string(kept.Params))
	got, err := seal.New(raw, seal.Config{Keys: keyring(t, "a")}).Task(t.Context(), "t1")
	require.NoError(t, err)
	require.Equal(t, secretParams, string(got.Params))
}

func BenchmarkSeal(b *testing.B) {
	plain := `{"regionId":"701","data":"` + strings.Repeat("x", 1000) + `"}`
	for name, c := range map[string]struct{ params string }{
		"plain":  {plain},
		"secret": {`{"password":"hunter2hunter2",` + plain[1:]},
	} {
		for how, wrap := range map[string]func(store.Store) store.Store{
			"without": func(s store.Store) store.Store { return s },
			"with":    func(s store.Store) store.Store { return seal.New(s, seal.Config{Keys: keyring(b, "a"), NoEcho: pin}) },
		} {
			b.Run(name+"/"+how, func(b *testing.B) {
				const tasks = 500
				s := wrap(&discard{})
				var ch store.Changes
				for i := range tasks {
					st := newState(fmt.Sprint(i))
					ch.New = append(ch.New, st)
					ch.Attempts = append(ch.Attempts, store.Attempt{ID: st.ID, Epoch: 1, Params: json.RawMessage(c.params), Outputs: json.RawMessage(`{}`)})
				}
				batch := store.Batch{Fold: func(map[string]store.State) store.Changes { return ch }}
				b.ReportAllocs()
				for b.Loop() {
					if err := s.Record(context.Background(), batch); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tasks, "ns/task")
			})
		}
	}
}
