import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { stringify } from "yaml";
import { tunedSettings, type ServerSizes } from "./tuning.ts";

/** All that one server's machine is told at its first start. No secret: user data can be read by who sees the instance. */
export interface ServerSettings {
  /** The cell: `shared-1`, `dedicated-acme`. */
  readonly name: string;
  /** What it becomes when its volumes are empty; else it stays what it was. */
  readonly role: "primary" | "replica";
  /** The other server's address; undefined where there is none. */
  readonly peerHost: string | undefined;
  readonly region: string;
  readonly sizes: ServerSizes;
  readonly dataVolumeId: string;
  readonly walVolumeId: string;
  readonly backupBucket: string;
  readonly kmsKeyArn: string;
  readonly backupRetentionDays: number;
  /** JSON with a password each for `admin`, `replicator` and `pooler`. */
  readonly loginsSecretArn: string;
  /** Where it publishes the certificate that its clients pin. */
  readonly certificateParameter: string;
  /** Who may log in, from where: the network's range. Security groups are narrower. */
  readonly clientCidr: string;
}

export const POSTGRES_PORT = 5432;
export const POOLER_PORT = 6432;
export const ADMIN_ROLE = "millwright_admin";
/**
 * Through when the server serves with the passwords of the secret. The service may have failed when cloud-init started it,
 * and run by now: it decides, not cloud-init.
 */
export const SERVE_COMMAND =
  "cloud-init status --wait; systemctl start millwright-server && /usr/local/lib/millwright/set-passwords.sh";

const MAX_POOLED_CLIENTS = 5_000;

/** On the data volume, made by certificate.sh. */
const CERTIFICATE = "/var/lib/postgresql/tls/server.crt";
const CERTIFICATE_KEY = "/var/lib/postgresql/tls/server.key";

/** EC2 takes 16 KiB before base64. */
const MAX_USER_DATA_BYTES = 16_384;
/** Where gzip says on which system it ran: set to `unknown`, or a preview on another system would show a difference. */
const GZIP_SYSTEM_BYTE = 9;

const SCRIPTS = [
  "aws.sh",
  "setup.sh",
  "certificate.sh",
  "publish-certificate.sh",
  "set-passwords.sh",
  "follow.sh",
  "promote.sh",
  "backup.sh",
  "restore.sh",
  "metrics.sh",
] as const;
const UNITS = [
  "millwright-server.service",
  "millwright-backup@.service",
  "millwright-backup-full.timer",
  "millwright-backup-incr.timer",
  "millwright-metrics.service",
  "millwright-metrics.timer",
] as const;

/**
 * The cloud-init document of one server, compressed: configuration computed here, scripts and units as they lie in `files/`.
 * Scripts are never filled in: all that differs between servers stands in `/etc/millwright/timescale.env`.
 * @throws RangeError when it is longer than EC2 takes
 */
export function userData(settings: ServerSettings): Buffer {
  const files = [
    ...Object.entries({
      "/etc/millwright/timescale.env": environmentOf(settings),
      "/etc/millwright/postgresql.conf": postgresConfiguration(settings),
      "/etc/millwright/pg_hba.conf": hostAccess(settings),
      "/etc/millwright/pgbackrest.conf": backupConfiguration(settings),
      "/etc/millwright/pgbouncer.ini": poolerConfiguration(settings),
      // The package makes no cluster of its own: setup.sh does, on the volumes.
      "/etc/postgresql-common/createcluster.d/millwright.conf": "create_main_cluster = false\n",
      // A client and its server are a file each; systemd grants 1,024.
      "/etc/systemd/system/pgbouncer.service.d/millwright.conf": `[Service]\nLimitNOFILE=${2 * MAX_POOLED_CLIENTS}\n`,
    }).map(([path, content]) => ({ path, content })),
    ...UNITS.map((name) => ({ path: `/etc/systemd/system/${name}`, content: fileOf(name) })),
    ...SCRIPTS.map((name) => ({
      path: `/usr/local/lib/millwright/${name}`,
      content: fileOf(name),
      permissions: "0755",
    })),
  ];
  const document = { write_files: files, runcmd: [["systemctl", "enable", "--now", "millwright-server"]] };
  const compressed = gzipSync(`#cloud-config\n${stringify(document, { lineWidth: 0 })}`, { level: 9 });
  compressed[GZIP_SYSTEM_BYTE] = 255;
  if (compressed.length > MAX_USER_DATA_BYTES)
    throw new RangeError(
      `User data of ${settings.name} has ${compressed.length} bytes: EC2 takes ${MAX_USER_DATA_BYTES}.`,
    );
  return compressed;
}

