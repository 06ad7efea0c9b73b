-- Which tier a stack was of: a tenant with a database of its own has no part of the shared ones.
alter table stack_cost add column tier text check (tier in ('shared', 'dedicated'));
-- The part of the bill that no tenant pays: what the platform is built for and nobody has taken.
alter table cost_month add column unattributed_lines jsonb not null default '[]';
