-- Who may only read must not fill the disk of the neighbours either. Large objects lie in no schema, and PUBLIC may
-- make them; no part of ours does.
do $$
declare
  large_object_function regprocedure;
begin
  for large_object_function in
    select oid from pg_catalog.pg_proc
     where pronamespace = 'pg_catalog'::regnamespace and (proname like 'lo\_%' or proname in ('loread', 'lowrite'))
  loop
    execute format('revoke execute on function %s from public', large_object_function);
  end loop;
  -- Of one session; only a superuser may lift it. Lower, and a month of readings cannot be sorted any more.
  execute format('alter database %I set temp_file_limit = %L', current_database(), '1GB');
end $$;
