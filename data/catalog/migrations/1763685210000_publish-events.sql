-- What is still to be published to the tenants' topics, oldest first; a row goes when the log has it.
create table alert_event (
  sequence bigint generated always as identity primary key,
  tenant text not null references tenant on delete cascade,
  event text not null, -- a hash of what happened: the same however often it is published
  kind text not null,
  at timestamptz(3) not null default clock_timestamp(),
  alert jsonb not null -- its row as it was then
);
create index alert_event_tenant on alert_event (tenant, sequence);
select protect_tenant_rows('alert_event');
revoke select, update, delete on alert_event from millwright_app;

-- Written by the row itself: whoever changes an alert, and however, cannot forget to say so, and the engine's statement
-- stays one. The row's lock orders the events of one alert; the engine's position orders those that it raises of one machine.
create function tell_alert() returns trigger language plpgsql set search_path from current as $$
begin
  insert into alert_event (tenant, event, kind, alert)
  select new.tenant,
         substr(encode(sha256(convert_to(concat_ws('/', new.tenant, new.alert, kind, mark), 'UTF8')), 'hex'), 1, 32),
         kind, to_jsonb(new)
    from (values
      (1, 'alert.raised', tg_op = 'INSERT', null),
      (2, 'alert.returned', new.returned_at is not null and (tg_op = 'INSERT' or old.returned_at is null), null),
      (3, 'alert.acknowledged', new.acknowledged_at is not null and (tg_op = 'INSERT' or old.acknowledged_at is null),
       null),
      (4, 'alert.shelved', tg_op = 'UPDATE' and new.shelved_until is distinct from old.shelved_until,
       extract(epoch from new.shelved_until)::text)
    ) change (place, kind, has_happened, mark)
   where has_happened order by place;
  perform pg_notify('alert_event', '');
  return null;
end $$;
create trigger tell_raised after insert on alert for each row execute function tell_alert();
create trigger tell_changed after update of returned_at, acknowledged_at, shelved_until on alert
  for each row when ((old.returned_at, old.acknowledged_at, old.shelved_until)
                     is distinct from (new.returned_at, new.acknowledged_at, new.shelved_until))
  execute function tell_alert();

-- What happened to the platform. It outlives the tenants that it is about.
create table system_event (
  sequence bigint generated always as identity primary key,
  event text not null unique,
  kind text not null,
  about_tenant text,
  detail jsonb not null,
  at timestamptz(3) not null default clock_timestamp(),
  published_at timestamptz(3)
);
create index system_event_unpublished on system_event (sequence) where published_at is null;
grant select, insert, update, delete on system_event to millwright_service;

-- The right of one publisher to write to a topic: two at once would mix up its order. No row: nobody is at it.
create table publication_lease (
  topic text primary key,
  tenant text references tenant on delete cascade,
  holder uuid not null,
  expires_at timestamptz not null
);
select protect_tenant_rows('publication_lease');
revoke all on publication_lease from millwright_app;
