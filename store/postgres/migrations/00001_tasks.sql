-- Tasks, and what the recorder writes about them.
-- Times have microseconds. JSON that clients sent is kept as bytes: jsonb would
-- refuse U+0000 and lone surrogates, and rewrite numbers.

-- +goose Up

-- The current state of each task. No index holds a column that the recorder
-- updates, and pages are filled by half only: so its updates stay heap-only (HOT)
-- even when one batch updates every row of a page.
create table task (
    create_time timestamptz not null,
    update_time timestamptz not null,
    end_time    timestamptz,
    id          uuid        not null,
    epoch       integer     not null,
    seen        integer     not null, -- bit 1 << status for each status recorded in this epoch
    rev         integer     not null default 0, -- raised by every writer but the recorder
    log_lines   integer     not null, -- all lines ever kept
    method      smallint    not null,
    status      smallint    not null, -- see table status
    progress    smallint,
    final       boolean     not null,
    following   boolean     not null,
    granted     boolean     not null default false, -- whether grants are to be looked up
    task_id     text        not null,
    process_id  text        not null,
    name        text        not null,
    namespace   text        not null,
    stone       text        not null,
    business_key text,
    worker      text,
    reason      text,
    outputs     bytea,
    primary key (id),
    constraint task_task_id_key unique (task_id),
    constraint task_status check (status between 0 and 22),
    constraint task_final check (not final or status = 5),
    constraint task_end check ((end_time is null) = (status in (0, 1, 3, 6, 9, 12, 15, 19) or (status = 5 and not final))),
    constraint task_epoch check (epoch > 0),
    constraint task_progress check (progress between 0 and 100)
) with (fillfactor = 50);

create index task_process on task (process_id, create_time, id);
create index task_created on task (create_time, id);

-- The command of each epoch. Rows of usual size stay in their page: moving
-- params of 2 KiB out of line costs more than all the rest of recording.
create table attempt (
    create_time  timestamptz not null,
    deadline     timestamptz,
    sequence     bigint      not null, -- in RS_TASKS, 0 if the message was never stored
    backoff      bigint, -- microseconds
    id           uuid        not null,
    epoch        integer     not null,
    max_attempts integer,
    method       smallint    not null,
    params       bytea,
    outputs      bytea,
    primary key (id, epoch)
) with (toast_tuple_target = 8160);

-- The history. final, delivery, worker and reason are those of the first report.
create table transition (
    time     timestamptz not null,
    id       uuid        not null,
    epoch    integer     not null,
    delivery integer     not null,
    status   smallint    not null,
    final    boolean     not null,
    worker   text,
    reason   text,
    primary key (id, epoch, status),
    constraint transition_status check (status between 1 and 22 and (not final or status = 5))
);

-- What was reported but changed nothing.
create table note (
    seq      bigint generated always as identity primary key,
    time     timestamptz not null,
    id       uuid        not null,
    epoch    integer     not null,
    delivery integer     not null,
    status   smallint    not null,
    final    boolean     not null,
    worker   text,
    reason   text,
    why      text        not null
);

create index note_task on note (id);

create table log_line (
    time   timestamptz not null,
    id     uuid        not null,
    n      integer     not null, -- counts the lines of a task from 1
    epoch  integer     not null,
    level  text        not null,
    line   text        not null,
    worker text        not null,
    primary key (id, n)
);

-- Messages, or single events of one, that could not be recorded.
create table quarantine (
    stream   text        not null,
    sequence bigint      not null,
    idx      integer     not null,
    subject  text        not null,
    time     timestamptz not null,
    reason   text        not null,
    task_id  text,
    bytes    bytea       not null,
    primary key (stream, sequence, idx)
);

-- How far each stream is recorded. Both rows are there from the start, since
-- the recorder takes its turn by locking them.
create table checkpoint (
    stream   text   primary key,
    sequence bigint not null
) with (fillfactor = 10);

insert into checkpoint values ('RS_EVENTS', 0), ('RS_TASKS', 0);

-- Who may run what; the last number of (id, epoch, method) holds.
create table grants (
    time     timestamptz not null,
    id       uuid        not null,
    epoch    integer     not null,
    number   integer     not null,
    asked    integer     not null,
    try      integer     not null,
    method   smallint    not null,
    released boolean     not null,
    worker   text        not null,
    primary key (id, epoch, method, number)
);

-- Who does a background duty until when, by this database's clock.
create table lease (
    duty   text        primary key,
    holder text        not null,
    until  timestamptz not null
);

-- The names of the numbers in task.status, for people.
create table status (
    code smallint primary key,
    name text     not null unique
);

insert into status (code, name) values
    (1, 'produce.success'), (2, 'produce.failed'),
    (3, 'start.begin'), (4, 'start.failed'), (5, 'start.success'),
    (6, 'monitor.begin'), (7, 'monitor.success'), (8, 'monitor.failed'),
    (9, 'rollback.begin'), (10, 'rollback.success'), (11, 'rollback.failed'),
    (12, 'delete.begin'), (13, 'delete.success'), (14, 'delete.failed'),
    (15, 'cancel.begin'), (16, 'cancel.success'), (17, 'cancel.failed'), (18, 'canceled'),
    (19, 'mock.begin'), (20, 'mock.success'), (21, 'mock.passed'), (22, 'mock.failed');

-- expect_rows ends the transaction when a statement wrote another number of
-- rows than it was given: somebody else changed one of them. The recorder sends
-- its writes and COMMIT in one go and relies on it.
-- +goose StatementBegin
create function expect_rows(have bigint, want bigint) returns void language plpgsql as $$
begin
    if have <> want then
        raise exception 'a task was changed by another writer' using errcode = 'RS001';
    end if;
end
$$;
-- +goose StatementEnd
