-- +goose Up
create table setting (
    name text not null primary key,
    value text not null
);
-- Under this key the addresses of erased people are kept as HMAC-SHA-256, so that
-- an opt-out survives the erasure.
insert into setting (name, value) values ('address_key', hex(randomblob(32)));

create table dealer (
    id text not null primary key,
    code text not null unique,
    name text not null,
    phone text not null default '',
    address text not null default '',
    zone text not null,
    country text not null,
    locale text not null,
    demo boolean not null default false,
    created_at bigint not null
);

create table sender (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    channel text not null,
    address text not null,
    created_at bigint not null,
    paused_at bigint,
    paused_reason text not null default '',
    unique (channel, address, dealer_id)
);

create table employee (
    id text not null primary key,
    dealer_id text references dealer (id),
    name text not null,
    login text unique,
    password_hash text not null default '',
    roles text not null default '',
    department text not null default '',
    locale text not null default '',
    active boolean not null default true,
    created_at bigint not null
);
create index employee_dealer on employee (dealer_id, name);

create table session (
    token text not null primary key,
    data blob not null,
    expires_at bigint not null
);
create index session_expiry on session (expires_at);

create table api_token (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    name text not null,
    hash text not null unique,
    created_at bigint not null,
    revoked_at bigint
);

create table idempotency (
    token_id text not null references api_token (id),
    key text not null,
    body_hash text not null,
    status bigint not null,
    response text not null,
    created_at bigint not null,
    primary key (token_id, key)
);

create table external_key (
    dealer_id text not null references dealer (id),
    source text not null,
    kind text not null,
    external_id text not null,
    object_id text not null,
    content_hash text not null default '',
    primary key (external_id, dealer_id, source, kind)
);
create index external_key_object on external_key (object_id);

create table contact (
    id text not null primary key,
    name text not null,
    name_folded text not null,
    family text not null default '',
    given text not null default '',
    patronymic text not null default '',
    company boolean not null default false,
    gender text not null default '',
    gender_source text not null default '',
    birthday text not null default '',
    locale text not null default '',
    zone text not null default '',
    prospect boolean not null default false,
    unreachable boolean not null default false,
    created_at bigint not null,
    updated_at bigint not null,
    erased_at bigint
);
create index contact_name on contact (name_folded, id);

create table address (
    id text not null primary key,
    contact_id text not null references contact (id),
    channel text not null,
    value text not null,
    rank bigint not null default 0,
    created_at bigint not null,
    unique (contact_id, channel, value)
);
create index address_value on address (value, channel);

create table consent (
    id text not null primary key,
    contact_id text not null references contact (id),
    dealer_id text,
    purpose text not null,
    channel text not null,
    given boolean not null,
    at bigint not null,
    how text not null,
    employee_id text,
    message_id text,
    text_version text not null default ''
);
create index consent_contact on consent (contact_id, at);

create table suppression (
    channel text not null,
    address text not null,
    purpose text not null,
    reason text not null,
    at bigint not null,
    until bigint,
    message_id text,
    primary key (address, channel, purpose, reason)
);

create table vehicle (
    id text not null primary key,
    contact_id text not null references contact (id),
    vin text not null default '',
    plate text not null default '',
    model text not null default '',
    mileage bigint not null default 0,
    sold_at bigint,
    created_at bigint not null,
    updated_at bigint not null
);
create index vehicle_contact on vehicle (contact_id);
create index vehicle_vin on vehicle (vin) where vin <> '';
create index vehicle_plate on vehicle (plate) where plate <> '';

