#!/bin/bash
# Publishes what CloudWatch cannot see from outside. A new metric is a line in `measure`: NAME UNIT VALUE.
set -euo pipefail
. /usr/local/lib/millwright/aws.sh
role=primary
is_replica && role=replica

measure() {
  echo DataVolumeUsed Percent "$(df --output=pcent /var/lib/postgresql | tr -dc 0-9)"
  echo WalVolumeUsed Percent "$(df --output=pcent /var/lib/postgresql-wal | tr -dc 0-9)"
  as_postgres psql -XqAt -F ' ' -d postgres << 'SQL'
select 'ConnectionsUsed', 'Percent',
       round(100.0 * count(*) / current_setting('max_connections')::int, 1)
  from pg_stat_activity where backend_type = 'client backend'
union all
select 'StreamingReplicas', 'Count', count(*) from pg_stat_replication where state = 'streaming'
union all
-- A replica that has replayed all it received from a primary that has nothing new lags by nothing. One that has replayed
-- nothing and hears nothing does not know its lag: it says none, and silence is an alarm.
select 'ReplicationLag', 'Seconds', lag
  from (select case when not pg_is_in_recovery() then 0
                    when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn()
                     and exists (select from pg_stat_wal_receiver where status = 'streaming') then 0
                    else round(extract(epoch from now() - pg_last_xact_replay_timestamp())) end) as replication (lag)
 where lag is not null
union all
select 'ArchiveFailing', 'Seconds',
       case when last_failed_time > coalesce(last_archived_time, '-infinity')
            then round(extract(epoch from now() - coalesce(last_archived_time, stats_reset))) else 0 end
  from pg_stat_archiver;
SQL
  [ $role = replica ] ||
    backrest info --output=json | jq -r '"BackupAge Seconds \(now - (.[0].backup[-1].timestamp.stop // 0) | floor)"'
}

data=() index=0
while read -r name unit value; do
  index=$((index + 1))
  member=MetricData.member.$index
  data+=(--data-urlencode "$member.MetricName=$name" --data-urlencode "$member.Unit=$unit"
    --data-urlencode "$member.Value=$value"
    --data-urlencode "$member.Dimensions.member.1.Name=Server"
    --data-urlencode "$member.Dimensions.member.1.Value=$NAME"
    --data-urlencode "$member.Dimensions.member.2.Name=Role"
    --data-urlencode "$member.Dimensions.member.2.Value=$role")
done < <(measure)
signed monitoring --data-urlencode Action=PutMetricData --data-urlencode Version=2010-08-01 \
  --data-urlencode Namespace=Millwright/Timescale "${data[@]}" "https://monitoring.$REGION.amazonaws.com/" > /dev/null
