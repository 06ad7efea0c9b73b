import { randomInt, randomUUID } from "node:crypto";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { readSettings } from "../../environment.ts";
import { folderSecretStore } from "../../data/secret-store.ts";
import { advanceSite, siteReadings, startSite } from "../../model/site-simulation.ts";
import { callApi, CallFailed, type Connection } from "../cli/api-client.ts";
import { findConnection } from "../cli/connection.ts";
import { Gateway } from "./gateway.ts";
import { demoPlants, type DemoPlant } from "./plants.ts";
import { setUpTenant, type DemoSurroundings } from "./tenant-setup.ts";

/**
 * `npm start -- --demo`: three tenants whose machines report each second. A process of its own, because it is a
 * customer of the API like any other; it ends with the service that started it.
 */
const PLANTS_SEED = 20_261_121; // always the same machines; what happens to them differs with each start
const TICK_MS = 1_000;
const RETRY_SETUP_MS = 10_000;

const log = (line: string) => process.stderr.write(`demo: ${line}\n`);

process.on("disconnect", () => process.exit(0)); // the service is gone, also after kill -9
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(0));

const demo: DemoSurroundings = {
  admin: await findConnection(),
  secrets: folderSecretStore(path.join(readSettings().home, "secrets")),
  log,
  wait,
};

await Promise.all(demoPlants(PLANTS_SEED).map(runPlant));

async function runPlant(plant: DemoPlant): Promise<void> {
  for (;;) {
    try {
      const machines = await setUpTenant(plant, demo);
      log(`${plant.tenant}: ${plant.site.machines.length} machines report to ${machines.url}`);
      await report(plant, machines);
      log(`${plant.tenant}: its key is not accepted any more`);
    } catch (error) {
      log(`${plant.tenant}: ${error instanceof Error ? error.message : String(error)}`);
      await wait(RETRY_SETUP_MS);
    }
  }
}

/** Reports each second until the platform refuses the key; what it cannot take now is sent later. */
async function report({ tenant, site }: DemoPlant, machines: Connection): Promise<void> {
  const gateway = new Gateway(randomUUID);
  let condition = startSite(site, Date.now(), randomInt(2 ** 32));
  const tick = setInterval(() => {
    condition = advanceSite(site, condition, Date.now());
    gateway.add(siteReadings(site, condition));
  }, TICK_MS);
  try {
    let lastTrouble = "";
    for (;;) {
      try {
        await deliver(gateway, machines);
        lastTrouble = "";
      } catch (error) {
        if (!(error instanceof CallFailed)) throw error;
        if (error.code === "unauthenticated") return;
        if (!error.retryable) gateway.acknowledge(); // refused for good: what waits behind it would never get through
        if (error.code !== lastTrouble) log(`${tenant}: ${error.message}`);
        lastTrouble = error.code;
      }
      await wait(TICK_MS);
    }
  } finally {
    clearInterval(tick);
  }
}

async function deliver(gateway: Gateway, machines: Connection): Promise<void> {
  for (let batch = gateway.next(); batch !== undefined; batch = gateway.next()) {
    await callApi(machines, "/v1/data", { method: "POST", body: batch });
    gateway.acknowledge();
  }
}
