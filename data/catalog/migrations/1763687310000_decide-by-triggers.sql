-- Each change is a version of its own, so that a decision can say by which one it was made. None: the defaults.
create table trigger_config (
  version bigint generated always as identity primary key,
  config jsonb not null,
  put_at timestamptz(3) not null default now(),
  put_by text not null
);
grant select, insert on trigger_config to millwright_service;

create table trigger_decision (
  sequence bigint generated always as identity primary key,
  decision uuid not null unique default gen_random_uuid(),
  tenant text not null references tenant on delete cascade,
  direction text not null check (direction in ('upgrade', 'downgrade')),
  status text not null default 'recommended' check (status in ('recommended', 'started', 'refused', 'withdrawn')),
  hour timestamptz not null, -- of the usage that decided
  evidence jsonb not null,
  config_version bigint not null,
  holds jsonb not null default '[]', -- why it waits; empty once it has started
  decided_at timestamptz(3) not null default now(),
  approved_at timestamptz(3),
  approved_by text,
  operation uuid,
  ended_at timestamptz(3), -- started, refused or withdrawn
  rested_at timestamptz(3) -- when the values had gone back: from then on the trigger may fire again
);
create index trigger_decision_newest on trigger_decision (tenant, sequence desc);
create unique index trigger_decision_open on trigger_decision (tenant) where status = 'recommended';
select protect_tenant_rows('trigger_decision');
revoke insert, update, delete on trigger_decision from millwright_app;

-- Written by the row itself, so that no way to change a tier can forget it.
alter table tenant add column tier_changed_at timestamptz(3);
create function tell_tier_changed() returns trigger language plpgsql as $$
begin
  new.tier_changed_at := now();
  return new;
end $$;
create trigger tier_changed before update of tier on tenant
  for each row when (old.tier is distinct from new.tier) execute function tell_tier_changed();
