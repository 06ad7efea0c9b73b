-- An id that is used again belongs to another customer: what was done for the one before it stays for the platform's
-- own people, and is not the new tenant's to read.
drop policy own_tenant on operation;
create policy own_tenant on operation to millwright_app using (
  tenant = current_setting('millwright.tenant', true)
  and created_at >= (select t.created_at from tenant t where t.tenant = operation.tenant));

drop policy own_tenant on audit;
create policy own_tenant on audit for select to millwright_app using (
  tenant = current_setting('millwright.tenant', true)
  and at >= (select t.created_at from tenant t where t.tenant = audit.tenant));
