-- Certificates by which machines sign in at AWS's IoT Core. What is good there has a row here before it is.
create table machine_certificate (
  tenant text not null references tenant on delete cascade,
  certificate text not null, -- its id at IoT Core
  arn text not null,
  machine_id text not null,
  thing text not null, -- the machine's name at IoT Core
  request_hash bytea not null, -- SHA-256 of the request in PEM: the same one again is answered the same
  pem text not null,
  created_at timestamptz(3) not null default now(),
  created_by text not null,
  revoked_at timestamptz(3),
  primary key (tenant, certificate)
);
create unique index machine_certificate_request on machine_certificate (tenant, machine_id, request_hash);
create index machine_certificate_age on machine_certificate (tenant, machine_id, created_at, certificate);
create index machine_certificate_live on machine_certificate (tenant) where revoked_at is null;
select protect_tenant_rows('machine_certificate');
