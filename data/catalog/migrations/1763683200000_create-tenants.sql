-- Row-level security for a tenant-scoped table: the application sees the tenant of its transaction, the named
-- service role (operations, dispatcher, alert engine: work that crosses tenants) sees all. FORCE, so that not even
-- the owner walks around it.
create function protect_tenant_rows(target regclass) returns void language plpgsql as $$
begin
  execute format('alter table %s enable row level security', target);
  execute format('alter table %s force row level security', target);
  execute format('create policy own_tenant on %s to millwright_app using (tenant = current_setting(''millwright.tenant'', true))', target);
  execute format('create policy every_tenant on %s to millwright_service using (true)', target);
  execute format('grant select, insert, update, delete on %s to millwright_app, millwright_service', target);
end $$;

-- Databases are cells. Capacity decides where a new shared tenant goes; credentials are in the secret store.
create table cell (
  name text primary key,
  tier text not null check (tier in ('shared', 'dedicated')),
  tenant_capacity int not null check (tenant_capacity > 0),
  created_at timestamptz not null default now()
);
grant select, insert, update, delete on cell to millwright_service;
grant select on cell to millwright_app;

create table tenant (
  tenant text primary key,
  name text not null,
  tier text not null check (tier in ('shared', 'dedicated')),
  state text not null check (state in ('creating', 'ready', 'moving', 'deleting', 'failed')),
  machines int not null check (machines >= 0),
  budget_usd_per_month numeric(12, 2),
  contacts jsonb not null default '[]',
  created_at timestamptz not null default now()
);
select protect_tenant_rows('tenant');

-- The only judge of where a tenant's series live. Changes outside create and delete only inside a tier change.
create table tenant_placement (
  tenant text primary key references tenant on delete cascade,
  cell text not null references cell,
  database text not null,
  schema text not null,
  epoch bigint not null,
  state text not null check (state in ('building', 'stable'))
);
select protect_tenant_rows('tenant_placement');

-- Survives the tenant: an id that is used again gets a new generation, so old offsets can never be taken for new.
create table topic_generation (
  tenant text primary key,
  last_generation int not null check (last_generation between 1 and 255)
);
select protect_tenant_rows('topic_generation');

create table topic (
  topic text primary key,
  tenant text not null references tenant on delete cascade,
  stream text not null check (stream in ('readings', 'alerts')),
  generation int not null check (generation between 1 and 255),
  partitions int not null check (partitions between 1 and 32768),
  unique (tenant, stream)
);
select protect_tenant_rows('topic');
