import { createHash } from "node:crypto";
import * as z from "zod";
import { inTenant } from "../../data/catalog/catalog.ts";
import {
  certificateOfRequest,
  expectRoom,
  getCertificate,
  keepCertificate,
  listCertificates,
  markRevoked,
  MAX_CERTIFICATES_PER_MACHINE,
  type MachineCertificate,
} from "../../data/catalog/machine-certificate.ts";
import { placementOf } from "../../data/catalog/placement.ts";
import { MillwrightError } from "../../model/errors.ts";
import { externalId } from "../../model/reading.ts";
import type { TenantId } from "../../model/tenant.ts";
import { RateLimiter, type Rate } from "../entrance/rate-limit.ts";
import type { MachineEntrance } from "../machines/machine-entrance.ts";
import type { Caller } from "./authenticate.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import { instant, listOf, pageQuery } from "./schemas.ts";
import type { ApiServices } from "./services.ts";
import { inKnownTenant, recordAction } from "./tenant-work.ts";

/** Of one tenant's changes. IoT Core takes 10-15 a second of the whole account (service quotas, read 2026-11). */
const CHANGE_RATE: Rate = { burst: 100, perSecond: 2 };
/** The longest that IoT Core takes. */
const MAX_REQUEST_LENGTH = 4_096;
const ONE_REQUEST =
  /^\s*-----BEGIN( NEW)? CERTIFICATE REQUEST-----[\sA-Za-z0-9+/=]+-----END\1 CERTIFICATE REQUEST-----\s*$/;

const machineParams = z.strictObject({
  machineId: externalId.regex(/^[^/]*$/, "an id with / is no level of an MQTT topic"),
});
const certificateParams = machineParams.extend({
  certificateId: z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits"),
});

const newCertificate = z
  .strictObject({
    request: z
      .string()
      .max(MAX_REQUEST_LENGTH)
      .regex(
        ONE_REQUEST,
        "one PKCS #10 request in PEM, and nothing else; the private key stays with the machine",
      )
      .meta({ description: "RSA of 2,048 bits or more, or an elliptic curve of NIST's P-256, P-384, P-521" }),
  })
  .meta({ id: "NewMachineCertificate" });

const certificate = z
  .strictObject({
    id: z.string(),
    machineId: z.string(),
    pem: z.string(),
    createdAt: instant,
    createdBy: z.string(),
    revokedAt: instant.nullable(),
  })
  .meta({ id: "MachineCertificate" });

const connection = z
  .strictObject({
    url: z.string(),
    rootCaUrl: z
      .string()
      .meta({ description: "Of the authority that has signed the endpoint's certificate" }),
    clientId: z.string().meta({ description: "The only one that is taken with the certificate" }),
    topics: z.strictObject({ telemetry: z.string(), scan: z.string() }),
  })
  .meta({ id: "MachineConnection" });

/** Amazon's, which all Data-ATS endpoints go back to. */
const ROOT_CA_URL = "https://www.amazontrust.com/repository/AmazonRootCA1.pem";

