-- +goose Up
-- An event is gone when it is planned: the outreach says what became of it. Marking it
-- wrote each row and its indexes anew, which cost more than a row of outreach, and
-- nothing read it afterwards. It refers to what its own transaction wrote or read.
-- planned_at stays, as on PostgreSQL, where nodes of two versions may run side by side.
create table event_new (
    id text not null primary key,
    dealer_id text not null,
    kind text not null,
    contact_id text not null,
    visit_id text,
    at bigint not null,
    created_at bigint not null,
    planned_at bigint
);
insert into event_new select id, dealer_id, kind, contact_id, visit_id, at, created_at, null from event where planned_at is null;
drop table event;
alter table event_new rename to event;
create index event_order on event (created_at, id);
create index event_visit on event (visit_id);

-- +goose Down
create table event_old (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    kind text not null,
    contact_id text not null references contact (id),
    visit_id text references visit (id),
    at bigint not null,
    created_at bigint not null,
    planned_at bigint
);
insert into event_old select id, dealer_id, kind, contact_id, visit_id, at, created_at, null from event;
drop table event;
alter table event_old rename to event;
create index event_unplanned on event (created_at, id) where planned_at is null;
create index event_visit on event (visit_id);
