package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	selectDefinition = statement{"rs_select_definition", `
select ` + sqlkit.Definitions.List("") + ` from definition where id = $1`, ""}

	selectLatest = statement{"rs_select_latest", `
select ` + sqlkit.Definitions.List("") + ` from definition where key = $1 and tenant = $2 order by version desc limit 1`, ""}

	selectStarts = statement{"rs_select_starts", `
select ` + sqlkit.Definitions.List("d") + ` from definition_start s join definition d on d.id = s.definition
where s.kind = $1 and s.name = $2 and ($3::text is null or d.tenant = $3) and ` + sqlkit.IsLatest + `
order by d.id`, ""}

	// Who reads a definition shares a lock of its key with others that do, and who
	// removes one has it alone. It is a statement before the one that reads, which
	// so sees what was committed until the lock was had.
	keepKey = statement{"rs_keep_key", `
select pg_advisory_xact_lock_shared(hashtextextended('definition ' || $1::text, 0))`, ""}

	retireKeys = statement{"rs_retire_keys", `
select pg_advisory_xact_lock(hashtextextended('definition ' || d.key, 0))
from (select distinct key from definition where deployment = $1 order by key) d`, ""}

	selectUsers = statement{"rs_select_users", `
select id from instance where definition in (select id from definition where deployment = $1) and (not $2 or end_time is null)
order by root, id limit $3::int4`, ""}

	selectResource = `
select bytes from resource where deployment = $1 and name = $2`
)

// Definition returns a definition by id.
func (tx *stepTx) Definition(ctx context.Context, id string) (d store.Definition, err error) {
	tx.keep(keyOf(id))
	err = tx.one(ctx, selectDefinition, func(r *row) { d = sqlkit.Definition(r) }, textParam(id))
	return d, named("definition", err)
}

// Latest returns the latest definition of a key and tenant.
func (tx *stepTx) Latest(ctx context.Context, key, tenant string) (d store.Definition, err error) {
	tx.keep(key)
	err = tx.one(ctx, selectLatest, func(r *row) { d = sqlkit.Definition(r) }, textParam(key), textParam(tenant))
	return d, named("latest definition", err)
}

// Starts returns the latest definitions that a signal or message starts.
func (tx *stepTx) Starts(ctx context.Context, kind store.SubscriptionKind, name string, tenant *string) (out []store.Definition, err error) {
	kept := map[string]bool{}
	read := func() error {
		out = nil
		return tx.all(ctx, selectStarts, func(r *row) { out = append(out, sqlkit.Definition(r)) }, int2Param(int(kind)), textParam(name), textOrNull(tenant))
	}
	if err = read(); err == nil && len(out) > 0 {
		for i := range out { // their keys were not known before
			tx.keep(out[i].Key)
			kept[out[i].Key] = true
		}
		err = read()
	}
	return slices.DeleteFunc(out, func(d store.Definition) bool { return !kept[d.Key] }), named("starts", err)
}

// keep shares the lock of a key. It goes along with what is asked next.
func (tx *stepTx) keep(key string) {
	if tx.failed == nil {
		tx.queue(keepKey, textParam(key))
	}
}

// keyOf returns the key in a definition's id, which is key:version:unique.
func keyOf(id string) string {
	for range 2 {
		if i := strings.LastIndexByte(id, ':'); i >= 0 {
			id = id[:i]
		}
	}
	return id
}

// Retire locks the keys of a deployment, and returns its instances.
func (tx *stepTx) Retire(ctx context.Context, deploymentID string, running bool, limit int) (ids []string, err error) {
	if tx.failed == nil {
		tx.queue(retireKeys, textParam(deploymentID))
	}
	err = tx.all(ctx, selectUsers, func(r *row) { ids = append(ids, r.Text()) }, textParam(deploymentID), boolParam(running), int4Param(limit))
	return ids, named("retire", err)
}

// Resource returns a file of a deployment.
func (s *Store) Resource(ctx context.Context, deploymentID, name string) (b []byte, err error) {
	found := false
	err = s.each(ctx, selectResource, func(r *row) { b, found = r.Raw(), true }, sqlkit.Text(deploymentID), sqlkit.Text(name))
	if err == nil && !found {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("resource: %w", err)
	}
	return b, nil
}
