-- What the last look at each stack has found. The platform's own stack has no tenant.
create table stack_drift (
  stack text primary key,
  tenant text references tenant on delete cascade,
  checked_at timestamptz(3) not null default now(),
  status text not null check (status in ('clean', 'drifted', 'failed')),
  differences jsonb not null,
  error text,
  check ((status = 'failed') = (error is not null))
);
create index on stack_drift (tenant);
select protect_tenant_rows('stack_drift');
revoke insert, update, delete on stack_drift from millwright_app;
