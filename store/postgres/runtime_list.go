package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/huandu/go-sqlbuilder"
	"github.com/jackc/pgx/v5"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var runtimeLists = sqlkit.RuntimeLists{
	Flavor: sqlbuilder.PostgreSQL,
	Time:   func(t time.Time) any { return t },
	Set:    func(all []string) any { return all },
	In:     "= any(%s)",
	Like:   "like %s escape ''",
	Match:  func(like string) any { return like },
	// Not with in, whose set is gone through for each row when it is large.
	Suspended: "exists (select 1 from instance s where s.suspended and s.id = %s)",
}

// Deployments returns one page of deployments.
func (s *Store) Deployments(ctx context.Context, f store.DeploymentFilter) ([]store.Deployment, int, error) {
	query, err := runtimeLists.Deployments(&f)
	return listed(ctx, s, "deployments", query, err, f.Paging, sqlkit.Deployment)
}

// Definitions returns one page of definitions.
func (s *Store) Definitions(ctx context.Context, f store.DefinitionFilter) ([]store.Definition, int, error) {
	query, err := runtimeLists.Definitions(&f)
	return listed(ctx, s, "definitions", query, err, f.Paging, sqlkit.Definition)
}

// Instances returns one page of instances.
func (s *Store) Instances(ctx context.Context, f store.InstanceFilter) ([]store.Instance, int, error) {
	query, err := runtimeLists.Instances(&f)
	return listed(ctx, s, "instances", query, err, f.Paging, sqlkit.Instance)
}

// Executions returns one page of executions.
func (s *Store) Executions(ctx context.Context, f store.ExecutionFilter) ([]store.ExecutionView, int, error) {
	query, err := runtimeLists.Executions(&f)
	return listed(ctx, s, "executions", query, err, f.Paging, sqlkit.ExecutionView)
}

// UserTasks returns one page of user tasks.
func (s *Store) UserTasks(ctx context.Context, f store.UserTaskFilter) ([]store.UserTaskView, int, error) {
	query, err := runtimeLists.UserTasks(&f)
	return listed(ctx, s, "user tasks", query, err, f.Paging, sqlkit.UserTaskView)
}

// Jobs returns one page of jobs.
func (s *Store) Jobs(ctx context.Context, f store.JobFilter) ([]store.Job, int, error) {
	query, err := runtimeLists.Jobs(&f)
	return listed(ctx, s, "jobs", query, err, f.Paging, sqlkit.Job)
}

// listed reads a page, and counts what matches; both see the same rows.
func listed[T any](ctx context.Context, s *Store, op string, query sqlkit.Listing, err error, p store.Paging,
	read func(sqlkit.Row) T) (rows []T, total int, _ error) {
	if err != nil {
		return nil, 0, fmt.Errorf("list %s: %w", op, err)
	}
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, s.read, snapshot, func(tx pgx.Tx) error {
		rows = nil
		if p.Size > 0 {
			err := each(ctx, tx, query.Page, func(r *row) { rows = append(rows, read(r)) }, query.PageArgs...)
			if err != nil {
				return err
			}
		}
		var ok bool
		if total, ok = query.Counted(p, len(rows)); ok {
			return nil
		}
		return tx.QueryRow(ctx, query.Count, query.CountArgs...).Scan(&total)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list %s: %w", op, err)
	}
	return rows, total, nil
}
