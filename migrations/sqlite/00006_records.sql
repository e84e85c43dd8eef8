-- +goose Up
-- What programs are triggered by beside visits: what an event is about, booked
-- appointments, people who have not bought yet, and the day on which a car became the
-- person's.
alter table event add column subject_id text;
create index event_subject on event (subject_id) where subject_id is not null;

alter table contact add column deceased boolean not null default false;
alter table contact add column tags text not null default '';

alter table vehicle add column make text not null default '';
alter table vehicle add column delivered_on text not null default '';
alter table vehicle add column consultant_id text references employee (id);

create table appointment (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    contact_id text not null references contact (id),
    vehicle_id text references vehicle (id),
    external_id text not null,
    source text not null,
    order_no text not null default '',
    state text not null,
    starts_at bigint,
    requested_at bigint,
    promised_at bigint,
    ready_at bigint,
    arrived_at bigint,
    advisor_id text references employee (id),
    department text not null default '',
    works text not null default '[]',
    request text not null default '',
    attention boolean not null default false,
    attention_reason text not null default '',
    warranty boolean not null default false,
    immobile boolean not null default false,
    agreed_other boolean not null default false,
    content_hash text not null default '',
    created_at bigint not null,
    updated_at bigint not null,
    unique (external_id, dealer_id, source)
);
create index appointment_day on appointment (dealer_id, starts_at, id);
create index appointment_booked on appointment (starts_at, id) where state = 'booked';
create index appointment_contact on appointment (contact_id, starts_at);
create index appointment_order on appointment (order_no, dealer_id) where order_no <> '';

create table prospect (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    contact_id text not null references contact (id),
    external_id text not null,
    source text not null,
    origin text not null default '',
    contact_kind text not null default '',
    model text not null default '',
    options text not null default '',
    payment text not null default '',
    test_drive text not null default '',
    notes text not null default '',
    consultant_id text references employee (id),
    state text not null,
    outcome text not null default '',
    contacted_at bigint not null,
    agreed_at bigint,
    due_at bigint not null,
    content_hash text not null default '',
    created_at bigint not null,
    updated_at bigint not null,
    unique (external_id, dealer_id, source)
);
create index prospect_due on prospect (dealer_id, state, due_at, id);
create index prospect_contact on prospect (contact_id, contacted_at);

-- +goose Down
drop table prospect;
drop table appointment;
alter table vehicle drop column consultant_id;
alter table vehicle drop column delivered_on;
alter table vehicle drop column make;
alter table contact drop column tags;
alter table contact drop column deceased;
drop index event_subject;
alter table event drop column subject_id;
