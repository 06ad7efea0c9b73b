-- How many tenants the shared cells had room for while the platform's record stood: what of it nobody has taken is the
-- platform's own part of the bill. Nobody wrote it down before. Records from then are taken to have had what the cells have
-- room for now, by which their open months were split so far; months that are closed keep what they were closed with.
alter table stack_cost add column places int check (places >= 0);
alter table stack_cost add check (places is null or about_tenant is null);
update stack_cost
   set places = (select coalesce(sum(tenant_capacity), 0) from cell where tier = 'shared')
 where about_tenant is null;
