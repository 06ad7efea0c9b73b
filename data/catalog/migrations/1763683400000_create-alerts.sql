-- Grows with each change of a tenant's rules: the engine compares it in each batch, so a new rule is in force in the
-- batch that follows its commit; a rule's version is the revision that made it, hence never used twice.
create table rule_revision (
  tenant text primary key references tenant on delete cascade,
  revision bigint not null
);
select protect_tenant_rows('rule_revision');

create table rule (
  tenant text not null references tenant on delete cascade,
  rule text not null,
  version bigint not null,
  valid_from timestamptz not null,
  name text not null,
  type text not null,
  metric text not null,
  condition jsonb not null,
  severity text not null check (severity in ('critical', 'high', 'medium', 'low')),
  machines text[], -- null: every machine
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  primary key (tenant, rule)
);
select protect_tenant_rows('rule');

-- The engine's position, clocks and states change in one transaction with the alerts that follow from them.
create table alert_position (
  tenant text not null references tenant on delete cascade,
  topic text not null,
  partition int not null,
  next_offset bigint not null,
  primary key (tenant, topic, partition)
) with (fillfactor = 50);
select protect_tenant_rows('alert_position');

-- Time of the newest reading evaluated: an older one is late and changes nothing.
create table machine_clock (
  tenant text not null references tenant on delete cascade,
  machine_id text not null,
  type text not null,
  newest_at_ms bigint not null,
  primary key (tenant, machine_id, type)
) with (fillfactor = 50);
select protect_tenant_rows('machine_clock');

-- Conditions that are not normal; no row means normal.
create table rule_state (
  tenant text not null,
  rule text not null,
  machine_id text not null,
  version bigint not null,
  topic text not null,
  partition int not null,
  state jsonb not null,
  deadline_ms bigint, -- when a delay runs out in append time
  primary key (tenant, rule, machine_id),
  foreign key (tenant, rule) references rule on delete cascade
);
create index rule_state_deadline on rule_state (deadline_ms) where deadline_ms is not null;
create index rule_state_machine on rule_state (tenant, machine_id);
select protect_tenant_rows('rule_state');

create table alert (
  tenant text not null references tenant on delete cascade,
  alert text not null,
  -- as the rule was then; it may change or go
  rule text not null,
  rule_name text not null,
  type text not null,
  metric text not null,
  severity text not null check (severity in ('critical', 'high', 'medium', 'low')),
  machine_id text not null,
  value double precision not null,
  log_ref bigint not null,
  ordinal int not null,
  -- of the engine
  raised_at timestamptz(3) not null, -- event time
  produced_at timestamptz(3),
  appended_at timestamptz(3) not null,
  evaluated_at timestamptz(3) not null,
  committed_at timestamptz(3) not null default clock_timestamp(), -- last statement before COMMIT: one fsync early
  returned_at timestamptz(3),
  -- of the dispatcher
  notified_at timestamptz(3),
  -- of people: the engine writes none of these
  acknowledged_at timestamptz(3),
  acknowledged_by text,
  shelved_until timestamptz(3),
  shelved_by text,
  primary key (tenant, alert)
);
create index alert_newest on alert (tenant, raised_at desc, alert desc);
create index alert_open on alert (tenant, rule, machine_id) where returned_at is null;
create index alert_shelved on alert (tenant, rule, machine_id) where shelved_until is not null;
select protect_tenant_rows('alert');

create table alert_comment (
  tenant text not null,
  alert text not null,
  id bigint generated always as identity primary key,
  written_at timestamptz(3) not null default now(),
  written_by text not null,
  comment text not null,
  foreign key (tenant, alert) references alert on delete cascade
);
create index alert_comment_alert on alert_comment (tenant, alert, id);
select protect_tenant_rows('alert_comment');

create table channel (
  tenant text not null references tenant on delete cascade,
  channel text not null,
  kind text not null check (kind in ('webhook')),
  url text not null,
  secret text not null,
  min_severity text not null check (min_severity in ('critical', 'high', 'medium', 'low')),
  events text[] not null,
  created_at timestamptz(3) not null default now(),
  primary key (tenant, channel)
);
select protect_tenant_rows('channel');
-- Only the dispatcher signs: a hole in the API cannot show a secret.
revoke select, update on channel from millwright_app;
grant select (tenant, channel, kind, url, min_severity, events, created_at) on channel to millwright_app;

-- The outbox: what is to be sent, one row per event and channel, written with the event itself.
create table delivery (
  tenant text not null,
  delivery text not null,
  alert text not null,
  channel text not null,
  event text not null check (event in ('alert.raised', 'alert.returned', 'alert.acknowledged')),
  created_at timestamptz(3) not null default clock_timestamp(),
  -- pending until delivered: the next try; a claim moves it a lease ahead, so a killed dispatcher's work comes back
  due_at timestamptz(3) not null default clock_timestamp(),
  tries int not null default 0,
  delivered_at timestamptz(3),
  primary key (tenant, delivery),
  foreign key (tenant, alert) references alert on delete cascade,
  foreign key (tenant, channel) references channel on delete cascade
);
create index delivery_due on delivery (tenant, channel, due_at) where delivered_at is null;
create index delivery_alert on delivery (tenant, alert);
create index delivery_channel on delivery (tenant, channel);
select protect_tenant_rows('delivery');

create table delivery_try (
  tenant text not null,
  delivery text not null,
  try int not null,
  started_at timestamptz(3) not null,
  duration_ms int not null,
  status int,
  error text,
  primary key (tenant, delivery, try),
  foreign key (tenant, delivery) references delivery on delete cascade
);
select protect_tenant_rows('delivery_try');
