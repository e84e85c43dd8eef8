-- +goose Up
-- The channel on which a person wants to be reached, as he said (R040); '' where he
-- said nothing.
alter table contact add column preferred text not null default '';

-- +goose Down
alter table contact drop column preferred;
