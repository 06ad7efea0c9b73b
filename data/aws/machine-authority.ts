import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";
import { askAws, type AwsAccount, type AwsAnswer } from "./ask-aws.ts";

/** What IoT Core has signed. It is good for nothing until it is admitted. */
export interface SignedCertificate {
  /** 64 hexadecimal digits. */
  readonly id: string;
  readonly arn: string;
  readonly pem: string;
}

/** A machine at IoT Core. */
export interface Thing {
  readonly name: string;
  /** What policies of its group ask of it. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Of things, made by the tenant's stack: what a certificate of its things may do is the group's policy. */
  readonly group: string;
}

type Certificate = Pick<SignedCertificate, "id" | "arn">;

const signed = z.object({
  certificateId: z.string(),
  certificateArn: z.string(),
  certificatePem: z.string(),
});

interface IotCall {
  readonly method: "POST" | "PUT" | "DELETE";
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly principal?: string;
  /** Refusals that the caller knows how to go on from. */
  readonly known?: readonly string[];
}

/**
 * Certificates of machines at IoT Core. Everything can be done again.
 * @throws MillwrightError each: `entrance-unavailable` (retryable) without an answer or when asked too often,
 *   `setting-invalid` where IoT Core refuses us
 */
export class MachineAuthority {
  readonly #access: AwsAccount;

  constructor(access: AwsAccount) {
    this.#access = access;
  }

  /**
   * Has a request signed. The certificate is inactive and of no machine: one that nobody comes back for does nothing.
   * @param request - a PKCS #10 request in PEM
   * @throws MillwrightError `certificate-refused`
   */
  async sign(request: string): Promise<SignedCertificate> {
    const found = await this.#ask({
      ...{ method: "POST", path: ["certificates"], known: [IS_INVALID] },
      body: { certificateSigningRequest: request },
    });
    if (found.refusal !== undefined) {
      const message = `The request is refused: ${found.message.slice(0, 300) || "it cannot be read"}`;
      throw new MillwrightError("certificate-refused", message, {
        fields: [{ pointer: "/request", message }],
      });
    }
    const { certificateId: id, certificateArn: arn, certificatePem: pem } = signed.parse(found.answer);
    return { id, arn, pem };
  }

  /**
   * Makes the certificate the machine's, and lets it in.
   * @throws MillwrightError `certificate-unknown` for one that was revoked, `tenant-not-ready` without the group
   */
  async admit(thing: Thing, { id, arn }: Certificate): Promise<void> {
    // There already is as good: its name says whose it is, and nobody else makes things of these names.
    await this.#ask({
      ...{ method: "POST", path: ["things", thing.name], known: [EXISTS] },
      body: { attributePayload: { attributes: thing.attributes } },
    });
    const joined = await this.#ask({
      ...{ method: "PUT", path: ["thing-groups", "addThingToThingGroup"], known: [IS_MISSING] },
      body: { thingGroupName: thing.group, thingName: thing.name },
    });
    if (joined.refusal !== undefined)
      throw new MillwrightError("tenant-not-ready", "The tenant's entrance for machines is not there.");
    const principals = ["things", thing.name, "principals"];
    const attached = await this.#ask({
      method: "PUT",
      path: principals,
      principal: arn,
      known: [IS_MISSING],
    });
    const active =
      attached.refusal ?? (await this.#update(id, "ACTIVE", [IS_MISSING, IS_IN_THE_WAY])).refusal;
    if (active !== undefined)
      throw new MillwrightError("certificate-unknown", "The certificate was revoked meanwhile.");
  }

  /**
   * Takes the certificate back for good: IoT Core ends its connections within minutes and takes no new one at once. It
   * is deleted there, so that nothing, such as an {@link admit} under way, can make it good again.
   */
  async revoke(thing: Pick<Thing, "name">, { id, arn }: Certificate): Promise<void> {
    await this.#update(id, "REVOKED", [IS_MISSING]);
    await this.#ask({
      ...{ method: "DELETE", path: ["things", thing.name, "principals"], principal: arn },
      known: [IS_MISSING],
    });
    const gone = await this.#ask({
      ...{ method: "DELETE", path: ["certificates", id], known: [IS_MISSING, ...STILL_USED] },
    });
    if (gone.refusal !== undefined && gone.refusal !== IS_MISSING)
      throw new MillwrightError(
        "entrance-unavailable",
        "The certificate is being admitted; revoke it again.",
        {
          retryable: true,
        },
      );
  }

  /** Of a machine whose certificates are all revoked. IoT Core takes them off a thing within seconds, not at once. */
  async forget({ name }: Pick<Thing, "name">): Promise<void> {
    const gone = await this.#ask({
      ...{ method: "DELETE", path: ["things", name], known: [IS_MISSING, STILL_HAS_CERTIFICATES] },
    });
    if (gone.refusal === STILL_HAS_CERTIFICATES)
      throw new MillwrightError("entrance-unavailable", "A certificate is still being taken off its thing.", {
        retryable: true,
      });
  }

  #update(id: string, newStatus: "ACTIVE" | "REVOKED", known: readonly string[]): Promise<AwsAnswer> {
    return this.#ask({ method: "PUT", path: ["certificates", id], query: { newStatus }, known });
  }

  async #ask({ method, path, query, body, principal, known = [] }: IotCall): Promise<AwsAnswer> {
    const unanswered = (reason: string, cause?: unknown) =>
      new MillwrightError("entrance-unavailable", `IoT Core was asked: ${reason}.`, {
        retryable: true,
        cause,
      });
    const answer = await askAws(this.#access, {
      ...{ service: "iot", method, unanswered },
      path: `/${path.map(encodeURIComponent).join("/")}`,
      ...(query === undefined ? {} : { query }),
      headers: {
        "content-type": "application/json",
        ...(principal === undefined ? {} : { "x-amzn-principal": principal }),
      },
      body: body === undefined ? "" : JSON.stringify(body),
    });
    const { refusal } = answer;
    if (refusal === undefined || known.includes(refusal)) return answer;
    if (refusal === "ThrottlingException") throw unanswered("too often");
    throw new MillwrightError("setting-invalid", `IoT Core refused ${method} of ${path[0]}: ${refusal}.`);
  }
}

const EXISTS = "ResourceAlreadyExistsException";
const IS_INVALID = "InvalidRequestException";
const IS_MISSING = "ResourceNotFoundException";
/** Such as that of a certificate that was revoked. */
const IS_IN_THE_WAY = "CertificateStateException";
const STILL_HAS_CERTIFICATES = "InvalidRequestException";
const STILL_USED = [IS_IN_THE_WAY, "DeleteConflictException"];
