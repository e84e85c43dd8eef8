-- +goose Up
-- The groups of PostgreSQL: SQLite writes each message at its begin, where one writer
-- is all there is.
create table begun (
    id text not null primary key,
    channel text not null,
    sender text not null,
    until bigint not null,
    begun_at bigint not null,
    waiting bigint not null,
    messages text not null,
    people text not null,
    addresses text not null,
    columns text not null,
    content blob not null
);

-- +goose Down
drop table begun;
