/** Reason codes of MQTT 5 that this entrance gives (section 2.4 of the standard). */
export const REASON = {
  success: 0x00,
  noSubscriptionExisted: 0x11,
  malformedPacket: 0x81,
  protocolError: 0x82,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicNameInvalid: 0x90,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  administrativeAction: 0x98,
  payloadFormatInvalid: 0x99,
  retainNotSupported: 0x9a,
  qosNotSupported: 0x9b,
  connectionRateExceeded: 0x9f,
} as const;
export type Reason = keyof typeof REASON;

/** Return codes of a CONNACK in MQTT 3.1.1, which knows five. */
export const RETURN_CODES: Partial<Readonly<Record<Reason, number>>> = {
  badUserNameOrPassword: 4,
  badAuthenticationMethod: 4,
  notAuthorized: 5,
};
export const RETURN_UNACCEPTABLE_VERSION = 1;
export const RETURN_IDENTIFIER_REJECTED = 2;
export const RETURN_SERVER_UNAVAILABLE = 3;

/** Ends a connection; MQTT 5 tells the client why, 3.1.1 can only close. */
export class ConnectionEnd extends Error {
  readonly reason: Reason;
  constructor(reason: Reason, message: string) {
    super(message);
    this.reason = reason;
  }
}
