-- +goose Up
-- The hours in which a person wants to be written to, "11:00-19:00", as he said; '' for
-- none.
alter table contact add column hours text not null default '';

-- +goose Down
alter table contact drop column hours;