create table visit (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    contact_id text not null references contact (id),
    vehicle_id text references vehicle (id),
    order_no text not null,
    source text not null,
    closed_at bigint,
    handed_over_at bigint,
    promised_at bigint,
    completed_at bigint not null,
    works text not null default '[]',
    total_minor bigint not null default 0,
    currency text not null default '',
    advisor_id text references employee (id),
    mechanic_id text references employee (id),
    department text not null default '',
    repeat_repair boolean not null default false,
    content_hash text not null default '',
    created_at bigint not null,
    updated_at bigint not null,
    unique (order_no, dealer_id, source)
);
create index visit_contact on visit (contact_id, completed_at);
create index visit_vehicle on visit (vehicle_id);
create index visit_recent on visit (dealer_id, completed_at);

create table event (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    kind text not null,
    contact_id text not null references contact (id),
    visit_id text references visit (id),
    at bigint not null,
    created_at bigint not null,
    planned_at bigint
);
create index event_unplanned on event (created_at, id) where planned_at is null;
create index event_visit on event (visit_id);

create table definition (
    id text not null,
    version bigint not null,
    kind text not null,
    content text not null,
    content_hash text not null,
    source text not null,
    created_at bigint not null,
    primary key (id, kind, version)
);

create table outreach (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    program text not null,
    program_version bigint not null,
    contact_id text not null references contact (id),
    occasion text not null,
    step text not null,
    visit_id text references visit (id),
    merged_into text,
    purpose text not null,
    priority bigint not null,
    channel text not null,
    state text not null,
    due_at bigint not null,
    target_at bigint not null,
    deadline_at bigint not null,
    claim_token text,
    claim_until bigint,
    rule text not null default '',
    inputs text not null default '',
    created_at bigint not null,
    updated_at bigint not null,
    unique (program, contact_id, occasion, step)
);
create index outreach_due on outreach (due_at, id) where state in ('planned', 'held', 'claimed');
create index outreach_contact on outreach (contact_id, due_at);
create index outreach_visit on outreach (visit_id);

create table conversation (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    contact_id text not null references contact (id),
    outreach_id text references outreach (id),
    visit_id text references visit (id),
    task_id text,
    survey text not null,
    survey_version bigint not null,
    locale text not null,
    channel text not null,
    address text not null,
    state text not null,
    position text not null,
    version bigint not null,
    token text not null unique,
    opened_at bigint not null,
    updated_at bigint not null,
    closed_at bigint
);
create index conversation_contact on conversation (contact_id, opened_at);
create index conversation_address on conversation (channel, address, updated_at);
create index conversation_outreach on conversation (outreach_id);
create index conversation_visit on conversation (visit_id);

create table message (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    outreach_id text references outreach (id),
    conversation_id text references conversation (id),
    contact_id text references contact (id),
    task_id text,
    direction text not null,
    channel text not null,
    sender text not null,
    address text not null,
    purpose text not null,
    template text not null default '',
    subject text not null default '',
    text text not null,
    html text not null default '',
    buttons text not null default '',
    options text not null default '',
    state text not null,
    provider_id text,
    code text not null default '',
    reason text not null default '',
    attempts bigint not null default 0,
    asked bigint not null default 0,
    segments bigint not null default 0,
    priority bigint not null default 0,
    due_at bigint not null,
    retry_at bigint,
    answers_at bigint,
    valid_until bigint,
    claim_token text,
    claim_until bigint,
    reading text not null default '',
    employee_id text references employee (id),
    provider_at bigint,
    created_at bigint not null,
    sent_at bigint,
    done_at bigint,
    updated_at bigint not null
);
create unique index message_provider on message (channel, direction, provider_id) where provider_id is not null;
create index message_queue on message (due_at, id) where direction = 'out' and state in ('queued', 'sending');
create index message_contact on message (contact_id, created_at);
create index message_outreach on message (outreach_id);
create index message_conversation on message (conversation_id);
create index message_unassigned on message (dealer_id, created_at) where contact_id is null;
create index message_address on message (channel, address, created_at);

create table attempt (
    id text not null primary key,
    message_id text not null references message (id),
    at bigint not null,
    class text not null,
    code text not null default '',
    detail text not null default ''
);
create index attempt_message on attempt (message_id, at);

