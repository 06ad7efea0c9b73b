-- What all tenants and the platform itself came to together on each day: the shape from which the environment's month is
-- foreseen. The sum of cost_day is less, by what no tenant pays.
create table cost_day_total (
  day date primary key,
  amount bigint not null
);
grant select, insert, update, delete on cost_day_total to millwright_service;
