-- +goose Up
-- Messages that have begun together and of which no outcome is recorded yet: a group in
-- one row, its messages in COPY's binary form. There are a few rows at any moment. The
-- lists are read in place, the content only after a crash, so that it lies elsewhere,
-- as it is.
create table begun (
    id uuid not null primary key,
    channel text not null,
    sender text not null,
    until bigint not null,
    begun_at bigint not null,
    waiting bigint not null,
    messages text not null,
    people text not null,
    addresses text not null,
    columns text not null,
    content bytea not null
) with (toast_tuple_target = 256, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 20000);
alter table begun alter column messages set storage external, alter column people set storage external, alter column addresses set storage external, alter column columns set storage external, alter column content set storage external;

-- +goose Down
drop table begun;
