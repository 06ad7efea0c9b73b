-- Whether the tenant's topic has the letter. A mark for each, no position: ids are given out before the commit, and a
-- position would pass over a letter that commits late.
alter table dead_letter add column is_exported boolean not null default false;
create index on dead_letter (tenant, id) where not is_exported;
grant update (is_exported) on dead_letter to millwright_ingest;
