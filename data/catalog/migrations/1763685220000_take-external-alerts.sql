-- Who we are in the lists of systems that an alert has passed: a list that holds us is a loop.
create table installation (
  is_only boolean primary key default true check (is_only),
  installation uuid not null default gen_random_uuid()
);
insert into installation default values;
grant select on installation to millwright_app, millwright_service;

-- An alert of another system comes from no rule and no reading of ours.
alter table alert
  alter column type drop not null,
  alter column metric drop not null,
  alter column value drop not null,
  alter column log_ref drop not null,
  alter column ordinal drop not null,
  add column source text, -- null: our own engine
  add column external_id text,
  add column via text[] not null default '{}'; -- the systems that it has passed, ours left out
-- A condition that stands is not raised again, whatever id it comes with: a system that posts back what we send it, under
-- ids of its own, ends here.
create unique index alert_external_standing on alert (tenant, rule, machine_id)
  where source is not null and returned_at is null;
