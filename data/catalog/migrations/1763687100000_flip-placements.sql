-- How a tenant's home goes from one cell to another: the states are those of model/flip.ts.
alter table tenant_placement
  drop constraint tenant_placement_state_check,
  add check (state in ('building', 'stable', 'flipping')),
  add column flip_target text references cell,
  add column flip_source text references cell,
  -- By this database's clock; then anybody may end the flip.
  add column flip_deadline timestamptz,
  add check ((state = 'flipping') = (flip_target is not null)),
  add check (state = 'stable' or (state = 'flipping') = (flip_source is not null)),
  add check ((flip_source is null) = (flip_deadline is null));
create index on tenant_placement (flip_deadline) where flip_deadline is not null;

-- Cells that store what a tenant's log brings without being its home: the target of a move, and its source afterwards,
-- for the way back. `until` is when the source may go; a target has no such time.
create table shadow (
  tenant text not null references tenant on delete cascade,
  cell text not null references cell,
  -- Of the placement when it became a shadow: a clean-up that was planned for an earlier one leaves this one alone.
  epoch bigint not null,
  since timestamptz not null default now(),
  until timestamptz,
  primary key (tenant, cell)
);
select protect_tenant_rows('shadow');
revoke insert, update, delete on shadow from millwright_app;
