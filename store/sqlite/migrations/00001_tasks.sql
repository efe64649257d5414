-- Tasks, and what the recorder writes about them.
-- Times are microseconds since 1970, in UTC. JSON that clients sent is kept as bytes.

-- +goose Up

-- The current state of each task. No index holds a column that the recorder
-- updates, so that its updates touch one page.
create table task (
    id          blob    not null primary key check (length(id) = 16),
    create_time integer not null,
    update_time integer not null,
    end_time    integer,
    epoch       integer not null,
    seen        integer not null, -- bit 1 << status for each status recorded in this epoch
    rev         integer not null default 0, -- raised by every writer but the recorder
    log_lines   integer not null, -- all lines ever kept
    method      integer not null,
    status      integer not null, -- see table status
    progress    integer,
    final       integer not null,
    following   integer not null,
    granted     integer not null default 0, -- whether grants are to be looked up
    task_id     text    not null,
    process_id  text    not null,
    name        text    not null,
    namespace   text    not null,
    stone       text    not null,
    business_key text,
    worker      text,
    reason      text,
    outputs     blob,
    constraint task_task_id_key unique (task_id),
    constraint task_status check (status between 0 and 22),
    constraint task_final check (not final or status = 5),
    constraint task_end check ((end_time is null) = (status in (0, 1, 3, 6, 9, 12, 15, 19) or (status = 5 and not final))),
    constraint task_epoch check (epoch > 0),
    constraint task_progress check (progress between 0 and 100)
) strict;

create index task_process on task (process_id, create_time, id);
create index task_created on task (create_time, id);

-- The command of each epoch.
create table attempt (
    id           blob    not null,
    epoch        integer not null,
    method       integer not null,
    create_time  integer not null,
    deadline     integer,
    sequence     integer not null, -- in RS_TASKS, 0 if the message was never stored
    max_attempts integer,
    backoff      integer, -- microseconds
    params       blob,
    outputs      blob,
    primary key (id, epoch)
) strict;

-- The history. final, delivery, worker and reason are those of the first report.
create table transition (
    id       blob    not null,
    epoch    integer not null,
    status   integer not null,
    final    integer not null,
    time     integer not null,
    delivery integer not null,
    worker   text,
    reason   text,
    primary key (id, epoch, status),
    constraint transition_status check (status between 1 and 22 and (not final or status = 5))
) strict, without rowid;

-- What was reported but changed nothing.
create table note (
    seq      integer primary key,
    id       blob    not null,
    epoch    integer not null,
    status   integer not null,
    final    integer not null,
    time     integer not null,
    delivery integer not null,
    worker   text,
    reason   text,
    why      text    not null
) strict;

create index note_task on note (id);

create table log_line (
    id     blob    not null,
    n      integer not null, -- counts the lines of a task from 1
    epoch  integer not null,
    time   integer not null,
    level  text    not null,
    line   text    not null,
    worker text    not null,
    primary key (id, n)
) strict, without rowid;

-- Messages, or single events of one, that could not be recorded.
create table quarantine (
    stream   text    not null,
    sequence integer not null,
    idx      integer not null,
    subject  text    not null,
    time     integer not null,
    reason   text    not null,
    task_id  text,
    bytes    blob    not null,
    primary key (stream, sequence, idx)
) strict;

-- How far each stream is recorded. Both rows are there from the start.
create table checkpoint (
    stream   text    not null primary key,
    sequence integer not null
) strict, without rowid;

insert into checkpoint values ('RS_EVENTS', 0), ('RS_TASKS', 0);

-- Who may run what; the last number of (id, epoch, method) holds.
create table grants (
    id       blob    not null,
    epoch    integer not null,
    method   integer not null,
    number   integer not null,
    asked    integer not null,
    worker   text    not null,
    try      integer not null,
    released integer not null,
    time     integer not null,
    primary key (id, epoch, method, number)
) strict, without rowid;

-- Who does a background duty until when, by this database's clock.
create table lease (
    duty   text    not null primary key,
    holder text    not null,
    until  integer not null
) strict, without rowid;

-- The names of the numbers in task.status, for people.
create table status (
    code integer primary key,
    name text    not null unique
) strict;

insert into status (code, name) values
    (1, 'produce.success'), (2, 'produce.failed'),
    (3, 'start.begin'), (4, 'start.failed'), (5, 'start.success'),
    (6, 'monitor.begin'), (7, 'monitor.success'), (8, 'monitor.failed'),
    (9, 'rollback.begin'), (10, 'rollback.success'), (11, 'rollback.failed'),
    (12, 'delete.begin'), (13, 'delete.success'), (14, 'delete.failed'),
    (15, 'cancel.begin'), (16, 'cancel.success'), (17, 'cancel.failed'), (18, 'canceled'),
    (19, 'mock.begin'), (20, 'mock.success'), (21, 'mock.passed'), (22, 'mock.failed');