create table decision (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    outreach_id text not null references outreach (id),
    contact_id text not null references contact (id),
    verdict text not null,
    rule text not null,
    until bigint,
    inputs text not null default '',
    at bigint not null
);
create index decision_outreach on decision (outreach_id, at);
create index decision_contact on decision (contact_id, at);

create table answer (
    id text not null primary key,
    conversation_id text not null references conversation (id),
    question text not null,
    rating bigint,
    answer text not null default '',
    choice text not null default '',
    comment text not null default '',
    channel text not null,
    message_id text,
    employee_id text references employee (id),
    at bigint not null,
    replaced_at bigint
);
create index answer_conversation on answer (conversation_id, question, at);

create table task (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    kind text not null,
    number bigint not null,
    contact_id text references contact (id),
    visit_id text references visit (id),
    outreach_id text references outreach (id),
    conversation_id text references conversation (id),
    message_id text references message (id),
    state text not null,
    owner_id text references employee (id),
    reason text not null default '',
    severity bigint not null default 0,
    words text not null default '',
    department text not null default '',
    source_party text not null default '',
    way_in text not null default '',
    opened_at bigint not null,
    due_at bigint not null,
    claimed_at bigint,
    closed_at bigint,
    outcome text not null default '',
    note text not null default '',
    agreed text not null default '',
    next_contact_at bigint,
    confirmed_at bigint,
    confirmed_by text not null default '',
    version bigint not null,
    updated_at bigint not null,
    unique (dealer_id, number)
);
create index task_open on task (dealer_id, severity desc, due_at, id) where state in ('open', 'claimed', 'asked');
create index task_contact on task (contact_id, opened_at);
create index task_visit on task (visit_id);
create unique index task_outreach on task (outreach_id, kind) where outreach_id is not null;
create unique index task_conversation on task (conversation_id, kind) where conversation_id is not null;

create table task_clock (
    task_id text not null references task (id),
    kind text not null,
    due_at bigint not null,
    met_at bigint,
    primary key (task_id, kind)
);

create table task_step (
    id text not null primary key,
    task_id text not null references task (id),
    kind text not null,
    at bigint not null,
    employee_id text references employee (id),
    message_id text references message (id),
    text text not null default '',
    until bigint
);
create index task_step_task on task_step (task_id, at);

create table remark (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    kind text not null,
    department text not null default '',
    contact_id text references contact (id),
    visit_id text references visit (id),
    conversation_id text references conversation (id),
    message_id text references message (id),
    employee_id text references employee (id),
    text text not null,
    topics text not null default '',
    at bigint not null,
    recommendation text not null default '',
    passed_to text not null default '',
    passed_at bigint,
    passed_by text references employee (id)
);
create index remark_department on remark (dealer_id, department, at);
create index remark_contact on remark (contact_id, at);
create index remark_recent on remark (dealer_id, at);

create table poll_cursor (
    name text not null primary key,
    value text not null,
    updated_at bigint not null
);

create table lease (
    name text not null primary key,
    holder text not null,
    until bigint not null
);

create table audit (
    id text not null primary key,
    dealer_id text,
    employee_id text,
    action text not null,
    object text not null,
    object_id text not null,
    detail text not null default '',
    at bigint not null
);
create index audit_object on audit (object, object_id, at);

-- +goose Down
drop table audit;
drop table lease;
drop table poll_cursor;
drop table remark;
drop table task_step;
drop table task_clock;
drop table task;
drop table answer;
drop table decision;
drop table attempt;
drop table message;
drop table conversation;
drop table outreach;
drop table definition;
drop table event;
drop table visit;
drop table vehicle;
drop table suppression;
drop table consent;
drop table address;
drop table contact;
drop table external_key;
drop table idempotency;
drop table api_token;
drop table session;
drop table employee;
drop table sender;
drop table dealer;
drop table setting;
