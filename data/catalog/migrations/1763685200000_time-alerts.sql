-- Known only behind the COMMIT, so written after it, by the engine or by the dispatcher that sees the alert first.
alter table alert alter column committed_at drop default, alter column committed_at drop not null;
-- How long the rule made the alert wait on purpose (on-delay, silence): no part of its latency.
alter table alert add column delay_ms bigint not null default 0;
-- From the instant at which the alert could have left (its reading received and the delay over, at the latest when it
-- was evaluated) to the receiver's 2xx. In bigint: a receiver may be away for a month.
alter table alert add column latency_ms bigint generated always as (
  round(greatest(extract(epoch from notified_at - coalesce(produced_at, appended_at)) * 1000 - delay_ms,
                 extract(epoch from notified_at - evaluated_at) * 1000))::bigint) stored;
-- Beyond the promise of 500 ms. Only violations are in the index, so counting a month of a thousand tenants reads
-- nothing else.
create index alert_sla_violation on alert (tenant, notified_at) where latency_ms > 500;
