-- Tenants that are on their way into this cell. All of it lies in the target, so that what says that a range is copied
-- commits with the range, or not at all.
create table move (
  tenant text primary key,
  -- Of the owner that drives the move; each next one has a higher one, and what comes with a lower one is refused.
  token bigint not null,
  -- When positions and side tables were written, once.
  seeded_at timestamptz
);

-- Where the shadow began: rows below are copied, rows from here on come by the log.
create table move_mark (
  tenant text not null,
  topic text not null,
  partition int not null,
  next_offset bigint not null,
  primary key (tenant, topic, partition)
);

-- The ranges of rows to copy. An id is never used again: a copy of a range that was planned anew finds none.
create table move_range (
  id bigint generated always as identity primary key,
  tenant text not null,
  table_name text not null,
  from_time timestamptz not null,
  to_time timestamptz not null,
  -- Of the source, when the ranges were planned.
  row_count bigint not null,
  -- How often it was copied; each time after the first replaces what is there.
  copy_count int not null default 0,
  -- Of the owner whose copy is in the tables; null: none is.
  done_token bigint,
  -- What both sides had in common when they were compared; null: not compared since the last copy.
  proven_count bigint,
  proven_hash numeric,
  check ((proven_count is null) = (proven_hash is null)),
  check (proven_count is null or done_token is not null)
);
create index on move_range (tenant, id);

-- Tenants of whom nothing may be purged, dropped or compressed, because they are being copied and compared.
create table frozen_tenant (
  tenant text primary key,
  since timestamptz not null default now()
);

-- Who handles dead letters turns away from a tenant that flips, as ingestion does. (Tenants' own readers still cannot.)
grant execute on function pg_catalog.pg_try_advisory_xact_lock_shared(bigint) to millwright_query;
