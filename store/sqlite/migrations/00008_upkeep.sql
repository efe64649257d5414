-- What background duties remember.

-- +goose Up

-- Commands that were published again, since their messages were acknowledged
-- and nothing came of them: how often, and the last message.
create table resent (
    id       blob    not null, -- the task's
    epoch    integer not null,
    method   integer not null,
    times    integer not null,
    sequence integer not null, -- in RS_TASKS
    time     integer not null,
    primary key (id, epoch, method)
) strict, without rowid;

-- The timeout of a task that was held back counts from its publishing; this is
-- what it was sent with, to compare a repeated POST with. Only such tasks have it.
alter table task add column timeout integer; -- microseconds

-- Told, or given up: what is removed after a while.
create index delivery_over on delivery (since, number) where state > 2;
