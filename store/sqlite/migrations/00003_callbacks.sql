-- Who is told when tasks end, and what is to be told.

-- +goose Up

-- Whom to tell; written before the task's command is published, so there may
-- be one of a task that never came to be. Most tasks have none.
create table callback (
    id      blob    not null primary key, -- the task's
    kind    integer not null,             -- store.CallbackKind
    process text    not null,
    url     text    not null
) strict, without rowid;

-- What is told. The URL is that of the callback, so that a new one counts.
create table delivery (
    number   integer primary key autoincrement,
    id       blob    not null references callback,
    epoch    integer not null,
    status   integer not null, -- see table status
    occasion integer not null, -- store.Occasion
    state    integer not null default 1, -- store.DeliveryState
    time     integer not null, -- of the end
    since    integer not null, -- when it was written, or replayed last
    due      integer not null, -- 0 for at once
    tries    integer not null default 0,
    problem  text,             -- of the last try
    constraint delivery_once unique (id, epoch, status, occasion)
) strict;

create index delivery_due on delivery (due, number) where state <= 2;
