-- What a tenant is and where it lives changes in operations only, as the service role: a hole in the API cannot point
-- one tenant at another's place.
revoke insert, update, delete on tenant, tenant_placement, topic, topic_generation from millwright_app;
