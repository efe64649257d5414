-- What the process runtime works on, and its history. Texts are '' for none,
-- so that they sort alike in both databases, and compare by their bytes; times
-- that are compared are 1970.

-- +goose Up

create table deployment (
    id              text collate "C"  not null primary key,
    name            text collate "C"  not null,
    key             text collate "C"  not null,
    category        text collate "C"  not null,
    tenant          text collate "C"  not null,
    parent          text collate "C"  not null,
    time            timestamptz       not null
);

create table resource (
    deployment      text collate "C"  not null,
    name            text collate "C"  not null,
    bytes           bytea             not null,
    primary key (deployment, name)
);

-- One version of a model. Two deployments at once must not make the same one.
create table definition (
    id              text collate "C"  not null primary key,
    key             text collate "C"  not null,
    version         integer           not null,
    name            text collate "C"  not null,
    description     text collate "C"  not null,
    category        text collate "C"  not null,
    tenant          text collate "C"  not null,
    deployment      text collate "C"  not null,
    resource        text collate "C"  not null,
    graphical       boolean           not null,
    start_form      boolean           not null,
    suspended       boolean           not null,
    signals         bytea, -- JSON array of names
    messages        bytea, -- JSON array of names
    constraint definition_version unique (key, tenant, version)
);

create index definition_deployment on definition (deployment);

-- signals and messages of definitions, to be searched.
create table definition_start (
    definition      text collate "C"  not null,
    kind            smallint          not null, -- store.SubscriptionKind
    name            text collate "C"  not null,
    primary key (definition, kind, name)
);

create index definition_start_name on definition_start (kind, name);

create table instance (
    id              text collate "C"  not null primary key,
    root            text collate "C"  not null,
    super_execution text collate "C"  not null,
    super_instance  text collate "C"  not null,
    definition      text collate "C"  not null,
    key             text collate "C"  not null,
    kind            smallint          not null, -- store.InstanceKind
    status          smallint          not null, -- store.InstanceStatus
    business_key    text collate "C"  not null,
    name            text collate "C"  not null,
    tenant          text collate "C"  not null,
    suspended       boolean           not null,
    debug           boolean           not null,
    mock            boolean           not null,
    start_user      text collate "C"  not null,
    start_activity  text collate "C"  not null,
    start_time      timestamptz       not null,
    end_time        timestamptz,
    end_activity    text collate "C"  not null,
    delete_reason   text collate "C"  not null,
    reason          text collate "C"  not null,
    works_on        text collate "C"  not null,
    rolled_back_by  text collate "C"  not null,
    canceled_by     text collate "C"  not null,
    deleted_by      text collate "C"  not null,
    content         bytea,
    outputs         bytea,
    state           bytea,
    seq             integer           not null
) with (fillfactor = 80); -- most updates change no column of an index

create index instance_running on instance (id) where end_time is null;
create index instance_definition on instance (definition, id);
create index instance_key on instance (key, id);
create index instance_start on instance (start_time, id);
create index instance_business_key on instance (business_key, id) where business_key <> '';
create index instance_super on instance (super_instance) where super_instance <> '';

-- definition, key and tenant are the instance's: lists of executions select
-- and sort by them.
create table execution (
    id              text collate "C"  not null primary key,
    instance        text collate "C"  not null,
    root            text collate "C"  not null,
    parent          text collate "C"  not null,
    activity        text collate "C"  not null,
    kind            smallint          not null, -- store.ExecutionKind
    active          boolean           not null,
    scope           boolean           not null,
    seq             integer           not null,
    entered         timestamptz,
    state           bytea,
    definition      text collate "C"  not null,
    key             text collate "C"  not null,
    tenant          text collate "C"  not null
);

create index execution_instance on execution (instance, seq);
create index execution_parent on execution (parent) where parent <> '';
create index execution_activity on execution (activity, id) where active;
create index execution_definition on execution (definition, id);
create index execution_key on execution (key, id);
create index execution_tenant on execution (tenant, id);

