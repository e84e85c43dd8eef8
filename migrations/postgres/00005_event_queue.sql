-- +goose Up
-- An event is gone when it is planned: the outreach says what became of it. Marking it
-- wrote each row and its indexes anew, which cost more than a row of outreach, and
-- nothing read it afterwards. It refers to what its own transaction wrote or read.
-- planned_at stays for a node of an earlier version beside this one: what such a node
-- marks is planned once more, which changes nothing, and goes then.
delete from event where planned_at is not null;
drop index event_unplanned;
alter table event drop constraint event_dealer_id_fkey;
alter table event drop constraint event_contact_id_fkey;
alter table event drop constraint event_visit_id_fkey;
create index event_order on event (created_at, id);

-- +goose Down
drop index event_order;
alter table event add foreign key (dealer_id) references dealer (id);
alter table event add foreign key (contact_id) references contact (id);
alter table event add foreign key (visit_id) references visit (id);
create index event_unplanned on event (created_at, id) where planned_at is null;
