import { randomUUID } from "node:crypto";
import type { IConnackPacket, IConnectPacket } from "mqtt-packet";
import { mayDo } from "../../model/role.ts";
import type { TokenCheck } from "../entrance/token-check.ts";
import type { Sender } from "./message.ts";
import { RECEIVE_MAXIMUM } from "./pipeline.ts";
import {
  REASON,
  RETURN_CODES,
  RETURN_IDENTIFIER_REJECTED,
  RETURN_SERVER_UNAVAILABLE,
  type Reason,
} from "./reason.ts";

/** A day of 1-minute readings of ten sensors in one message; a larger one costs every connection memory. */
export const MAX_PACKET_BYTES = 256 * 1024;
/** Longer, and a connection whose other end is gone is kept for longer. */
const MAX_KEEP_ALIVE_S = 3_600;

export interface Session {
  readonly sender: Sender;
  readonly clientId: string;
  readonly isVersion5: boolean;
  readonly keepAliveS: number;
  /** Whether reasons in words may be sent with more than the end. */
  readonly wantsReasons: boolean;
  /** Of what we send. */
  readonly maximumPacketSize: number | undefined;
}

export type SignIn =
  | { readonly session: Session; readonly answer: IConnackPacket }
  | { readonly reason: Reason | "identifierRejected"; readonly answer: IConnackPacket };

/** Judges a CONNECT. The user name says nothing: the key alone tells the tenant. No will is taken, and no session kept. */
export async function signIn(
  packet: IConnectPacket,
  tokens: Pick<TokenCheck, "check">,
  address: string,
): Promise<SignIn> {
  const isVersion5 = packet.protocolVersion === 5;
  const refused = (reason: Reason): SignIn => ({ reason, answer: refusal(isVersion5, reason) });
  if (packet.properties?.authenticationMethod !== undefined) return refused("badAuthenticationMethod");
  if (!isVersion5 && packet.clientId === "" && packet.clean !== true) {
    const answer = { ...connack, returnCode: RETURN_IDENTIFIER_REJECTED };
    return { reason: "identifierRejected", answer };
  }
  const { credential, waitSeconds } = await tokens.check(packet.password?.toString(), address);
  if (waitSeconds > 0) return refused("connectionRateExceeded");
  if (credential === undefined) return refused("badUserNameOrPassword");
  const { id: credentialId, role, tenant, machineId } = credential;
  if (tenant === undefined || !mayDo(role, "data:write")) return refused("notAuthorized");

  const asked = packet.keepalive ?? 0;
  const keepAliveS = asked === 0 ? MAX_KEEP_ALIVE_S : Math.min(asked, MAX_KEEP_ALIVE_S);
  const clientId = packet.clientId === "" ? randomUUID() : packet.clientId;
  const session = {
    ...{ sender: { credentialId, tenant, machineId }, clientId, isVersion5, keepAliveS },
    // The parser reads a byte as true or false.
    wantsReasons: packet.properties?.requestProblemInformation !== false,
    maximumPacketSize: packet.properties?.maximumPacketSize,
  };
  if (!isVersion5) return { session, answer: { ...connack, returnCode: 0 } };
  const properties = {
    ...{ sessionExpiryInterval: 0, receiveMaximum: RECEIVE_MAXIMUM, maximumQoS: 1, retainAvailable: false },
    ...{ maximumPacketSize: MAX_PACKET_BYTES, topicAliasMaximum: 0 },
    ...{ wildcardSubscriptionAvailable: false, subscriptionIdentifiersAvailable: false },
    sharedSubscriptionAvailable: false,
    ...(keepAliveS !== asked && { serverKeepAlive: keepAliveS }),
    ...(packet.clientId === "" && { assignedClientIdentifier: clientId }),
  };
  return { session, answer: { ...connack, reasonCode: REASON.success, properties } };
}

/** What a client that may not come in is told. */
export function refusal(isVersion5: boolean, reason: Reason): IConnackPacket {
  return isVersion5
    ? { ...connack, reasonCode: REASON[reason] }
    : { ...connack, returnCode: RETURN_CODES[reason] ?? RETURN_SERVER_UNAVAILABLE };
}

const connack = { cmd: "connack", sessionPresent: false } as const;
