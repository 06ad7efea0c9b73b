-- Quality of a row's values, two bits a metric (0 good, 1 uncertain, 2 bad, 3 implausible), NULL when all are good; for
-- series made before. New ones have the column from the start.
do $$
declare
  target record;
begin
  for target in select schema_name, table_name from series where table_name <> 'aggregated_metrics'
  loop
    execute format('alter table %I.%I add column if not exists quality int', target.schema_name, target.table_name);
  end loop;
end $$;