function fileOf(name: string): string {
  return readFileSync(new URL(`files/${name}`, import.meta.url), "utf8");
}

function environmentOf(settings: ServerSettings): string {
  return lines({
    NAME: settings.name,
    ROLE: settings.role,
    PEER_HOST: settings.peerHost ?? "",
    REGION: settings.region,
    DATA_VOLUME: settings.dataVolumeId,
    WAL_VOLUME: settings.walVolumeId,
    LOGINS_SECRET: settings.loginsSecretArn,
    CERTIFICATE_PARAMETER: settings.certificateParameter,
  });
}

function postgresConfiguration({ sizes }: ServerSettings): string {
  const settings = {
    ...tunedSettings(sizes),
    listen_addresses: "*",
    hba_file: "/etc/millwright/pg_hba.conf",
    ssl: "on",
    ssl_cert_file: CERTIFICATE,
    ssl_key_file: CERTIFICATE_KEY,
    password_encryption: "scram-sha-256",
    shared_preload_libraries: "timescaledb,pg_stat_statements",
    "timescaledb.telemetry_level": "off",
    archive_mode: "on",
    archive_command: "pgbackrest --stanza=main archive-push %p",
    // What a lost server can lose of its archive. A shorter one makes a WAL file of 16 MB for little.
    archive_timeout: "60s",
    wal_level: "replica",
    max_wal_senders: "5",
    hot_standby: "on",
    // A dashboard's query on the replica is not ended by vacuum on the primary at once.
    max_standby_streaming_delay: "60s",
    log_destination: "stderr",
    log_lock_waits: "on",
    timezone: "UTC",
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = '${value}'\n`)
    .join("");
}

/** Over the network by TLS and password only; the superuser `postgres` has no password and is not reached from outside. */
function hostAccess({ clientCidr }: ServerSettings): string {
  return [
    "local all postgres peer",
    "local all all scram-sha-256",
    "host all all 127.0.0.1/32 scram-sha-256",
    `hostssl replication replicator ${clientCidr} scram-sha-256`,
    `hostssl all all ${clientCidr} scram-sha-256`,
    "",
  ].join("\n");
}

function backupConfiguration(settings: ServerSettings): string {
  return `[global]\n${lines({
    "repo1-type": "s3",
    "repo1-path": `/timescale/${settings.name}`,
    "repo1-s3-bucket": settings.backupBucket,
    "repo1-s3-endpoint": `s3.${settings.region}.amazonaws.com`,
    "repo1-s3-region": settings.region,
    "repo1-s3-key-type": "auto", // the instance's role
    "repo1-s3-kms-key-id": settings.kmsKeyArn,
    "repo1-bundle": "y",
    "repo1-block": "y",
    "repo1-retention-full-type": "time",
    "repo1-retention-full": String(settings.backupRetentionDays),
    "compress-type": "zst",
    "process-max": String(Math.max(1, Math.floor(settings.sizes.vcpuCount / 2))),
    "start-fast": "y",
    "archive-async": "y",
    "spool-path": "/var/spool/pgbackrest",
    "link-all": "y", // pg_wal lies on a volume of its own
    "log-level-console": "warn",
    "log-level-file": "off",
  })}\n[main]\npg1-path=/var/lib/postgresql/17/main\n`;
}

function poolerConfiguration({ sizes }: ServerSettings): string {
  return `[databases]\n* = host=127.0.0.1 port=${POSTGRES_PORT}\n\n[pgbouncer]\n${lines({
    listen_addr: "*",
    listen_port: String(POOLER_PORT),
    unix_socket_dir: "",
    pool_mode: "transaction",
    max_client_conn: String(MAX_POOLED_CLIENTS),
    default_pool_size: "20",
    // What is left is for who connects past the pooler: replication, operators, the tenants' own tools.
    max_db_connections: String(Math.floor(sizes.maxConnections / 2)),
    max_prepared_statements: "200",
    auth_type: "scram-sha-256",
    auth_file: "/etc/pgbouncer/userlist.txt",
    auth_user: "pooler",
    auth_dbname: "postgres",
    auth_query: "select * from pooler.login($1)",
    client_tls_sslmode: "require",
    client_tls_cert_file: CERTIFICATE,
    client_tls_key_file: CERTIFICATE_KEY,
    ignore_startup_parameters: "extra_float_digits,options",
    pidfile: "/var/run/postgresql/pgbouncer.pid",
    logfile: "",
  })}`;
}

function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}
