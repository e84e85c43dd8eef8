-- +goose Up
-- The pruner asks whether something still needs a message or a conversation before it
-- removes it, and so do the foreign keys: without these each row that goes would read
-- whole tables. Few rows name a message, so the indexes are small.
create index task_message on task (message_id) where message_id is not null;
create index task_step_message on task_step (message_id) where message_id is not null;
create index remark_message on remark (message_id) where message_id is not null;
create index remark_conversation on remark (conversation_id) where conversation_id is not null;
create index consent_message on consent (message_id) where message_id is not null;
create index suppression_message on suppression (message_id) where message_id is not null;

-- +goose Down
drop index task_message;
drop index task_step_message;
drop index remark_message;
drop index remark_conversation;
drop index consent_message;
drop index suppression_message;
