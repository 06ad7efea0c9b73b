-- Which server of the operator's own list (TIMESCALE_CELL_URLS) an external dedicated cell has claimed: host:port/database.
alter table cell add column server text unique;

-- True from the moment before the engine may have made something of the tenant's stack: only then a delete needs it.
alter table tenant_placement add column has_stack boolean not null default false;

-- Durable long work. Rows outlive the tenant: a deletion certificate is the result of one.
create table operation (
  operation uuid primary key,
  position bigint generated always as identity unique,
  kind text not null check (kind in ('create', 'update', 'delete')),
  tenant text not null,
  status text not null default 'queued' check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  requested_by text not null,
  reason text,
  input jsonb not null,
  error jsonb,
  result jsonb,
  cancel_requested_at timestamptz,
  -- False once a step has begun behind which there is no way back.
  is_cancellable boolean not null default true,
  -- Grows with every retry; the queue knows the operation up to dispatched_attempt. What was committed but not yet
  -- queued when a process died is found by the difference.
  attempt int not null default 1,
  dispatched_attempt int not null default 0,
  -- Grows with every owner (start, take-over, retry); what comes with a lower one is refused.
  fencing_token bigint not null default 0,
  executor text,
  last_event bigint not null default 0,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  check ((status in ('succeeded', 'failed', 'cancelled')) = (finished_at is not null))
);
-- One at a time per tenant; only a delete may wait behind another operation.
create unique index operation_active on operation (tenant) where status in ('queued', 'running') and kind <> 'delete';
create unique index operation_active_delete on operation (tenant) where status in ('queued', 'running') and kind = 'delete';
create index operation_of_tenant on operation (tenant, position);
create index operation_undispatched on operation (position) where dispatched_attempt < attempt;
select protect_tenant_rows('operation');

create table operation_step (
  operation uuid not null references operation on delete cascade,
  ordinal int not null,
  tenant text not null,
  name text not null,
  status text not null check (status in ('pending', 'running', 'succeeded', 'failed', 'cancelled')),
  attempts int not null default 0,
  started_at timestamptz,
  finished_at timestamptz,
  detail jsonb,
  primary key (operation, name)
);
select protect_tenant_rows('operation_step');

-- Append-only. Numbered under the operation's row lock: a reader that has seen n can never miss a smaller number.
create table operation_event (
  operation uuid not null references operation on delete cascade,
  event bigint not null,
  tenant text not null,
  kind text not null check (kind in ('status', 'step', 'progress')),
  payload jsonb not null,
  at timestamptz not null default now(),
  primary key (operation, event)
);
select protect_tenant_rows('operation_event');

-- A tenant's session reads its operations; only the service drives them.
revoke insert, update, delete on operation, operation_step, operation_event from millwright_app;

-- The right of one process to drive the operations that it took from the queue.
create table executor_lease (
  executor text primary key,
  host text not null,
  pid int not null,
  start_time text not null,
  expires_at timestamptz not null
);
grant select, insert, update, delete on executor_lease to millwright_service;

create table idempotency_key (
  scope text not null,
  key text not null,
  request_hash bytea not null,
  operation uuid not null references operation on delete cascade deferrable initially deferred,
  created_at timestamptz not null default now(),
  primary key (scope, key)
);
grant select, insert, update, delete on idempotency_key to millwright_service;

-- Append-only and hash-chained: hash = sha256(hash of the row before, then the row as jsonb text). No role of the
-- application may write the table; append_audit is the only way in.
create table audit (
  entry bigint primary key,
  at timestamptz not null,
  actor text not null,
  role text not null,
  "from" text,
  action text not null,
  tenant text,
  subject text,
  result text not null,
  detail jsonb,
  hash bytea not null
);
create index audit_of_tenant on audit (tenant, entry);
-- Not forced: the owner appends, in append_audit.
alter table audit enable row level security;
create policy own_tenant on audit for select to millwright_app using (tenant = current_setting('millwright.tenant', true));
create policy every_tenant on audit for select to millwright_service using (true);
grant select on audit to millwright_app, millwright_service;

-- One row: who appends holds its lock until the end of the transaction, so the chain has no forks.
create table audit_head (
  is_only boolean primary key default true check (is_only),
  entry bigint not null,
  hash bytea not null
);
insert into audit_head (entry, hash) values (0, ''::bytea);
grant select on audit_head to millwright_service;

create function audit_hash(previous bytea, fields jsonb) returns bytea language sql immutable as $$
  select sha256(previous || convert_to(fields::text, 'UTF8'))
$$;

-- The row without its hash; time as microseconds since the epoch, because the text of a timestamptz depends on the session.
create function audit_fields(a audit) returns jsonb language sql stable as $$
  select jsonb_build_object('entry', a.entry, 'at', (extract(epoch from a.at) * 1000000)::bigint, 'actor', a.actor,
    'role', a.role, 'from', a."from", 'action', a.action, 'tenant', a.tenant, 'subject', a.subject,
    'result', a.result, 'detail', a.detail)
$$;

create function append_audit(_actor text, _role text, _from text, _action text, _tenant text, _subject text,
                             _result text, _detail jsonb) returns bigint
  language plpgsql security definer as $$
declare
  head audit_head;
  fresh audit;
begin
  -- A tenant's session may record for itself only.
  if session_user = 'millwright_app' and _tenant is distinct from current_setting('millwright.tenant', true) then
    raise exception 'another tenant''s audit' using errcode = 'insufficient_privilege';
  end if;
  select * into strict head from audit_head for update;
  fresh.entry := head.entry + 1;
  fresh.at := clock_timestamp();
  fresh.actor := _actor;
  fresh.role := _role;
  fresh."from" := _from;
  fresh.action := _action;
  fresh.tenant := _tenant;
  fresh.subject := _subject;
  fresh.result := _result;
  fresh.detail := _detail;
  fresh.hash := audit_hash(head.hash, audit_fields(fresh));
  insert into audit values (fresh.*);
  update audit_head set entry = fresh.entry, hash = fresh.hash;
  return fresh.entry;
end $$;
-- A function that runs as its owner looks nowhere but here.
do $$ begin
  execute format('alter function append_audit(text, text, text, text, text, text, text, jsonb) set search_path = %I, pg_temp', current_schema());
end $$;
revoke execute on function append_audit(text, text, text, text, text, text, text, jsonb) from public;
grant execute on function append_audit(text, text, text, text, text, text, text, jsonb) to millwright_app, millwright_service;
