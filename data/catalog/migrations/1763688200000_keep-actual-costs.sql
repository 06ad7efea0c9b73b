-- What the provider's own bill says of a month, by the stack's owner and the price; reported again, the newest stands.
-- Amounts are micro-dollars.
create table cost_actual (
  month text primary key check (month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
  reported_at timestamptz(3) not null default now(),
  matched jsonb not null,
  unmatched bigint not null,
  besides_use bigint not null
);
grant select, insert, update on cost_actual to millwright_service;
