import type { ChannelKind } from "./channel.ts";

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

/** The kinds of channels that can be made here. */
export function channelKinds({ smtp, ses, sns }: NotifySettings): ReadonlySet<ChannelKind> {
  return new Set<ChannelKind>([
    ...(["webhook", "slack", "in-app"] as const),
    ...(smtp === undefined && ses === undefined ? [] : (["email"] as const)),
    ...(sns === undefined ? [] : (["sns", "sms"] as const)),
  ]);
}
