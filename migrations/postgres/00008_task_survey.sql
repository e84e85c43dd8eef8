-- +goose Up
-- The survey that a task asks by phone; '' for the house's (R017).
alter table task add column survey text not null default '';

-- +goose Down
alter table task drop column survey;
