-- +goose Up
-- What a dealer has decided about a program; where there is no row, the definition
-- says whether it runs.
create table program_setting (
    dealer_id text not null references dealer (id),
    program text not null,
    running boolean not null,
    responsible_id text references employee (id),
    changed_by text references employee (id),
    changed_at bigint not null,
    primary key (dealer_id, program)
);

-- One launch of a program for a date by a named person: his texts, whom he means, who
-- has agreed. The id is a part of the occasion of its outreach.
create table campaign (
    id text not null primary key,
    dealer_id text not null references dealer (id),
    program text not null,
    title text not null,
    date text not null,
    texts text not null default '',
    audience text not null default '',
    state text not null,
    size bigint not null default 0,
    created_by text references employee (id),
    created_at bigint not null,
    launched_by text references employee (id),
    launched_at bigint,
    approved_by text references employee (id),
    approved_at bigint,
    version bigint not null,
    updated_at bigint not null
);
create index campaign_date on campaign (dealer_id, date);

-- How far a walk over the people of a dated program has come.
create table date_walk (
    program text not null,
    date text not null,
    round bigint not null,
    last_id text not null,
    done_at bigint,
    primary key (program, date, round)
);

-- Whose day is it: the last five characters of a date are its month and day.
create index contact_birthday on contact (substr(birthday, length(birthday) - 4), id) where birthday <> '';
create index vehicle_birthday on vehicle (substr(delivered_on, 6), id) where delivered_on <> '';

-- +goose Down
drop index vehicle_birthday;
drop index contact_birthday;
drop table date_walk;
drop table campaign;
drop table program_setting;
