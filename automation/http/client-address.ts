import { isIP } from "node:net";
import type { Request } from "express";
import { CLIENT_ADDRESS_HEADER } from "../../model/aws/gateway-body.ts";

/**
 * Whose call it is, for the limit of strangers: the other end of the connection or, where every call from outside comes
 * through API Gateway, the address that it says. Without one (a call from inside) it is the load balancer's.
 */
export function clientAddress(request: Request, isBehindGateway: boolean): string {
  const told = isBehindGateway ? request.get(CLIENT_ADDRESS_HEADER) : undefined;
  return told !== undefined && isIP(told) !== 0 ? told : (request.socket.remoteAddress ?? "unknown");
}
