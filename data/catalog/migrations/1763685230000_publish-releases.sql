-- An alert that stands while the one that explained it is gone is news too.
create or replace function tell_alert() returns trigger language plpgsql set search_path from current as $$
begin
  insert into alert_event (tenant, event, kind, alert)
  select new.tenant,
         substr(encode(sha256(convert_to(concat_ws('/', new.tenant, new.alert, kind, mark), 'UTF8')), 'hex'), 1, 32),
         kind, to_jsonb(new)
    from (values
      (1, 'alert.raised', tg_op = 'INSERT', null),
      (2, 'alert.released', tg_op = 'UPDATE' and new.released_at is not null and old.released_at is null, null),
      (3, 'alert.returned', new.returned_at is not null and (tg_op = 'INSERT' or old.returned_at is null), null),
      (4, 'alert.acknowledged', new.acknowledged_at is not null and (tg_op = 'INSERT' or old.acknowledged_at is null),
       null),
      (5, 'alert.shelved', tg_op = 'UPDATE' and new.shelved_until is distinct from old.shelved_until,
       extract(epoch from new.shelved_until)::text)
    ) change (place, kind, has_happened, mark)
   where has_happened order by place;
  perform pg_notify('alert_event', '');
  return null;
end $$;
drop trigger tell_changed on alert;
create trigger tell_changed after update of released_at, returned_at, acknowledged_at, shelved_until on alert
  for each row when ((old.released_at, old.returned_at, old.acknowledged_at, old.shelved_until)
                     is distinct from (new.released_at, new.returned_at, new.acknowledged_at, new.shelved_until))
  execute function tell_alert();
