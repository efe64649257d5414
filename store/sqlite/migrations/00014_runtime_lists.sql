-- Lists of the runtime are counted by an index alone, and those of one part do
-- not walk through all rows.

-- +goose Up

-- Those that run, with what they are selected and sorted by: however long the
-- history is, a list of them reads no more than this.
drop index instance_running;
create index instance_running on instance (id, kind, definition, key, tenant, suspended,
    start_time, name, start_user, business_key, end_time) where end_time is null;

drop index instance_key;
create index instance_key on instance (key, start_time, id, kind);

create index instance_suspended on instance (id, suspended) where suspended;

drop index instance_start;
create index instance_start on instance (start_time, id, kind, status, end_time);

-- Not those in which nearly all are: so these cost nothing on the way of most.
create index instance_status on instance (status, start_time, id, kind) where status not in (1, 5);
create index instance_kind on instance (kind, start_time, id, status) where kind <> 1;

drop index execution_activity;
create index execution_activity on execution (activity, id, definition, key, active) where active;

drop index variable_value;
create index variable_value on variable (value_key, name, type, owner);

drop index subscription_name;
create index subscription_name on subscription (kind, name, execution);

-- Workers take the oldest of a topic.
drop index job_topic;
create index job_topic on job (topic, created, id) where topic <> '';

create index user_task_created on user_task (created, id);
create index user_task_due on user_task (due, id);
create index user_task_priority on user_task (priority, id);
