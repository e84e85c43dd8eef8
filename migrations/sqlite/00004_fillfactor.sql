-- +goose Up
-- SQLite changes rows where they are.
select 1;

-- +goose Down
select 1;
