-- Tenants whose dead letters grow now: a row is the alarm, so it is raised once whoever watches, and outlives a restart.
create table dead_letter_alarm (
  tenant text primary key references tenant on delete cascade,
  raised_at timestamptz(3) not null default clock_timestamp()
);
select protect_tenant_rows('dead_letter_alarm');
revoke all on dead_letter_alarm from millwright_app;