/** Certificates by which machines sign in at IoT Core; on other targets each call is refused. */
export function certificateEndpoints({ catalog, machineEntrance, nowMs }: ApiServices): Endpoint[] {
  const changes = new RateLimiter(CHANGE_RATE, nowMs);

  return [
    endpoint({
      method: "post",
      path: "/v1/machines/:machineId/certificates",
      summary: "Make a certificate of a machine",
      description:
        "Of a request that the machine has made with its private key. The same request again is answered with the same " +
        `certificate. A machine has ${MAX_CERTIFICATES_PER_MACHINE} that are not revoked at most.`,
      permission: "key:write",
      tenancy: "named",
      params: machineParams,
      body: newCertificate,
      answers: {
        201: jsonAnswer("The certificate, and where to use it", z.strictObject({ certificate, connection })),
      },
      async handle({ caller, tenant, params: { machineId }, body }) {
        const { authority, placeOf } = changeable(tenant);
        const request = body.request.trim().replaceAll("\r\n", "\n");
        const requestHash = createHash("sha256").update(request).digest();
        const { known, generation } = await inKnownTenant(catalog, tenant, async (tx) => {
          const found = await certificateOfRequest(tx, tenant, { machineId, requestHash });
          // Asked again under the lock where it is kept; here so that nothing is signed that nobody would keep.
          if (found === undefined) await expectRoom(tx, tenant, machineId);
          return { known: found, generation: (await placementOf(tx, tenant))?.topics[0]?.generation };
        });
        if (generation === undefined)
          throw new MillwrightError("tenant-not-ready", `${tenant} has no place yet; wait for its create.`);
        const { thing, topics, url } = placeOf(tenant, generation, machineId);

        const kept =
          known ??
          (await keep(caller, tenant, {
            ...(await authority.sign(request)),
            ...{ machineId, thing: thing.name, requestHash, createdBy: caller.id },
          }));
        if (kept.revokedAt !== null)
          throw new MillwrightError(
            "certificate-refused",
            "The certificate of this request was revoked. Make another private key, and a request with it.",
          );
        await authority.admit(thing, kept);
        return {
          status: 201,
          body: {
            certificate: shown(kept),
            connection: { url, rootCaUrl: ROOT_CA_URL, clientId: thing.name, topics },
          },
        };
      },
    }),
    endpoint({
      method: "get",
      path: "/v1/machines/:machineId/certificates",
      summary: "List a machine's certificates, newest first",
      description: "Those that were revoked, too.",
      permission: "key:read",
      tenancy: "named",
      params: machineParams,
      query: z.strictObject(pageQuery),
      answers: { 200: jsonAnswer("A page of certificates", listOf("certificates", certificate)) },
      async handle({ tenant, params: { machineId }, query }) {
        available();
        const { items, nextCursor } = await inKnownTenant(catalog, tenant, (tx) =>
          listCertificates(tx, tenant, machineId, query),
        );
        return { status: 200, body: { certificates: items.map(shown), nextCursor } };
      },
    }),
    endpoint({
      method: "delete",
      path: "/v1/machines/:machineId/certificates/:certificateId",
      summary: "Revoke a certificate of a machine",
      description: "It opens no connection from now on; those that are open are closed within minutes.",
      permission: "key:write",
      tenancy: "named",
      params: certificateParams,
      answers: { 204: { description: "Revoked" } },
      async handle({ caller, tenant, params: { machineId, certificateId: id } }) {
        const { authority } = changeable(tenant);
        const found = await inKnownTenant(catalog, tenant, (tx) =>
          getCertificate(tx, tenant, { machineId, id }),
        );
        // Never said to be revoked before it is. What is cut off in between is done again with the next call.
        await authority.revoke({ name: found.thing }, found);
        if (found.revokedAt === null)
          await inTenant(catalog, tenant, async (tx) => {
            await markRevoked(tx, tenant, id);
            await recordAction(tx, caller, "certificate.revoke", {
              ...{ tenant, subject: id, detail: { machineId } },
            });
          });
        return { status: 204 };
      },
    }),
  ];

  /** @throws MillwrightError `certificates-unavailable` */
  function available(): MachineEntrance {
    if (machineEntrance !== undefined) return machineEntrance;
    const message =
      "Machines sign in to this installation by MQTT or HTTP with a key: POST /v1/tenants/ID/keys with the role machine.";
    throw new MillwrightError("certificates-unavailable", message);
  }

  /** @throws MillwrightError also `too-many-requests` */
  function changeable(tenant: TenantId): MachineEntrance {
    const entrance = available();
    const waitSeconds = changes.take(tenant);
    if (waitSeconds === 0) return entrance;
    throw new MillwrightError("too-many-requests", `Too many certificates; try again in ${waitSeconds} s.`, {
      retryable: true,
    });
  }

  /** Before it is admitted: no certificate is good that is in no list and no audit. */
  function keep(
    caller: Caller,
    tenant: TenantId,
    made: Parameters<typeof keepCertificate>[2],
  ): Promise<MachineCertificate> {
    return inTenant(catalog, tenant, async (tx) => {
      const kept = await keepCertificate(tx, tenant, made);
      const { id: subject, machineId } = kept.certificate;
      if (kept.isNew)
        await recordAction(tx, caller, "certificate.create", { tenant, subject, detail: { machineId } });
      return kept.certificate;
    });
  }
}

function shown({ id, machineId, pem, createdAt, createdBy, revokedAt }: MachineCertificate) {
  return { id, machineId, pem, createdAt, createdBy, revokedAt };
}
