-- +goose Up
-- Why a conversation was ended by somebody else than its customer, such as
-- 'wrong_number'; '' for none.
alter table conversation add column ended text not null default '';

-- +goose Down
alter table conversation drop column ended;
