-- +goose NO TRANSACTION
-- +goose Up
-- The three tables that every send writes keep no foreign keys: a check and a lock on
-- the parent for each of eleven keys cost more than the rows themselves. Whoever
-- writes them has read the parents, which are never deleted.
-- SQLite drops a foreign key with its table only, and minds the keys that point here
-- unless it is told not to.
pragma foreign_keys = off;
begin immediate;
create table outreach_new (
    id text not null primary key,
    dealer_id text not null,
    program text not null,
    program_version bigint not null,
    contact_id text not null,
    occasion text not null,
    step text not null,
    visit_id text,
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
    lane text not null default ''
);
insert into outreach_new (id, dealer_id, program, program_version, contact_id, occasion, step, visit_id, merged_into, purpose, priority, channel, state, due_at, target_at, deadline_at, claim_token, claim_until, rule, inputs, created_at, updated_at) select id, dealer_id, program, program_version, contact_id, occasion, step, visit_id, merged_into, purpose, priority, channel, state, due_at, target_at, deadline_at, claim_token, claim_until, rule, inputs, created_at, updated_at from outreach;
drop table outreach;
alter table outreach_new rename to outreach;

create table conversation_new (
    id text not null primary key,
    dealer_id text not null,
    contact_id text not null,
    outreach_id text,
    visit_id text,
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
insert into conversation_new (id, dealer_id, contact_id, outreach_id, visit_id, task_id, survey, survey_version, locale, channel, address, state, position, version, token, opened_at, updated_at, closed_at) select id, dealer_id, contact_id, outreach_id, visit_id, task_id, survey, survey_version, locale, channel, address, state, position, version, token, opened_at, updated_at, closed_at from conversation;
drop table conversation;
alter table conversation_new rename to conversation;

create table message_new (
    id text not null primary key,
    dealer_id text not null,
    outreach_id text,
    conversation_id text,
    contact_id text,
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
insert into message_new (id, dealer_id, outreach_id, conversation_id, contact_id, task_id, direction, channel, sender, address, purpose, template, subject, text, html, buttons, options, state, provider_id, code, reason, attempts, asked, segments, priority, due_at, retry_at, answers_at, valid_until, claim_token, claim_until, reading, employee_id, provider_at, created_at, sent_at, done_at, updated_at) select id, dealer_id, outreach_id, conversation_id, contact_id, task_id, direction, channel, sender, address, purpose, template, subject, text, html, buttons, options, state, provider_id, code, reason, attempts, asked, segments, priority, due_at, retry_at, answers_at, valid_until, claim_token, claim_until, reading, employee_id, provider_at, created_at, sent_at, done_at, updated_at from message;
drop table message;
alter table message_new rename to message;

-- One key finds a contact's outreach and keeps a plan from being written twice.
create unique index outreach_once on outreach (contact_id, program, occasion, step);
-- Queues by lane, dealer and priority: a slow sender, a large dealer or a campaign
-- delays nobody else. A claim changes none of the indexed columns.
create index outreach_queue on outreach (lane, dealer_id, priority, due_at, id) where state in ('planned', 'held', 'claimed');

create unique index message_provider on message (channel, direction, provider_id) where provider_id is not null;
create index message_queue on message (channel, sender, priority, due_at, id) where direction = 'out' and state = 'queued';
create index message_sending on message (channel, address) where direction = 'out' and state = 'sending';
-- Messages and conversations of people we know are found by their contact.
create index message_contact on message (contact_id, created_at);
create index message_unassigned on message (dealer_id, created_at) where contact_id is null;
create index message_stranger on message (channel, address, created_at) where contact_id is null;

create index conversation_contact on conversation (contact_id, opened_at);

-- What a limit of the shipped book is replaced by, while the program runs. per is in
-- microseconds.
create table rate_limit (
    name text not null primary key,
    units bigint not null,
    per bigint not null,
    burst bigint not null,
    employee_id text references employee (id),
    updated_at bigint not null
);

-- What a person has stopped: all, program:ID, sender:CHANNEL:ADDRESS.
create table pause (
    name text not null primary key,
    employee_id text references employee (id),
    at bigint not null
);

-- Running processes; one whose seen_at (machine time) is old is dead.
create table node (
    id text not null primary key,
    version text not null,
    role text not null,
    started_at bigint not null,
    seen_at bigint not null,
    lanes text not null default ''
);
commit;
pragma foreign_keys = on;

-- +goose Down
pragma foreign_keys = off;
begin immediate;
drop table node;
drop table pause;
drop table rate_limit;
create table outreach_old (
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
insert into outreach_old (id, dealer_id, program, program_version, contact_id, occasion, step, visit_id, merged_into, purpose, priority, channel, state, due_at, target_at, deadline_at, claim_token, claim_until, rule, inputs, created_at, updated_at) select id, dealer_id, program, program_version, contact_id, occasion, step, visit_id, merged_into, purpose, priority, channel, state, due_at, target_at, deadline_at, claim_token, claim_until, rule, inputs, created_at, updated_at from outreach;
drop table outreach;
alter table outreach_old rename to outreach;
create table conversation_old (
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
insert into conversation_old (id, dealer_id, contact_id, outreach_id, visit_id, task_id, survey, survey_version, locale, channel, address, state, position, version, token, opened_at, updated_at, closed_at) select id, dealer_id, contact_id, outreach_id, visit_id, task_id, survey, survey_version, locale, channel, address, state, position, version, token, opened_at, updated_at, closed_at from conversation;
drop table conversation;
alter table conversation_old rename to conversation;
create table message_old (
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
insert into message_old (id, dealer_id, outreach_id, conversation_id, contact_id, task_id, direction, channel, sender, address, purpose, template, subject, text, html, buttons, options, state, provider_id, code, reason, attempts, asked, segments, priority, due_at, retry_at, answers_at, valid_until, claim_token, claim_until, reading, employee_id, provider_at, created_at, sent_at, done_at, updated_at) select id, dealer_id, outreach_id, conversation_id, contact_id, task_id, direction, channel, sender, address, purpose, template, subject, text, html, buttons, options, state, provider_id, code, reason, attempts, asked, segments, priority, due_at, retry_at, answers_at, valid_until, claim_token, claim_until, reading, employee_id, provider_at, created_at, sent_at, done_at, updated_at from message;
drop table message;
alter table message_old rename to message;
create index outreach_due on outreach (due_at, id) where state in ('planned', 'held', 'claimed');
create index outreach_contact on outreach (contact_id, due_at);
create index outreach_visit on outreach (visit_id);
create unique index message_provider on message (channel, direction, provider_id) where provider_id is not null;
create index message_queue on message (due_at, id) where direction = 'out' and state in ('queued', 'sending');
create index message_contact on message (contact_id, created_at);
create index message_unassigned on message (dealer_id, created_at) where contact_id is null;
create index message_outreach on message (outreach_id);
create index message_conversation on message (conversation_id);
create index message_address on message (channel, address, created_at);
create index conversation_contact on conversation (contact_id, opened_at);
create index conversation_address on conversation (channel, address, updated_at);
create index conversation_outreach on conversation (outreach_id);
create index conversation_visit on conversation (visit_id);
commit;
pragma foreign_keys = on;
