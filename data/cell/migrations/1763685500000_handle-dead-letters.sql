-- What people did about a dead letter. `raw` holds the first part of what came, `raw_bytes` says how long it was.
-- `kept_at` is when the cell got it: alarms and retention go by it, decisions about readings never do.
alter table dead_letter
  add column raw_bytes int,
  add column kept_at timestamptz not null default now(),
  add column state text not null default 'open' check (state in ('open', 'replayed', 'discarded')),
  add column handled_at timestamptz,
  add column handled_by text;
update dead_letter set raw_bytes = octet_length(raw);
alter table dead_letter
  alter column raw_bytes set not null,
  add check ((state = 'open') = (handled_at is null)),
  add check ((handled_at is null) = (handled_by is null));
create index on dead_letter (tenant, id);
create index on dead_letter (tenant, reason) where state = 'open';
create index on dead_letter (kept_at);

grant select on dead_letter to millwright_ingest, millwright_query;
grant update (state, handled_at, handled_by) on dead_letter to millwright_query;

-- Letters that retention took away: what a customer lost must not look as if it had never been.
create table dead_letter_removed (
  tenant text not null,
  reason text not null,
  count bigint not null,
  primary key (tenant, reason)
);
grant select on dead_letter_removed to millwright_query;
