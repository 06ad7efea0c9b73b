import { MillwrightError } from "./errors.ts";
import { LOG_RETENTION_MS } from "./tenant-log.ts";

/** `latest`, or an instant: ISO 8601 in UTC. */
export type RestoreTime = string;

/** What decides whether a tenant's database can be taken back. */
export interface RestoreFacts {
  readonly to: RestoreTime;
  readonly nowMs: number;
  /** Whether the tenant's database is of its own, on servers that keep backups. */
  readonly kind: "backed-up" | "no-backups" | "external" | "shared";
  /** Since when the database is the tenant's home and nobody else's. */
  readonly homeSinceMs: number;
}

/** Restoring takes time too, and what the log has dropped meanwhile nobody reads again. */
const LOG_MARGIN_MS = 12 * 3_600_000;

const UNAVAILABLE = {
  "no-backups":
    "This target keeps no backups: a cluster on this machine is restored by what backs up the machine. On AWS every server has them.",
  external: "The tenant's server is not ours (TIMESCALE_CELL_URLS): restore it with what backs it up.",
  shared:
    "The tenant shares its database, which goes back for all of its tenants or for none. Give it a database of its own first " +
    "(tenant move --to dedicated), or mend its readings by a correction.",
} as const;

/** @throws MillwrightError `restore-unavailable`; `request-invalid` for a time that the database or the log does not reach */
export function checkRestore({ to, nowMs, kind, homeSinceMs }: RestoreFacts): void {
  if (kind !== "backed-up") throw new MillwrightError("restore-unavailable", UNAVAILABLE[kind]);
  if (to === "latest") return;
  const toMs = Date.parse(to);
  const wrong =
    toMs > nowMs
      ? "lies in the future"
      : toMs < homeSinceMs
        ? `lies before ${new Date(homeSinceMs).toISOString()}, when the tenant came into this database`
        : toMs < nowMs - LOG_RETENTION_MS + LOG_MARGIN_MS
          ? "is older than the event log: what came since could not be read again; see the runbook"
          : undefined;
  if (wrong === undefined) return;
  const fields = [{ pointer: "/to", message: wrong }];
  throw new MillwrightError("request-invalid", `The time ${wrong}.`, { fields });
}

/** `to` as restore.sh takes it. */
export function scriptTime(to: RestoreTime): string {
  return to === "latest" ? to : new Date(to).toISOString().replace("T", " ").replace("Z", "+00");
}
