-- What background duties remember.

-- +goose Up

-- Commands that were published again, since their messages were acknowledged
-- and nothing came of them: how often, and the last message.
create table resent (
    time     timestamptz not null,
    sequence bigint      not null, -- in RS_TASKS
    id       uuid        not null, -- the task's
    epoch    integer     not null,
    times    integer     not null,
    method   smallint    not null,
    primary key (id, epoch, method)
);

-- The timeout of a task that was held back counts from its publishing; this is
-- what it was sent with, to compare a repeated POST with. Only such tasks have it.
alter table task add column timeout bigint; -- microseconds

-- Told, or given up: what is removed after a while.
create index delivery_over on delivery (since, number) where state > 2;
