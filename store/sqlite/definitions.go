package sqlite

import (
	"context"
	"fmt"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	selectDefinition = `
select ` + sqlkit.Definitions.List("") + ` from definition where id = ?`

	selectLatest = `
select ` + sqlkit.Definitions.List("") + ` from definition where key = ? and tenant = ? order by version desc limit 1`

	selectStarts = `
select ` + sqlkit.Definitions.List("d") + ` from definition_start s join definition d on d.id = s.definition
where s.kind = ?1 and s.name = ?2 and (?3 is null or d.tenant = ?3) and ` + sqlkit.IsLatest + `
order by d.id`

	selectUsers = `
select id from instance where definition in (select id from definition where deployment = ?1) and (not ?2 or end_time is null)
order by root, id limit ?3`

	selectResource = `
select bytes from resource where deployment = ? and name = ?`
)

// Definition returns a definition by id.
func (tx *stepTx) Definition(ctx context.Context, id string) (d store.Definition, err error) {
	err = tx.one(ctx, selectDefinition, func(r *row) { d = sqlkit.Definition(r) }, sqlkit.Text(id))
	return d, named("definition", err)
}

// Latest returns the latest definition of a key and tenant.
func (tx *stepTx) Latest(ctx context.Context, key, tenant string) (d store.Definition, err error) {
	err = tx.one(ctx, selectLatest, func(r *row) { d = sqlkit.Definition(r) }, sqlkit.Text(key), sqlkit.Text(tenant))
	return d, named("latest definition", err)
}

// Starts returns the latest definitions that a signal or message starts.
func (tx *stepTx) Starts(ctx context.Context, kind store.SubscriptionKind, name string, tenant *string) (out []store.Definition, err error) {
	err = tx.all(ctx, selectStarts, func(r *row) { out = append(out, sqlkit.Definition(r)) }, int(kind), sqlkit.Text(name), textOrNull(tenant))
	return out, named("starts", err)
}

// Retire returns the instances of a deployment. Nobody else reads meanwhile:
// there is no other transaction.
func (tx *stepTx) Retire(ctx context.Context, deploymentID string, running bool, limit int) (ids []string, err error) {
	err = tx.all(ctx, selectUsers, func(r *row) { ids = append(ids, r.Text()) }, sqlkit.Text(deploymentID), running, limit)
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
