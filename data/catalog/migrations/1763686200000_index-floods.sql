-- A flood is thousands of alerts of one machine and rule that nobody is told of: what each of its transactions looks up
-- must not be found behind all of those of before. Fewer entries to write, too.
drop index alert_of_machine;
create index alert_announced_of_machine on alert (tenant, machine_id, risen_at) where announced;
drop index alert_of_rule;
create index alert_announced_of_rule on alert (tenant, rule, risen_at) where announced;
-- Whether one stands, and which returned last: both are at an end of the index.
drop index alert_of_incident;
create index alert_of_incident on alert (tenant, incident, returned_at) where incident is not null;
