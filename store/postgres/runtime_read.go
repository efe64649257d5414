package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/riverstones/riverstones/store"
	"github.com/riverstones/riverstones/store/internal/sqlkit"
)

var (
	selectEnds = `
select ` + sqlkit.EndFields + ` from runtime_end order by number limit $1`

	// The index job_due has no others. As the relay does, who asks uses the
	// connections that plan by index.
	jobDue = `j.kind <= 2 and j.retries > 0`

	selectDueJobs = `
select ` + sqlkit.Jobs.List("j") + ` from job j join instance i on i.id = j.instance
where ` + jobDue + ` and j.due <= $1 and j.lock_until <= $1 and not i.suspended
order by j.due, j.id limit $2`

	selectNextJob = `
select min(at) from (
  (select j.due as at from job j join instance i on i.id = j.instance
    where ` + jobDue + ` and j.due > $1 and not i.suspended order by j.due limit 1)
  union all
  select min(j.lock_until) from job j join instance i on i.id = j.instance
  where ` + jobDue + ` and j.due <= $1 and j.lock_until > $1 and not i.suspended) others`

	selectActivities = `
select number, ` + sqlkit.Activities.List("") + ` from activity where instance = $1 order by number`

	stepActivities = statement{"rs_select_activities", selectActivities, ""}

	selectTree = `
select ` + sqlkit.Executions.List("") + ` from execution where instance = $1 order by parent <> '', seq`

	selectVariables = `
select ` + sqlkit.Variables.List("") + ` from variable where owner = any($1) order by owner, name`
)

// Ends returns ends that the runtime has not heard yet.
func (s *Store) Ends(ctx context.Context, limit int) (out []store.TaskEnd, err error) {
	err = each(ctx, s.write, selectEnds, func(r *row) { out = append(out, sqlkit.TaskEnd(r)) }, limit)
	return out, named("ends", err)
}

// DueJobs returns timer and async jobs that are due.
func (s *Store) DueJobs(ctx context.Context, now time.Time, limit int) (jobs []store.Job, next time.Time, err error) {
	if err = each(ctx, s.write, selectDueJobs, func(r *row) { jobs = append(jobs, sqlkit.Job(r)) }, now, limit); err != nil {
		return nil, next, fmt.Errorf("due jobs: %w", err)
	}
	if err = each(ctx, s.write, selectNextJob, func(r *row) { next = r.Time() }, now); err != nil {
		return nil, next, fmt.Errorf("due jobs: %w", err)
	}
	return jobs, next, nil
}

// Activities returns the finished activities of an instance.
func (s *Store) Activities(ctx context.Context, instanceID string) (out []store.Activity, err error) {
	err = s.each(ctx, selectActivities, func(r *row) { out = append(out, sqlkit.Activity(r)) }, sqlkit.Text(instanceID))
	return out, named("activities", err)
}

// Tree returns the executions of an instance.
func (s *Store) Tree(ctx context.Context, instanceID string) (out []store.Execution, err error) {
	err = s.each(ctx, selectTree, func(r *row) { out = append(out, sqlkit.Execution(r)) }, sqlkit.Text(instanceID))
	return out, named("tree", err)
}

// Variables returns the variables of these owners.
func (s *Store) Variables(ctx context.Context, owners ...string) (out []store.Variable, err error) {
	err = s.each(ctx, selectVariables, func(r *row) { out = append(out, sqlkit.Variable(r)) }, sqlkit.Texts(owners))
	return out, named("variables", err)
}
