alter table operation drop constraint operation_kind_check;
alter table operation add constraint operation_kind_check
  check (kind in ('create', 'update', 'delete', 'move', 'rollback', 'finish-move', 'rotate', 'restore'));
