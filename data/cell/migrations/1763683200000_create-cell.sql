-- Who may write a tenant's series here. `closed` while a move flips; a shadow stores but does not meter.
create table fence (
  tenant text primary key,
  epoch bigint not null check (epoch > 0),
  role text not null check (role in ('primary', 'shadow')),
  is_closed boolean not null default false,
  closed_until timestamptz
);

-- The next offset to store. It moves in the transaction that stores the rows, and nowhere else.
create table log_position (
  tenant text not null,
  topic text not null,
  partition int not null check (partition between 0 and 32767),
  next_offset bigint not null check (next_offset >= 0),
  primary key (tenant, topic, partition)
) with (fillfactor = 50); -- room for HOT updates: this row changes with every commit

-- Metered in the transaction that stores; the minute is the log's append minute, so a second reader counts the same.
create table usage (
  tenant text not null,
  minute timestamptz not null,
  topic text not null,
  partition int not null,
  row_count bigint not null,
  byte_count bigint not null,
  primary key (tenant, minute, topic, partition)
) with (fillfactor = 70);

-- Hours whose rollups are out of date. Append-only: an insert that skips a mark already there can lose to a rollup
-- that deletes that mark at the same moment.
create table dirty_mark (
  id bigint generated always as identity primary key,
  tenant text not null,
  type text not null,
  machine_id text not null,
  hour timestamptz not null
);
create index on dirty_mark (tenant, type, machine_id, hour);

-- A client's batch and which parts of it are stored. One row a batch, so that its lock orders concurrent parts.
create table batch (
  tenant text not null,
  batch_id text not null,
  content_hash text not null,
  parts int[] not null,
  appended_at timestamptz not null,
  primary key (tenant, batch_id)
);
create index on batch (appended_at);

-- What can never be stored: a record (ordinal null) or one reading of it, with the reason.
create table dead_letter (
  id bigint generated always as identity primary key,
  tenant text not null,
  topic text not null,
  partition int not null,
  record_offset bigint not null,
  log_ref bigint not null,
  ordinal smallint,
  appended_at timestamptz not null,
  reason text not null,
  message text not null,
  raw bytea not null
);
create index on dead_letter (tenant, log_ref);

-- Machines that have ever reported. Lets a query without a machine use the (machine_id, time) index of the series.
create table machine (
  tenant text not null,
  type text not null,
  machine_id text not null,
  site_id text not null, -- '' for none: part of the key
  first_log_ref bigint not null,
  primary key (tenant, type, machine_id, site_id)
);

-- The tenants' tables and how they are cut by time.
create table series (
  tenant text not null,
  table_name text not null,
  schema_name text not null,
  owner_name text not null,
  is_hypertable boolean not null,
  width text not null check (width in ('day', 'month', 'year')),
  -- Older readings (imports) go to partitions of a year: 26 years by days would be 9,500 of them. First of a January.
  fine_from date not null check (extract(doy from fine_from) = 1),
  primary key (tenant, table_name)
);

-- Makes the partitions that hold `days`. Runs as the owner of this schema because tenants' owners cannot log in and
-- writers may not create: everything that reaches the DDL comes from `series`, never from the caller. CREATE + ATTACH
-- rather than PARTITION OF: the parent is locked SHARE UPDATE EXCLUSIVE, which lets COPY and queries go on.
create function ensure_partitions(wanted_tenant text, wanted_table text, days date[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  target record;
  lower_bound date;
  upper_bound date;
  partition_name text;
begin
  select * into target from millwright.series s where s.tenant = wanted_tenant and s.table_name = wanted_table;
  if not found then
    raise exception 'no series % of this tenant', wanted_table using errcode = 'undefined_table';
  end if;
  if cardinality(days) > 12000 then
    raise exception 'too many days in one call' using errcode = 'program_limit_exceeded';
  end if;
  if target.is_hypertable then return; end if;
  -- two callers that need the same partition: the second finds it made
  perform pg_advisory_xact_lock(hashtext(wanted_tenant), hashtext(wanted_table));
  for lower_bound, upper_bound in
    select distinct date_trunc(unit, day::timestamp)::date,
                    (date_trunc(unit, day::timestamp) + ('1 ' || unit)::interval)::date
      from unnest(days) day, lateral (select case when day < target.fine_from then 'year' else target.width end) w(unit)
     where day between '2000-01-01' and '2200-01-01'
     order by 1
  loop
    partition_name := format('%s_%s', target.table_name, to_char(lower_bound, 'YYYYMMDD'));
    continue when to_regclass(format('%I.%I', target.schema_name, partition_name)) is not null;
    execute format('create table %I.%I (like %I.%I including defaults including constraints)',
                   target.schema_name, partition_name, target.schema_name, target.table_name);
    execute format('alter table %I.%I owner to %I', target.schema_name, partition_name, target.owner_name);
    execute format('alter table %I.%I attach partition %I.%I for values from (%L) to (%L)',
                   target.schema_name, target.table_name, target.schema_name, partition_name,
                   lower_bound || ' 00:00:00+00', upper_bound || ' 00:00:00+00');
  end loop;
end $$;
revoke execute on function ensure_partitions from public;

grant usage on schema millwright to millwright_ingest, millwright_query;
grant execute on function ensure_partitions to millwright_ingest;
grant select on fence, series to millwright_ingest;
grant select, update on log_position to millwright_ingest;
grant select, insert, update on usage, batch to millwright_ingest;
grant select, insert on machine, dirty_mark, dead_letter to millwright_ingest;
grant select on fence, machine, log_position to millwright_query;

-- Otherwise any role of the database could hold any tenant's lock for ever.
do $$
declare
  lock_function regprocedure;
begin
  for lock_function in
    select oid from pg_catalog.pg_proc
     where pronamespace = 'pg_catalog'::regnamespace and proname like 'pg\_%advisory%'
  loop
    execute format('revoke execute on function %s from public', lock_function);
    execute format('grant execute on function %s to millwright_ingest', lock_function);
  end loop;
end $$;
