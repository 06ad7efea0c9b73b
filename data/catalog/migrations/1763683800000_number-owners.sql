-- Owners of operations are numbered over all operations: a stack outlives an operation and refuses a lower number than
-- it has seen, so the next operation's first owner must be newer than the last owner of the one before.
create sequence fencing_token;
select setval('fencing_token', greatest(1, max(fencing_token))) from operation;
grant usage on sequence fencing_token to millwright_service;
