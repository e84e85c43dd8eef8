-- +goose Up
-- The three tables that every send writes keep no foreign keys: a check and a lock on
-- the parent for each of eleven keys cost more than the rows themselves. Whoever
-- writes them has read the parents, which are never deleted.
alter table outreach drop constraint outreach_dealer_id_fkey;
alter table outreach drop constraint outreach_contact_id_fkey;
alter table outreach drop constraint outreach_visit_id_fkey;
alter table conversation drop constraint conversation_dealer_id_fkey;
alter table conversation drop constraint conversation_contact_id_fkey;
alter table conversation drop constraint conversation_outreach_id_fkey;
alter table conversation drop constraint conversation_visit_id_fkey;
alter table message drop constraint message_dealer_id_fkey;
alter table message drop constraint message_outreach_id_fkey;
alter table message drop constraint message_conversation_id_fkey;
alter table message drop constraint message_contact_id_fkey;

alter table outreach add column lane text not null default '';
alter table outreach drop constraint outreach_program_contact_id_occasion_step_key;
drop index outreach_due;
drop index outreach_contact;
drop index outreach_visit;
drop index message_queue;
drop index message_outreach;
drop index message_conversation;
drop index message_address;
drop index conversation_address;
drop index conversation_outreach;
drop index conversation_visit;

-- One key finds a contact's outreach and keeps a plan from being written twice.
create unique index outreach_once on outreach (contact_id, program, occasion, step);
-- Queues by lane, dealer and priority: a slow sender, a large dealer or a campaign
-- delays nobody else. A claim changes none of the indexed columns.
create index outreach_queue on outreach (lane, dealer_id, priority, due_at, id) where state in ('planned', 'held', 'claimed');

create index message_queue on message (channel, sender, priority, due_at, id) where direction = 'out' and state = 'queued';
create index message_sending on message (channel, address) where direction = 'out' and state = 'sending';
-- Messages and conversations of people we know are found by their contact.
create index message_stranger on message (channel, address, created_at) where contact_id is null;


-- What a limit of the shipped book is replaced by, while the program runs. per is in
-- microseconds.
create table rate_limit (
    name text not null primary key,
    units bigint not null,
    per bigint not null,
    burst bigint not null,
    employee_id uuid references employee (id),
    updated_at bigint not null
);

-- What a person has stopped: all, program:ID, sender:CHANNEL:ADDRESS.
create table pause (
    name text not null primary key,
    employee_id uuid references employee (id),
    at bigint not null
);

-- Running processes; one whose seen_at (machine time) is old is dead.
create table node (
    id uuid not null primary key,
    version text not null,
    role text not null,
    started_at bigint not null,
    seen_at bigint not null,
    lanes text not null default ''
);

-- +goose Down
drop table node;
drop table pause;
drop table rate_limit;
drop index outreach_once;
drop index outreach_queue;
drop index message_queue;
drop index message_sending;
drop index message_stranger;
alter table outreach drop column lane;
alter table outreach add unique (program, contact_id, occasion, step);
create index outreach_due on outreach (due_at, id) where state in ('planned', 'held', 'claimed');
create index outreach_contact on outreach (contact_id, due_at);
create index outreach_visit on outreach (visit_id);
create index message_queue on message (due_at, id) where direction = 'out' and state in ('queued', 'sending');
create index message_outreach on message (outreach_id);
create index message_conversation on message (conversation_id);
create index message_address on message (channel, address, created_at);
create index conversation_address on conversation (channel, address, updated_at);
create index conversation_outreach on conversation (outreach_id);
create index conversation_visit on conversation (visit_id);
alter table outreach add foreign key (dealer_id) references dealer (id);
alter table outreach add foreign key (contact_id) references contact (id);
alter table outreach add foreign key (visit_id) references visit (id);
alter table conversation add foreign key (dealer_id) references dealer (id);
alter table conversation add foreign key (contact_id) references contact (id);
alter table conversation add foreign key (outreach_id) references outreach (id);
alter table conversation add foreign key (visit_id) references visit (id);
alter table message add foreign key (dealer_id) references dealer (id);
alter table message add foreign key (outreach_id) references outreach (id);
alter table message add foreign key (conversation_id) references conversation (id);
alter table message add foreign key (contact_id) references contact (id);
