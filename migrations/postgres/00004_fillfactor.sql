-- +goose Up
-- Each outreach is written twice in a campaign, claimed and begun, sixty-four neighbours
-- in one transaction: with less room on its page most of them moved to another one and
-- wrote every index anew.
alter table outreach set (fillfactor = 45);

-- +goose Down
alter table outreach set (fillfactor = 70);
