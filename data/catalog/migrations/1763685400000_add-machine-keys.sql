-- A machine's own key: it may send readings of that machine and of no other one.
alter table api_key add column machine_id text check (machine_id is null or role = 'machine');
