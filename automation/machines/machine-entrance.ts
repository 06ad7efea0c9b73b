import type pg from "pg";
import {
  MACHINE_ATTRIBUTE,
  machineEntranceNames,
  thingName,
  type AwsScope,
} from "../../components/aws/names.ts";
import type { MachineAuthority, Thing } from "../../data/aws/machine-authority.ts";
import { liveCertificates, markRevoked } from "../../data/catalog/machine-certificate.ts";
import type { AwsPlatformSettings } from "../../model/aws/platform-settings.ts";
import type { TenantId } from "../../model/tenant.ts";

/** What a machine at IoT Core is called, and how it connects. */
export interface MachinePlace {
  readonly thing: Thing;
  readonly url: string;
  /** Where it publishes what docs/sending.md says. */
  readonly topics: { readonly telemetry: string; readonly scan: string };
}

/** IoT Core, where machines sign in by certificates. */
export interface MachineEntrance {
  readonly authority: Pick<MachineAuthority, "sign" | "admit" | "revoke" | "forget">;
  /** @param generation - of the tenant, among those that had its id */
  readonly placeOf: (tenant: TenantId, generation: number, machineId: string) => MachinePlace;
}

const MQTT_TLS_PORT = 8883;
const BATCH_SIZE = 10; // IoT Core takes 10-15 changes a second of an account (service quotas, read 2026-11)

/** The entrance that the stacks of an environment make (ADR 56). */
export function machineEntrance(
  authority: MachineEntrance["authority"],
  { environment, machines }: Pick<AwsPlatformSettings, "environment" | "machines">,
): MachineEntrance {
  return {
    authority,
    placeOf: (tenant, generation, machineId) => {
      const scope: AwsScope = { environment, tenant };
      const { group, topicPrefix } = machineEntranceNames(scope);
      return {
        thing: {
          name: thingName(scope, generation, machineId),
          attributes: { [MACHINE_ATTRIBUTE]: machineId },
          group,
        },
        url: `mqtts://${machines.endpoint}:${MQTT_TLS_PORT}`,
        topics: {
          telemetry: `${topicPrefix}sensors/${machineId}/telemetry`,
          scan: `${topicPrefix}events/${machineId}/scan`,
        },
      };
    },
  };
}

/** Revokes whatever a tenant's machines have. */
export async function revokeMachines(
  { authority }: Pick<MachineEntrance, "authority">,
  service: pg.Pool,
  tenant: TenantId,
): Promise<void> {
  for (;;) {
    const batch = await liveCertificates(service, tenant, BATCH_SIZE);
    if (batch.length === 0) return;
    const byThing = [...Map.groupBy(batch, ({ thing }) => thing)];
    // In the order of things, so that only the last one of a full batch may have more than was read.
    const whole = batch.length < BATCH_SIZE ? byThing : byThing.slice(0, -1);
    await Promise.all(
      whole.map(async ([name, certificates]) => {
        for (const certificate of certificates) await authority.revoke({ name }, certificate);
        await authority.forget({ name });
        // Last: what is not marked is found again by who goes on after a failure.
        for (const { id } of certificates) await markRevoked(service, tenant, id);
      }),
    );
  }
}
