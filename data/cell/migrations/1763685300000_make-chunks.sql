-- Makes the chunks of a hypertable that hold `days`, as ensure_partitions does for native partitions: older readings get
-- chunks of about a year, and no chunk is made inside a COPY, whose locks would last as long as the batch.
--
-- The Apache edition makes a chunk for a row only (its create_chunk is for the community edition): so a row is put in
-- and deleted. The interval is changed for this transaction: others never see it.
create function ensure_chunks(target series, days date[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  extension_schema name := (select extnamespace::regnamespace from pg_extension where extname = 'timescaledb');
  table_name text := format('%I.%I', target.schema_name, target.table_name);
  chunk_width text;
  wanted_day date;
  is_wide boolean := false;
begin
  for wanted_day in
    select distinct day from unnest(days) day where day between '2000-01-01' and '2200-01-01' order by 1
  loop
    continue when exists (
      select from timescaledb_information.chunks c
       where (c.hypertable_schema, c.hypertable_name) = (target.schema_name, target.table_name)
         and c.range_start < (wanted_day + 1)::timestamp at time zone 'UTC'
         and c.range_end > wanted_day::timestamp at time zone 'UTC');
    chunk_width := case when wanted_day < target.fine_from then 'year' else target.width end;
    if (chunk_width <> target.width) <> is_wide then
      is_wide := not is_wide;
      execute format('select %I.set_chunk_time_interval(%L, %L::interval)',
                     extension_schema, table_name, '1 ' || chunk_width);
    end if;
    execute format('insert into %s (time, machine_id, log_ref, ordinal) values (%L, '''', -1, -1)',
                   table_name, wanted_day || ' 00:00:00+00');
    execute format('delete from %s where time = %L and machine_id = '''' and log_ref = -1',
                   table_name, wanted_day || ' 00:00:00+00');
  end loop;
  if is_wide then
    execute format('select %I.set_chunk_time_interval(%L, %L::interval)',
                   extension_schema, table_name, '1 ' || target.width);
  end if;
end $$;
revoke execute on function ensure_chunks from public;

-- Checks the call, makes native partitions, and does nothing more for a hypertable.
alter function ensure_partitions rename to ensure_native_partitions;
revoke execute on function ensure_native_partitions from millwright_ingest;

create function ensure_partitions(wanted_tenant text, wanted_table text, days date[]) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  target millwright.series;
begin
  perform millwright.ensure_native_partitions(wanted_tenant, wanted_table, days);
  select * into target from millwright.series s where s.tenant = wanted_tenant and s.table_name = wanted_table;
  if not target.is_hypertable then return; end if;
  -- two callers that need the same chunk: the second finds it made
  perform pg_advisory_xact_lock(hashtext(wanted_tenant), hashtext(wanted_table));
  perform millwright.ensure_chunks(target, days);
end $$;
revoke execute on function ensure_partitions from public;
grant execute on function ensure_partitions to millwright_ingest;
