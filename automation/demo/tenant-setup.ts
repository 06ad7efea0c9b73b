import * as z from "zod";
import type { SecretStore } from "../../data/secret-store.ts";
import { OVERHEATED_C } from "../../model/machine-simulation.ts";
import type { TenantId } from "../../model/tenant.ts";
import { keyEnvelope, tenantEnvelope } from "../cli/answers.ts";
import { callApi, CallFailed, type Call, type Connection } from "../cli/api-client.ts";
import { retrying } from "../cli/retry.ts";
import { MACHINES_PER_TENANT, type DemoPlant } from "./plants.ts";

const KEYS_SECRET = "demo-keys";
const POLL_MS = 1_000;

/** How the demo reaches the platform: as its administrator while it sets up, later with the machines' own keys. */
export interface DemoSurroundings {
  readonly admin: Connection;
  readonly secrets: SecretStore;
  readonly log: (line: string) => void;
  readonly wait: (ms: number) => Promise<void>;
}

/**
 * Makes the tenant, its rule and a key for its machines, unless they are there; safe to repeat at any point.
 * @returns the machines' connection; throws CallFailed, or Error when the tenant cannot be made
 */
export async function setUpTenant(plant: DemoPlant, demo: DemoSurroundings): Promise<Connection> {
  const { tenant, name } = plant;
  const body = {
    id: tenant,
    name,
    tier: "shared",
    machines: MACHINES_PER_TENANT,
    budgetUsdPerMonth: 1_500,
    contacts: [{ email: `operations@${tenant}.example` }],
  };
  await unlessThere("tenant-exists", adminCall(demo, "/v1/tenants", { method: "POST", body }));
  await untilReady(tenant, demo);
  const rule = {
    id: "overheating",
    name: "Machine is overheating",
    type: "machine",
    metric: "temperature_c",
    condition: { kind: "threshold", op: ">", limit: OVERHEATED_C, deadBand: 5 },
    severity: "critical",
  };
  await unlessThere(
    "rule-exists",
    adminCall(demo, "/v1/rules", { method: "POST", query: { tenant }, body: rule }),
  );
  return { url: demo.admin.url, token: await machineKey(tenant, demo) };
}

const keysSchema = z.record(z.string(), z.string());
let lastWrite: Promise<unknown> = Promise.resolve();

async function machineKey(tenant: TenantId, demo: DemoSurroundings): Promise<string> {
  const known = await readKeys(demo.secrets);
  const kept = known[tenant];
  if (kept !== undefined && (await isAccepted(kept, demo))) return kept;
  const body = { role: "machine", label: "demo machines" };
  const made = await adminCall(demo, `/v1/tenants/${tenant}/keys`, { method: "POST", body });
  const { secret } = keyEnvelope.parse(made).key;
  // One file for all tenants, which are set up side by side: one write after the other.
  lastWrite = lastWrite.then(async () =>
    demo.secrets.put(KEYS_SECRET, { ...(await readKeys(demo.secrets)), [tenant]: secret }),
  );
  await lastWrite;
  return secret;
}

async function readKeys(secrets: SecretStore): Promise<Readonly<Record<string, string>>> {
  return keysSchema.safeParse(await secrets.get(KEYS_SECRET)).data ?? {};
}

/** A key of a tenant that was deleted and made again is no longer valid; an empty batch tells and adds nothing. */
async function isAccepted(token: string, { admin, wait, log }: DemoSurroundings): Promise<boolean> {
  try {
    const probe = { method: "POST" as const, body: { readings: [] } };
    await retrying(() => callApi({ url: admin.url, token }, "/v1/data", probe), {
      wait,
      onRetry: ({ message }) => log(message),
    });
    return true;
  } catch (error) {
    if (error instanceof CallFailed) return error.code !== "unauthenticated";
    throw error;
  }
}

async function untilReady(tenant: TenantId, demo: DemoSurroundings): Promise<void> {
  for (;;) {
    const { state } = tenantEnvelope.parse(await adminCall(demo, `/v1/tenants/${tenant}`)).tenant;
    if (state === "ready" || state === "moving") return;
    if (state !== "creating") {
      throw new Error(`${tenant} is ${state}; npx millwright operation list --tenant ${tenant} says why`);
    }
    await demo.wait(POLL_MS);
  }
}

function adminCall({ admin, wait, log }: DemoSurroundings, path: string, call: Call = {}): Promise<unknown> {
  return retrying(() => callApi(admin, path, call), { wait, onRetry: ({ message }) => log(message) });
}

async function unlessThere(code: string, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof CallFailed) || error.code !== code) throw error;
  }
}
