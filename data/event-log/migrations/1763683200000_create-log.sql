-- One row per partition; its lock is the order of the partition. Ids are never reused, so a topic that is dropped
-- and made again never shows records of its predecessor.
create table partition (
  id int primary key generated always as identity,
  topic text not null,
  partition int not null check (partition between 0 and 32767),
  -- records kept: start_offset <= offset < end_offset
  start_offset bigint not null default 0,
  end_offset bigint not null default 0,
  last_appended_at_ms bigint not null default 0,
  bytes bigint not null default 0,
  unique (topic, partition)
) with (fillfactor = 50); -- each append updates the row: half a page free keeps the updates heap-only

create table record (
  partition_id int not null,
  "offset" bigint not null,
  appended_at_ms bigint not null,
  headers json not null,
  value bytea not null,
  primary key (partition_id, "offset")
);
-- Readings are written once and read once or twice: compressing each value would cost more than the disk saves.
alter table record alter column value set storage external;
