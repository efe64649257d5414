-- Commands on recorded tasks, and what is known of processes and stones.

-- +goose Up

-- Until when a task was held back. The recorder does not write it.
alter table task add column not_before timestamptz;

-- What operators set for processes of orchestrators; most have no row.
create table process (
    id    text    primary key,
    debug boolean not null default false
);

-- What is to be sent. Rows of one task go in the order of their numbers. The
-- table is small and busy, so it is vacuumed by what was changed alone.
create table outbox (
    number   bigint      generated always as identity primary key,
    due      timestamptz not null, -- 1970 for at once
    since    timestamptz not null, -- when it was due first
    sequence bigint      not null, -- of the message to withdraw, 0 for none
    timeout  bigint      not null, -- microseconds from the publishing, 0 for none
    id       uuid        not null, -- the task's
    epoch    integer     not null, -- of the command
    tries    integer     not null default 0,
    kind     smallint    not null, -- store.Kind
    problem  text,                 -- of the last try
    command  bytea,                -- as published, null where only names and epoch matter
    trace    text
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

create index outbox_due on outbox (due, number);
create index outbox_task on outbox (id, number);

-- The last announcement of each stone.
create table stone (
    time         timestamptz not null,
    code         text        primary key,
    announcement bytea       not null
);

-- The stones that tasks name. An index of all tasks by stone would cost each
-- new task something; this costs only the first one of a stone.
create table used_stone (
    code text primary key
);

insert into used_stone select distinct stone from task;

create index quarantine_time on quarantine (time);
create index quarantine_task on quarantine (task_id, time);
