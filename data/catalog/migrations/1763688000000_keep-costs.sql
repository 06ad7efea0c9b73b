-- What is billed outlives the tenant, so none of these tables has a `tenant` of its own: an id that is used again is another
-- customer's, which `since`, its creation, tells apart.

-- What each stack costs a month by standing there, and how long it stood.
create table stack_cost (
  stack text not null,
  about_tenant text, -- null: the platform's
  since timestamptz(3),
  from_at timestamptz(3) not null default now(),
  until_at timestamptz(3),
  region text not null,
  book_date date not null,
  lines jsonb not null,
  check ((about_tenant is null) = (since is null)),
  check (until_at >= from_at)
);
create unique index stack_cost_standing on stack_cost (stack) where until_at is null;
create index stack_cost_ended on stack_cost (until_at) where until_at is not null;
grant select, insert, update, delete on stack_cost to millwright_service;

-- Tenants that were deleted, and what they used by day until their months are closed.
create table former_tenancy (
  about_tenant text not null,
  since timestamptz(3) not null,
  until_at timestamptz(3) not null default now(),
  primary key (about_tenant, since)
);
create table former_usage (
  about_tenant text not null,
  since timestamptz(3) not null,
  day timestamptz not null,
  row_count bigint not null,
  byte_count bigint not null,
  query_count bigint not null,
  query_ms double precision not null,
  storage_bytes bigint not null,
  notification_count bigint not null,
  primary key (about_tenant, since, day),
  foreign key (about_tenant, since) references former_tenancy on delete cascade
);
grant select, insert, update, delete on former_tenancy, former_usage to millwright_service;

-- A closed month is never written again. `inputs` is all that its bills follow from; `sha256` is of the bills.
create table cost_month (
  month text primary key check (month ~ '^[0-9]{4}-(0[1-9]|1[0-2])$'),
  closed_at timestamptz(3) not null default now(),
  region text not null,
  book_date date not null,
  total bigint not null, -- micro-dollars, as are all amounts
  unattributed bigint not null,
  inputs jsonb not null,
  sha256 text not null
);
create table cost_bill (
  month text not null references cost_month,
  about_tenant text not null,
  since timestamptz(3) not null,
  hours double precision not null,
  total bigint not null,
  lines jsonb not null,
  primary key (month, about_tenant, since)
);
grant select, insert on cost_month, cost_bill to millwright_service;

-- What each tenant came to on each day: the shape from which the month's end is foreseen and leaps are seen.
create table cost_day (
  day date not null,
  about_tenant text not null,
  since timestamptz(3) not null,
  amount bigint not null,
  primary key (about_tenant, since, day)
);
create index on cost_day (day);
grant select, insert, update, delete on cost_day to millwright_service;

-- Notifications of a month are counted over all tenants; made in time, so that an index of ranges finds them.
create index delivery_created on delivery using brin (created_at);
