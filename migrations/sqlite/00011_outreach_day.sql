-- +goose Up
-- What was and is due to a dealer's people on a day: the calendar of the console.
create index outreach_day on outreach (dealer_id, due_at, id);

-- +goose Down
drop index outreach_day;
