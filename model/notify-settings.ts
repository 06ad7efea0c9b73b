import * as z from "zod";
import { awsRegion } from "./aws/region.ts";
import type { ChannelKind } from "./channel.ts";
import { BAD_ESCAPE, hasReadableLogin } from "./url-login.ts";

const sender = z
  .string()
  .max(320)
  .regex(/^(\P{Cc}*<[^\s<>]+@[^\s<>]+>|[^\s<>]+@[^\s<>]+)$/u, "must be an email address");

/** The settings of the environment that say how to send. */
export const notifyVariables = {
  SMTP_URL: z
    .url({ protocol: /^smtps?$/, error: "must begin with smtp:// or smtps://" })
    .refine(hasReadableLogin, BAD_ESCAPE)
    .optional(),
  SMTP_FROM: sender.optional(),
  SES_REGION: awsRegion.optional(),
  SES_FROM: sender.optional(),
  SNS_REGION: awsRegion.optional(),
  AWS_ENDPOINT_URL: z.url({ protocol: /^https?$/ }).optional(),
};

type NotifyVariables = z.infer<z.ZodObject<typeof notifyVariables>>;

/** What the platform, not the tenant, holds of a way to send; undefined: this installation does not send so. */
export interface NotifySettings {
  /** Email goes by one of the two. */
  readonly smtp: SmtpSettings | undefined;
  readonly ses: SesSettings | undefined;
  /** Topics and SMS. */
  readonly sns: AwsSettings | undefined;
}

export interface SmtpSettings {
  /** `smtps://user:password@host:465`, or `smtp://host:587` */
  readonly url: string;
  /** The sender, as `Millwright <alerts@example.com>` or an address alone. */
  readonly from: string;
}

export interface AwsSettings {
  readonly region: string;
  /** Of a service that speaks AWS's language; undefined: AWS itself. */
  readonly endpoint: string | undefined;
}

export interface SesSettings extends AwsSettings {
  readonly from: string;
}

/** What does not fit together: `NAME: why`, one for each. */
export function notifyContradictions(variables: NotifyVariables): string[] {
  const { SMTP_URL, SMTP_FROM, SES_REGION, SES_FROM } = variables;
  return [
    ...((SMTP_URL === undefined) === (SMTP_FROM === undefined)
      ? []
      : ["SMTP_URL: needs SMTP_FROM, and it this one"]),
    ...((SES_REGION === undefined) === (SES_FROM === undefined)
      ? []
      : ["SES_REGION: needs SES_FROM, and it this one"]),
    ...(SMTP_URL === undefined || SES_REGION === undefined
      ? []
      : ["SES_REGION: email goes by SMTP or by SES"]),
  ];
}

/** The variables contradict themselves nowhere ({@link notifyContradictions}). */
export function notifySettings(variables: NotifyVariables): NotifySettings {
  const {
    SMTP_URL: url,
    SMTP_FROM,
    SES_REGION,
    SES_FROM,
    SNS_REGION,
    AWS_ENDPOINT_URL: endpoint,
  } = variables;
  return {
    smtp: url === undefined || SMTP_FROM === undefined ? undefined : { url, from: SMTP_FROM },
    ses:
      SES_REGION === undefined || SES_FROM === undefined
        ? undefined
        : { region: SES_REGION, endpoint, from: SES_FROM },
    sns: SNS_REGION === undefined ? undefined : { region: SNS_REGION, endpoint },
  };
}

/** The kinds of channels that can be made here. */
export function channelKinds({ smtp, ses, sns }: NotifySettings): ReadonlySet<ChannelKind> {
  return new Set<ChannelKind>([
    ...(["webhook", "slack", "in-app"] as const),
    ...(smtp === undefined && ses === undefined ? [] : (["email"] as const)),
    ...(sns === undefined ? [] : (["sns", "sms"] as const)),
  ]);
}
