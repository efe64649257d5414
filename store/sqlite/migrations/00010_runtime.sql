-- What the process runtime works on, and its history. Texts are '' for none,
-- so that they sort alike in both databases; times that are compared are 0.

-- +goose Up

create table deployment (
    id       text    not null primary key,
    name     text    not null,
    key      text    not null,
    category text    not null,
    tenant   text    not null,
    parent   text    not null,
    time     integer not null
) strict;

create table resource (
    deployment text not null,
    name       text not null,
    bytes      blob not null,
    primary key (deployment, name)
) strict;

-- One version of a model. Two deployments at once must not make the same one.
create table definition (
    id          text    not null primary key,
    key         text    not null,
    version     integer not null,
    name        text    not null,
    description text    not null,
    category    text    not null,
    tenant      text    not null,
    deployment  text    not null,
    resource    text    not null,
    graphical   integer not null,
    start_form  integer not null,
    suspended   integer not null,
    signals     blob, -- JSON array of names
    messages    blob, -- JSON array of names
    constraint definition_version unique (key, tenant, version)
) strict;

create index definition_deployment on definition (deployment);

-- signals and messages of definitions, to be searched.
create table definition_start (
    definition text    not null,
    kind       integer not null, -- store.SubscriptionKind
    name       text    not null,
    primary key (definition, kind, name)
) strict, without rowid;

create index definition_start_name on definition_start (kind, name);

create table instance (
    id              text    not null primary key,
    root            text    not null,
    super_execution text    not null,
    super_instance  text    not null,
    definition      text    not null,
    key             text    not null,
    kind            integer not null, -- store.InstanceKind
    status          integer not null, -- store.InstanceStatus
    business_key    text    not null,
    name            text    not null,
    tenant          text    not null,
    suspended       integer not null,
    debug           integer not null,
    mock            integer not null,
    start_user      text    not null,
    start_activity  text    not null,
    start_time      integer not null,
    end_time        integer,
    end_activity    text    not null,
    delete_reason   text    not null,
    reason          text    not null,
    works_on        text    not null,
    rolled_back_by  text    not null,
    canceled_by     text    not null,
    deleted_by      text    not null,
    content         blob,
    outputs         blob,
    state           blob,
    seq             integer not null
) strict;

create index instance_running on instance (id) where end_time is null;
create index instance_definition on instance (definition, id);
create index instance_key on instance (key, id);
create index instance_start on instance (start_time, id);
create index instance_business_key on instance (business_key, id) where business_key <> '';
create index instance_super on instance (super_instance) where super_instance <> '';

-- definition, key and tenant are the instance's: lists of executions select
-- and sort by them.
create table execution (
    id         text    not null primary key,
    instance   text    not null,
    root       text    not null,
    parent     text    not null,
    activity   text    not null,
    kind       integer not null, -- store.ExecutionKind
    active     integer not null,
    scope      integer not null,
    seq        integer not null,
    entered    integer,
    state      blob,
    definition text    not null,
    key        text    not null,
    tenant     text    not null
) strict;

create index execution_instance on execution (instance, seq);
create index execution_parent on execution (parent) where parent <> '';
create index execution_activity on execution (activity, id) where active;
create index execution_definition on execution (definition, id);
create index execution_key on execution (key, id);
create index execution_tenant on execution (tenant, id);

create table variable (
    owner     text    not null, -- an execution or a user task
    name      text    not null,
    instance  text    not null,
    type      text    not null,
    kind      text    not null,
    value_key text    not null,
    fold      text    not null,
    size      integer not null, -- of data, in bytes
    created   integer not null,
    updated   integer not null,
    data      blob,
    primary key (owner, name)
) strict;

create index variable_instance on variable (instance);
create index variable_value on variable (value_key, name);

create table subscription (
    id         text    not null primary key,
    execution  text    not null,
    instance   text    not null,
    root       text    not null,
    kind       integer not null, -- store.SubscriptionKind
    name       text    not null,
    activity   text    not null,
    tenant     text    not null,
    inner_only integer not null,
    created    integer not null
) strict;

create index subscription_instance on subscription (instance);
create index subscription_name on subscription (kind, name);

create table job (
    id          text    not null primary key,
    execution   text    not null,
    instance    text    not null,
    root        text    not null,
    kind        integer not null, -- store.JobKind
    definition  text    not null,
    activity    text    not null,
    name        text    not null,
    tenant      text    not null,
    topic       text    not null,
    correlation text    not null,
    exclusive   integer not null,
    due         integer not null, -- 0 for none
    repeats     text    not null,
    retries     integer not null,
    lock_owner  text    not null,
    lock_until  integer not null, -- 0 for not locked
    problem     text    not null,
    details     text    not null,
    created     integer not null,
    state       blob
) strict;

create index job_instance on job (instance);
create index job_due on job (due, id) where kind <= 2 and retries > 0;
create index job_topic on job (topic, id) where topic <> '';

create table user_task (
    id          text    not null primary key,
    execution   text    not null,
    instance    text    not null,
    root        text    not null,
    definition  text    not null,
    element     text    not null,
    name        text    not null,
    description text    not null,
    assignee    text    not null,
    owner       text    not null,
    delegation  text    not null,
    priority    integer not null,
    category    text    not null,
    form_key    text    not null,
    tenant      text    not null,
    due         integer,
    created     integer not null,
    user_names  blob, -- JSON array of candidates
    group_names blob  -- JSON array of candidates
) strict;

create index user_task_instance on user_task (instance);
create index user_task_assignee on user_task (assignee, id);
create index user_task_element on user_task (element, id);
create index user_task_definition on user_task (definition, id);

-- The candidates of user tasks, to be searched.
create table user_task_candidate (
    task text    not null,
    kind integer not null, -- 1 user, 2 group
    name text    not null,
    primary key (task, kind, name)
) strict, without rowid;

create index user_task_candidate_name on user_task_candidate (kind, name, task);

create table activity (
    number     integer primary key,
    instance   text    not null,
    execution  text    not null,
    activity   text    not null,
    type       text    not null,
    name       text    not null,
    task       text    not null,
    called     text    not null,
    assignee   text    not null,
    start_time integer not null,
    end_time   integer not null,
    reason     text    not null
) strict;

create index activity_instance on activity (instance, number);

-- The ends of tasks that the runtime published and has not heard yet.
create table runtime_end (
    number   integer primary key autoincrement,
    task     blob    not null,
    instance text    not null,
    epoch    integer not null,
    status   integer not null, -- see table status
    occasion integer not null, -- store.Occasion
    time     integer not null,
    constraint runtime_end_once unique (task, epoch, status, occasion)
) strict;

-- Whether the runtime is to be told of anything.
create index callback_runtime on callback (id) where kind = 3;
