-- Clients' batches that the alert engine has evaluated: a retry must ring no more than it is stored. Written in the
-- transaction that moves the engine's positions, as the cell's own memory is with its.
create table alert_batch (
  tenant text not null references tenant on delete cascade,
  batch_id text not null,
  content_hash text not null,
  parts int[] not null,
  appended_at timestamptz not null,
  primary key (tenant, batch_id)
);
create index on alert_batch (appended_at);
select protect_tenant_rows('alert_batch');
