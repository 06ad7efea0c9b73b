-- What the catalog has not summed up yet, or not as it is now. The flag lies in the row: it goes where the row goes, into
-- a backup and back out of it, so no mark beside it can be ahead of what is here.
alter table usage add column is_collected boolean not null default false;
create index usage_uncollected on usage (minute) where not is_collected;

-- What the database itself says, sampled once a minute. Null: it does not say (no pg_stat_statements), or was not asked.
create table database_usage (
  tenant text not null,
  minute timestamptz not null,
  direct_query_count bigint,
  direct_query_ms double precision,
  storage_bytes bigint,
  is_collected boolean not null default false,
  primary key (tenant, minute)
) with (fillfactor = 70);
create index database_usage_uncollected on database_usage (minute) where not is_collected;

-- The statistics of each tenant's reader when they were last sampled: a minute holds what they have grown by.
create table reader_statistics (
  tenant text primary key,
  query_count bigint not null,
  query_ms double precision not null
) with (fillfactor = 50);
