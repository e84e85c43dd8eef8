-- +goose Up
-- A plan asked for while many events wait looks them up by their people, part by part.
create index event_contact on event (contact_id);

-- +goose Down
drop index event_contact;
