-- Rules over several values, or over none, have no metric.
alter table rule alter column metric drop not null,
  add column suppressed_by text[] not null default '{}',
  -- of people: the engine writes none of these
  add column out_of_service_at timestamptz(3),
  add column out_of_service_by text,
  add column out_of_service_reason text;

create table machine_out_of_service (
  tenant text not null references tenant on delete cascade,
  machine_id text not null,
  since timestamptz(3) not null default now(),
  set_by text not null,
  reason text not null,
  primary key (tenant, machine_id)
);
select protect_tenant_rows('machine_out_of_service');

-- The last reading that was not late: where the silence of a machine begins. Null for clocks of before this column.
alter table machine_clock
  add column topic text,
  add column partition int,
  add column appended_at_ms bigint,
  add column log_ref bigint,
  add column ordinal int,
  -- metric -> [value, append time in ms], of the metrics that an expression names
  add column latest jsonb;

-- Many alerts of one machine or one rule within a short time.
create table incident (
  tenant text not null references tenant on delete cascade,
  incident text not null,
  scope text not null check (scope in ('machine', 'rule')),
  subject text not null,
  severity text not null check (severity in ('critical', 'high', 'medium', 'low')),
  -- by the log's clock
  opened_at timestamptz(3) not null,
  last_alert_at timestamptz(3) not null,
  ended_at timestamptz(3), -- when the last of its alerts returned; null again when the flood goes on
  primary key (tenant, incident)
);
create index incident_newest on incident (tenant, opened_at desc, incident desc);
create index incident_latest on incident (tenant, scope, subject, last_alert_at);
select protect_tenant_rows('incident');

alter table alert alter column metric drop not null,
  alter column value drop not null,
  -- a number, a token, the values of an expression
  alter column value type jsonb using to_jsonb(value),
  -- the log's clock when it was raised; appended_at is that of the reading that began it
  add column risen_at timestamptz(3),
  -- the rule whose alert explains this one, and when that alert was gone
  add column suppressed_by text,
  add column released_at timestamptz(3),
  -- false: nobody is told of it (suppressed, shelved, out of service, or one of many in an incident)
  add column announced boolean not null default true,
  add column incident text,
  add foreign key (tenant, incident) references incident;
create index alert_of_machine on alert (tenant, machine_id, risen_at);
create index alert_of_rule on alert (tenant, rule, risen_at);
create index alert_of_incident on alert (tenant, incident) where incident is not null;
