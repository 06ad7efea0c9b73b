-- Usage of tenants, summed up from the meters. A meter writes the whole minute, never a difference, and its larger count
-- stands: written twice or late it is the same. `cell` is '' where no cell has a part in it.
create table usage_minute (
  minute timestamptz not null,
  tenant text not null references tenant on delete cascade,
  cell text not null,
  meter text not null, -- 'ingest', 'database', 'alerts', or the id of a process that answers queries
  row_count bigint not null default 0,
  byte_count bigint not null default 0,
  query_count bigint not null default 0,
  query_ms double precision not null default 0,
  direct_query_count bigint, -- null: the database does not say
  direct_query_ms double precision,
  violation_count bigint not null default 0,
  storage_bytes bigint,
  -- The minute first: all tenants are summed up, judged and forgotten by time.
  primary key (minute, tenant, cell, meter)
) with (fillfactor = 80);
select protect_tenant_rows('usage_minute');

create table usage_hour (
  hour timestamptz not null,
  tenant text not null references tenant on delete cascade,
  row_count bigint not null,
  byte_count bigint not null,
  query_count bigint not null,
  query_ms double precision not null,
  direct_query_count bigint,
  direct_query_ms double precision,
  violation_count bigint not null,
  storage_bytes bigint, -- the most in the hour
  held_query_count bigint not null, -- the most queries a minute that were reached in each of 15 minutes on end
  cell_query_ms double precision not null, -- of all tenants of the cells where the tenant's were answered
  primary key (hour, tenant)
) with (fillfactor = 80);
select protect_tenant_rows('usage_hour');
-- Violations are rare: a month of a thousand tenants is counted without reading their other hours.
create index usage_hour_violations on usage_hour (hour) where violation_count > 0;

create table usage_day (like usage_hour including defaults) with (fillfactor = 80);
alter table usage_day rename hour to day;
alter table usage_day add primary key (day, tenant), add foreign key (tenant) references tenant on delete cascade;
select protect_tenant_rows('usage_day');

-- Hours (UTC) of which a minute was written since they were summed up.
create table usage_dirty_hour (hour timestamptz primary key);

-- Up to when a regular work has seen everything.
create table usage_progress (
  work text primary key,
  done_until timestamptz not null
);

-- Tenants read their usage; the platform alone writes it.
revoke insert, update, delete on usage_minute, usage_hour, usage_day from millwright_app;
grant select, insert, update, delete on usage_dirty_hour, usage_progress to millwright_service;
