import * as z from "zod";
import type { MillwrightError } from "../../model/errors.ts";
import { queryText, signRequest, type AwsCredentials, type AwsRequest } from "./sign-request.ts";

/** Asked before each request: those of a task change every few hours. */
export type CredentialSource = () => Promise<AwsCredentials>;

/** How an account of AWS is reached. */
export interface AwsAccount {
  readonly region: string;
  /** Of a server that speaks AWS's language; undefined: AWS itself. */
  readonly endpoint: string | undefined;
  readonly credentials: CredentialSource;
}

export interface AwsCall extends Omit<AwsRequest, "region" | "host"> {
  /** What is thrown when nobody answers, or only that it was too much, or that it failed. */
  readonly unanswered: (reason: string, cause?: unknown) => MillwrightError;
}

/** `refusal` is the name of the service's exception. */
export type AwsAnswer =
  | { readonly answer: unknown; readonly refusal?: undefined }
  | { readonly refusal: string; readonly message: string };

const TIMEOUT_MS = 5_000;
const refused = z.object({ __type: z.string().optional(), message: z.string().optional() });

/** One signed call of a service that speaks JSON. */
export async function askAws(access: AwsAccount, call: AwsCall): Promise<AwsAnswer> {
  const { unanswered, ...rest } = call;
  const { service, method = "POST", path = "/", query, body } = rest;
  const { region, endpoint, credentials } = access;
  const root = new URL(endpoint ?? `https://${service}.${region}.amazonaws.com`);
  const url = new URL(path, root);
  url.search = queryText(query);
  const send = async () =>
    fetch(url, {
      method,
      headers: signRequest({ ...rest, region, host: root.host }, await credentials(), Date.now()),
      body: method === "GET" ? null : body,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  const exchange = async () => {
    const response = await send();
    return { response, text: await response.text() };
  };
  const { response, text } = await exchange().catch((cause: unknown) => {
    throw unanswered("no answer", cause);
  });
  const { status } = response;
  if (status >= 500 || status === 429) throw unanswered(`status ${status}`);
  if (response.ok) return { answer: parsed(text) };
  const { __type: inBody, message = "" } = refused.safeParse(parsed(text)).data ?? {};
  const name = response.headers.get("x-amzn-errortype") ?? inBody ?? "without a reason";
  return { refusal: name.replace(/^.*#/, "").replace(/:.*$/, ""), message };
}

/** undefined for what is no JSON: the parser's message would hold a part of it, which may be a secret. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
