package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/huandu/go-sqlbuilder"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var runtimeLists = sqlkit.RuntimeLists{
	Flavor: sqlbuilder.SQLite,
	Time:   func(t time.Time) any { return sqlkit.Micros(t) },
	Set:    jsonTexts,
	In:     "in (select value from json_each(%s))",
	Like:   "glob %s", // like has no regard to case
	Match:  func(like string) any { return globs.Replace(like) },
	// Not with exists, which looks at the row of each instance.
	Suspended: "%s in (select id from instance where suspended)",
}

// globs turns a pattern of LIKE into one of GLOB.
var globs = strings.NewReplacer("%", "*", "_", "?", "*", "[*]", "?", "[?]", "[", "[[]")

// jsonTexts is how a set of texts is bound.
func jsonTexts(all []string) any {
	b, _ := json.Marshal(all) // texts do not fail
	return string(b)
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
	ctx, stop := context.WithTimeout(ctx, s.readTimeout)
	defer stop()
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, 0, fmt.Errorf("list %s: %w", op, err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	if p.Size > 0 {
		err = each(ctx, tx, query.Page, func(r *row) { rows = append(rows, read(r)) }, query.PageArgs...)
	}
	total, ok := query.Counted(p, len(rows))
	if err == nil && !ok {
		err = tx.QueryRowContext(ctx, query.Count, query.CountArgs...).Scan(&total)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("list %s: %w", op, err)
	}
	return rows, total, nil
}
