alter table operation drop constraint operation_kind_check;
alter table operation add constraint operation_kind_check
  check (kind in ('create', 'update', 'delete', 'move', 'rollback', 'finish-move', 'rotate'));

-- How often the passwords that the tenant's stack makes were made anew: the stack is told it with every run.
alter table tenant_placement add column rotation int not null default 0;
