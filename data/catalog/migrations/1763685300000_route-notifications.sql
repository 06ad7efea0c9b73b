-- What a channel needs depends on its kind: `settings` may be seen; `sealed` (a webhook's secret, Slack's address) is
-- encrypted under a key that is not in this database. What `secret` held in clear is sealed at the next start.
alter table channel no force row level security; -- the owner migrates the rows of all
alter table channel drop constraint channel_kind_check;
alter table channel
  add check (kind in ('webhook', 'email', 'slack', 'sms', 'sns', 'in-app')),
  add column settings jsonb not null default '{}',
  add column sealed bytea,
  add column template jsonb,
  add column hours jsonb,
  add column escalate_after_ms bigint,
  add column dedup_ms bigint,
  add column max_per_minute int,
  alter column secret drop not null;
update channel set settings = jsonb_build_object('url', url);
alter table channel drop column url;
alter table channel force row level security;
-- Write-only for the application, as `secret` was: it makes channels, the dispatcher alone opens what is sealed.
grant select (settings, template, hours, escalate_after_ms, dedup_ms, max_per_minute) on channel to millwright_app;
grant update (settings, sealed, template, hours, escalate_after_ms, dedup_ms, max_per_minute, min_severity, events)
  on channel to millwright_app;

-- A delivery is to do while it has no outcome. A digest stands for many alerts and a test for none.
alter table delivery no force row level security;
alter table delivery drop constraint delivery_event_check;
alter table delivery
  alter column alert drop not null,
  add check (event in ('alert.raised', 'alert.returned', 'alert.acknowledged', 'alert.digest', 'channel.test')),
  add column outcome text check (outcome in ('delivered', 'given-up', 'cancelled', 'deduplicated', 'digested')),
  add column first_tried_at timestamptz(3),
  add column wait_ms bigint not null default 0, -- on purpose: for its escalation, for its channel's hours
  add column dedup_key text, -- only where the channel deduplicates
  add column digest text; -- the delivery that carried this one
update delivery set outcome = 'delivered' where delivered_at is not null;
alter table delivery force row level security;
drop index delivery_due;
create index delivery_due on delivery (tenant, channel, due_at) where outcome is null;
-- Counts what a channel was sent in a minute. A claim moves due_at, so it writes every index anyway.
drop index delivery_channel;
create index delivery_channel on delivery (tenant, channel, first_tried_at);
create index delivery_dedup on delivery (tenant, channel, dedup_key, created_at) where dedup_key is not null;
create index delivery_digest on delivery (tenant, digest) where digest is not null;

-- What the tenant's own routing made the first notification wait is no latency of ours.
alter table alert add column wait_ms bigint not null default 0;
drop index alert_sla_violation;
alter table alert drop column latency_ms;
alter table alert add column latency_ms bigint generated always as (
  round(greatest(extract(epoch from notified_at - coalesce(produced_at, appended_at)) * 1000 - delay_ms,
                 extract(epoch from notified_at - evaluated_at) * 1000) - wait_ms)::bigint) stored;
create index alert_sla_violation on alert (tenant, notified_at) where latency_ms > 500;

-- The notices that a tenant's pages follow. Numbered under the row lock of the counter: a reader that has seen n can
-- never miss a smaller number.
create table in_app_counter (
  tenant text primary key references tenant on delete cascade,
  last_notice bigint not null
);
select protect_tenant_rows('in_app_counter');

create table in_app_notice (
  tenant text not null references tenant on delete cascade,
  notice bigint not null,
  delivery text not null,
  event text not null,
  payload jsonb not null,
  at timestamptz(3) not null default clock_timestamp(),
  primary key (tenant, notice),
  unique (tenant, delivery)
);
select protect_tenant_rows('in_app_notice');
revoke insert, update, delete on in_app_counter, in_app_notice from millwright_app;
