import type { SentMessageInfo, Transporter } from "nodemailer";
import { abortOf } from "../../../data/wait.ts";
import { htmlOf, subjectOf, textOf } from "../../../model/notification.ts";
import type { SmtpSettings } from "../../../model/notify-settings.ts";
import type { ChannelSender, TryResult } from "./channel-sender.ts";

/** Without an answer for as long, the server is taken for dead; the try as a whole has its own limit. */
const SILENCE_MS = 10_000;

/**
 * Email by the platform's own SMTP server. The delivery's id is the Message-ID, so that a mail system that gets a
 * message twice can know it. TLS is what the URL says (`smtps:`), or STARTTLS where the server offers it.
 */
export function smtpSender({ url, from }: SmtpSettings): ChannelSender {
  let transporter: Promise<Transporter> | undefined;
  return async ({ settings, notification, signal }) => {
    transporter ??= openTransporter(url);
    const sending = (await transporter).sendMail({
      from,
      to: [...(settings.to ?? [])],
      subject: subjectOf(notification),
      text: textOf(notification),
      html: htmlOf(notification),
      messageId: `<${notification.id}@millwright>`,
      headers: { "Auto-Submitted": "auto-generated", "X-Millwright-Delivery": notification.id },
      // a template is text: nothing in it may name a file or an address to fetch
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    sending.catch(() => undefined); // one that fails after its time has nobody left to hear it
    try {
      return resultOf(await Promise.race([sending, abortOf(signal)]));
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal !== undefined) return refusal;
      throw error;
    }
  };
}

/** Loaded with the first email: most processes never send one. */
async function openTransporter(url: string): Promise<Transporter> {
  const { createTransport } = await import("nodemailer");
  const { protocol, hostname, port, username, password } = new URL(url);
  const secure = protocol === "smtps:";
  const user = decodeURIComponent(username);
  return createTransport({
    host: hostname,
    port: port === "" ? (secure ? 465 : 587) : Number(port),
    secure,
    // A password never travels in clear, whatever the server offers.
    ...(user === "" ? {} : { auth: { user, pass: decodeURIComponent(password) }, requireTLS: !secure }),
    connectionTimeout: SILENCE_MS,
    greetingTimeout: SILENCE_MS,
    socketTimeout: SILENCE_MS,
  });
}

function resultOf({ response, rejected }: SentMessageInfo): TryResult {
  const status = Number(response?.slice(0, 3)) || null;
  const count = rejected?.length ?? 0;
  // Who was taken has the message; to send it again for the sake of the rest would send it to all.
  return { result: "delivered", status, error: count === 0 ? null : `${count} recipients were refused` };
}

/** A 5xx of SMTP about the message or its recipients is for good; one about the login is ours to mend. */
function refusalOf(error: unknown): TryResult | undefined {
  const { code, responseCode } = error as { code?: string; responseCode?: number };
  if (responseCode === undefined) return undefined;
  const isForGood = responseCode >= 500 && (code === "EENVELOPE" || code === "EMESSAGE");
  const what = code === "EAUTH" ? "the mail server refused the login" : "the mail server refused the message";
  return { result: isForGood ? "refused" : "failed", status: responseCode, error: what };
}
