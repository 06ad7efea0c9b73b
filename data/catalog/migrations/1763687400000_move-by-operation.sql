alter table operation drop constraint operation_kind_check;
alter table operation add constraint operation_kind_check
  check (kind in ('create', 'update', 'delete', 'move', 'rollback', 'finish-move'));

-- A tenant's way from one cell to another, from its start until one of the two cells holds nothing of it any more.
create table tenant_move (
  operation uuid primary key,
  tenant text not null references tenant on delete cascade,
  state text not null default 'moving'
    -- moving: the source is home; moved, rolled-back: the other cell follows, as the way back;
    -- finishing: the other cell is being emptied; abandoned, finished: it is.
    check (state in ('moving', 'moved', 'rolled-back', 'finishing', 'abandoned', 'finished')),
  source_cell text not null,
  source_tier text not null,
  -- Chosen by the operation's second step.
  target_cell text,
  target_tier text not null,
  -- Of the trigger that asked for it; null: a person did.
  decision uuid,
  -- Up to which positions both cells are proven to be the same, and by what: there the next proof begins, also that of
  -- the way back.
  proven jsonb,
  started_at timestamptz(3) not null default now(),
  flipped_at timestamptz(3),
  ended_at timestamptz(3)
);
create unique index tenant_move_open on tenant_move (tenant) where state not in ('abandoned', 'finished');
select protect_tenant_rows('tenant_move');
revoke insert, update, delete on tenant_move from millwright_app;
