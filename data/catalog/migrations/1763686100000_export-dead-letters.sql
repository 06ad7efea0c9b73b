-- A tenant's third stream: what could not be stored. The letters wait for it in the tenant's cell.
alter table topic
  drop constraint topic_stream_check,
  add constraint topic_stream_check check (stream in ('readings', 'alerts', 'deadletters'));
