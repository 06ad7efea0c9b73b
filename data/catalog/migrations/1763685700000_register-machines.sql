-- Whose readings a tenant takes. Rows are never deleted: consumers that read old records decide by what held then.
-- valid_from and valid_to are append times of the log, to its millisecond; valid_to null: still so.

-- When readings of unknown machines are refused. No row: never.
create table machine_refusal (
  tenant text not null references tenant on delete cascade,
  valid_from timestamptz(3) not null,
  valid_to timestamptz(3) check (valid_to >= valid_from)
);
create unique index machine_refusal_open on machine_refusal (tenant) where valid_to is null;
create index machine_refusal_tenant on machine_refusal (tenant);
select protect_tenant_rows('machine_refusal');

create table machine_registration (
  tenant text not null references tenant on delete cascade,
  machine_id text collate "C" not null, -- pages are merged with a cell's, which sorts by bytes too
  valid_from timestamptz(3) not null,
  valid_to timestamptz(3) check (valid_to >= valid_from)
);
create unique index machine_registration_open on machine_registration (tenant, machine_id) where valid_to is null;
create index machine_registration_machine on machine_registration (tenant, machine_id);
select protect_tenant_rows('machine_registration');

-- Grows with each change of either table: consumers read again only what has changed.
create table machine_revision (
  tenant text primary key references tenant on delete cascade,
  revision bigint not null
);
select protect_tenant_rows('machine_revision');
