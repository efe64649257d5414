-- Commands on recorded tasks, and what is known of processes and stones.

-- +goose Up

-- Until when a task was held back. The recorder does not write it.
alter table task add column not_before integer;

-- What operators set for processes of orchestrators; most have no row.
create table process (
    id    text    not null primary key,
    debug integer not null default 0
) strict, without rowid;

-- What is to be sent. Rows of one task go in the order of their numbers, which
-- are never used again: who tells what became of a row may come late.
create table outbox (
    number   integer primary key autoincrement,
    id       blob    not null, -- the task's
    epoch    integer not null, -- of the command
    kind     integer not null, -- store.Kind
    due      integer not null, -- 0 for at once
    since    integer not null, -- when it was due first
    sequence integer not null, -- of the message to withdraw, 0 for none
    timeout  integer not null, -- microseconds from the publishing, 0 for none
    tries    integer not null default 0,
    problem  text,             -- of the last try
    command  blob,             -- as published, null where only names and epoch matter
    trace    text
) strict;

create index outbox_due on outbox (due, number);
create index outbox_task on outbox (id, number);

-- The last announcement of each stone.
create table stone (
    code         text    not null primary key,
    time         integer not null,
    announcement blob    not null
) strict, without rowid;

-- The stones that tasks name. An index of all tasks by stone would cost each
-- new task something; this costs only the first one of a stone.
create table used_stone (
    code text not null primary key
) strict, without rowid;

insert into used_stone select distinct stone from task;

create index quarantine_time on quarantine (time);
create index quarantine_task on quarantine (task_id, time);
