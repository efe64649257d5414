-- Who is told when tasks end, and what is to be told.

-- +goose Up

-- Whom to tell; written before the task's command is published, so there may
-- be one of a task that never came to be. Most tasks have none.
create table callback (
    id      uuid     primary key, -- the task's
    kind    smallint not null,    -- store.CallbackKind
    process text     not null,
    url     text     not null
);

-- What is told. The URL is that of the callback, so that a new one counts.
create table delivery (
    number   bigint      generated always as identity primary key,
    time     timestamptz not null, -- of the end
    since    timestamptz not null, -- when it was written, or replayed last
    due      timestamptz not null, -- 1970 for at once
    id       uuid        not null references callback,
    epoch    integer     not null,
    tries    integer     not null default 0,
    status   smallint    not null, -- see table status
    occasion smallint    not null, -- store.Occasion
    state    smallint    not null default 1, -- store.DeliveryState
    problem  text,                 -- of the last try
    constraint delivery_once unique (id, epoch, status, occasion)
);

create index delivery_due on delivery (due, number) where state <= 2;
