-- +goose Up
-- A launch has its own hour, in the recipient's zone, and beside its wishes a block of
-- news, by language in JSON, for those who agreed to advertising (R055). people is how
-- many it was launched to.
alter table campaign add column hour text not null default '';
alter table campaign add column news text not null default '';
alter table campaign add column people bigint not null default 0;

-- The outreach of a campaign is found by its occasion, which begins with the campaign's
-- id: holidays and birthdays, which have no subject, are not in it.
create index outreach_campaign on outreach (occasion) where purpose in ('greeting', 'ad') and length(occasion) > 36;

-- +goose Down
drop index outreach_campaign;
alter table campaign drop column people;
alter table campaign drop column news;
alter table campaign drop column hour;
