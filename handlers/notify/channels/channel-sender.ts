import type { ChannelSecrets, ChannelSettings } from "../../../model/channel.ts";
import type { Notification } from "../../../model/notification.ts";

/** One try on one channel. */
export interface Try {
  readonly settings: ChannelSettings;
  readonly secrets: ChannelSecrets;
  readonly notification: Notification;
  /** The message for programs, as the contract has it. */
  readonly body: object;
  readonly nowMs: number;
  /** Aborts when the time of the try is over. */
  readonly signal: AbortSignal;
}

/** `refused` is for good: the receiver understood and will never take it, so that to ask again would only annoy. */
export interface TryResult {
  readonly result: "delivered" | "failed" | "refused";
  /** HTTP or SMTP status; null when there was none. */
  readonly status: number | null;
  /** Safe to show to the tenant: no address, no secret. */
  readonly error: string | null;
}

/** Sends a message over one kind of channel; rejects when nothing was answered. */
export type ChannelSender = (attempt: Try) => Promise<TryResult>;