create table variable (
    owner           text collate "C"  not null, -- an execution or a user task
    name            text collate "C"  not null,
    instance        text collate "C"  not null,
    type            text collate "C"  not null,
    kind            text collate "C"  not null,
    value_key       text collate "C"  not null,
    fold            text collate "C"  not null,
    size            bigint            not null, -- of data, in bytes
    created         timestamptz       not null,
    updated         timestamptz       not null,
    data            bytea,
    primary key (owner, name)
);

create index variable_instance on variable (instance);
create index variable_value on variable (value_key, name);

create table subscription (
    id              text collate "C"  not null primary key,
    execution       text collate "C"  not null,
    instance        text collate "C"  not null,
    root            text collate "C"  not null,
    kind            smallint          not null, -- store.SubscriptionKind
    name            text collate "C"  not null,
    activity        text collate "C"  not null,
    tenant          text collate "C"  not null,
    inner_only      boolean           not null,
    created         timestamptz       not null
);

create index subscription_instance on subscription (instance);
create index subscription_name on subscription (kind, name);

create table job (
    id              text collate "C"  not null primary key,
    execution       text collate "C"  not null,
    instance        text collate "C"  not null,
    root            text collate "C"  not null,
    kind            smallint          not null, -- store.JobKind
    definition      text collate "C"  not null,
    activity        text collate "C"  not null,
    name            text collate "C"  not null,
    tenant          text collate "C"  not null,
    topic           text collate "C"  not null,
    correlation     text collate "C"  not null,
    exclusive       boolean           not null,
    due             timestamptz       not null, -- 1970 for none
    repeats         text collate "C"  not null,
    retries         integer           not null,
    lock_owner      text collate "C"  not null,
    lock_until      timestamptz       not null, -- 1970 for not locked
    problem         text collate "C"  not null,
    details         text collate "C"  not null,
    created         timestamptz       not null,
    state           bytea
);

create index job_instance on job (instance);
create index job_due on job (due, id) where kind <= 2 and retries > 0;
create index job_topic on job (topic, id) where topic <> '';

create table user_task (
    id              text collate "C"  not null primary key,
    execution       text collate "C"  not null,
    instance        text collate "C"  not null,
    root            text collate "C"  not null,
    definition      text collate "C"  not null,
    element         text collate "C"  not null,
    name            text collate "C"  not null,
    description     text collate "C"  not null,
    assignee        text collate "C"  not null,
    owner           text collate "C"  not null,
    delegation      text collate "C"  not null,
    priority        integer           not null,
    category        text collate "C"  not null,
    form_key        text collate "C"  not null,
    tenant          text collate "C"  not null,
    due             timestamptz,
    created         timestamptz       not null,
    user_names      bytea, -- JSON array of candidates
    group_names     bytea             -- JSON array of candidates
);

create index user_task_instance on user_task (instance);
create index user_task_assignee on user_task (assignee, id);
create index user_task_element on user_task (element, id);
create index user_task_definition on user_task (definition, id);

-- The candidates of user tasks, to be searched.
create table user_task_candidate (
    task            text collate "C"  not null,
    kind            smallint          not null, -- 1 user, 2 group
    name            text collate "C"  not null,
    primary key (task, kind, name)
);

create index user_task_candidate_name on user_task_candidate (kind, name, task);

create table activity (
    number          bigint generated always as identity primary key,
    instance        text collate "C"  not null,
    execution       text collate "C"  not null,
    activity        text collate "C"  not null,
    type            text collate "C"  not null,
    name            text collate "C"  not null,
    task            text collate "C"  not null,
    called          text collate "C"  not null,
    assignee        text collate "C"  not null,
    start_time      timestamptz       not null,
    end_time        timestamptz       not null,
    reason          text collate "C"  not null
);

create index activity_instance on activity (instance, number);

-- The ends of tasks that the runtime published and has not heard yet.
create table runtime_end (
    number          bigint generated always as identity primary key,
    task            uuid              not null,
    instance        text collate "C"  not null,
    epoch           integer           not null,
    status          smallint          not null, -- see table status
    occasion        smallint          not null, -- store.Occasion
    time            timestamptz       not null,
    constraint runtime_end_once unique (task, epoch, status, occasion)
);

-- Whether the runtime is to be told of anything.
create index callback_runtime on callback (id) where kind = 3;
