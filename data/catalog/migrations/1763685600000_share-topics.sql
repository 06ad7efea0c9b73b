-- A tenant's readings go to a topic of its own, or to one that tenants share. `generation` stays the tenant's own count
-- in both: it tells the tenant from a former one of the same id.
alter table tenant add column topic text not null default 'own' check (topic in ('own', 'shared'));
alter table topic
  drop constraint topic_pkey,
  drop constraint topic_tenant_stream_key,
  add primary key (tenant, stream);
create index on topic (topic);

-- One position for each partition, whoever has records in it; of a shared topic it is no tenant's and outlives them all.
alter table alert_position
  drop constraint alert_position_pkey,
  alter column tenant drop not null,
  add primary key (topic, partition);
create index on alert_position (tenant);
