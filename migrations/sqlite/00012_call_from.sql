-- +goose Up
-- The time before which a person does not want to be called; null for at once.
alter table task add column call_from bigint;

-- +goose Down
alter table task drop column call_from;
