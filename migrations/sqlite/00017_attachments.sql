-- +goose Up
-- What came beside an inbound message: by what its content is fetched, or where it is.
-- One that came with its message (an email's) is staged first, in parts, and belongs to no
-- message until that is stored. retry_at is machine time.
create table attachment (
    id text not null primary key,
    message_id text references message (id),
    position bigint not null,
    name text not null,
    type text not null default '',
    size bigint not null default 0,
    ref text not null default '',
    place text not null default '',
    state text not null,
    tries bigint not null default 0,
    retry_at bigint,
    created_at bigint not null
);
create index attachment_message on attachment (message_id);
create index attachment_waiting on attachment (retry_at) where state in ('waiting', 'staged');

-- Contents lie in parts of one length, so that writing and deleting them holds no lock for
-- long and a player can ask for the middle.
create table attachment_part (
    id text not null primary key,
    attachment_id text not null references attachment (id),
    number bigint not null,
    content blob not null,
    created_at bigint not null,
    unique (attachment_id, number)
);

-- +goose Down
drop table attachment_part;
drop table attachment;
