-- Credentials of machines and people. The secret has 256 random bits, so one round of SHA-256 is enough: there is
-- nothing to guess, and a slow hash would cost every request of every machine.
create table api_key (
  key text primary key,
  -- null: a key of the platform, which row-level security shows to no tenant
  tenant text references tenant on delete cascade,
  role text not null,
  label text not null,
  secret_hash bytea not null check (octet_length(secret_hash) = 32),
  created_by text not null,
  created_at timestamptz not null default now(),
  -- Coarse, to the hour: writing it with every request would make every read a write.
  last_used_at timestamptz,
  check (case when tenant is null then role in ('sales', 'platform-admin')
              else role in ('machine', 'viewer', 'operator', 'tenant-admin') end)
);
create index api_key_of_tenant on api_key (tenant, created_at, key);
select protect_tenant_rows('api_key');
