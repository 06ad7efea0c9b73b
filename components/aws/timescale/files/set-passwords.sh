#!/bin/bash
# Gives the server the passwords that stand in Secrets Manager: at its start, and after each rotation.
set -euo pipefail
. /usr/local/lib/millwright/aws.sh
umask 077

found=$(logins)
for login in admin replicator pooler; do
  password=$(printf '%s' "$found" | jq -er ".$login")
  export "${login^^}_PASSWORD=$password"
done
printf '*:5432:replication:replicator:%s\n' "$REPLICATOR_PASSWORD" > /etc/millwright/replication.pgpass
chown postgres: /etc/millwright/replication.pgpass
printf '"pooler" "%s"\n' "$POOLER_PASSWORD" > /etc/pgbouncer/userlist.txt
chown postgres: /etc/pgbouncer/userlist.txt
systemctl reload pgbouncer 2> /dev/null || true # at the first start it does not run yet

# Roles are the primary's business; and who calls while the server is down wants the files.
systemctl is-active --quiet postgresql@17-main || exit 0
is_replica && exit 0
as_postgres psql -XqAt -v ON_ERROR_STOP=1 -d postgres > /dev/null << 'SQL'
\getenv admin ADMIN_PASSWORD
\getenv replicator REPLICATOR_PASSWORD
\getenv pooler POOLER_PASSWORD
-- Statements that hold a password are kept nowhere.
set log_min_duration_statement = -1;
set log_statement = 'none';
set log_min_error_statement = 'panic';
set pg_stat_statements.track_utility = off;
select format('create role %I login', name)
  from unnest(array['millwright_admin', 'replicator', 'pooler']) as name
 where not exists (select from pg_roles where rolname = name) \gexec
alter role millwright_admin superuser password :'admin';
alter role replicator replication password :'replicator';
alter role pooler password :'pooler';
create schema if not exists pooler;
-- What pgbouncer asks when somebody logs in. Superusers come past it, or not at all.
create or replace function pooler.login(name text) returns table (usename name, passwd text)
  language sql security definer set search_path = pg_catalog
  as $$ select rolname, rolpassword from pg_authid
         where rolname = $1 and rolcanlogin and not rolsuper and not rolreplication
           and (rolvaliduntil is null or rolvaliduntil > now()) $$;
revoke all on function pooler.login from public;
grant usage on schema pooler to pooler;
grant execute on function pooler.login to pooler;
SQL
