import { htmlOf, shortTextOf, subjectOf, textOf } from "../../../model/notification.ts";
import type { AwsSettings, SesSettings } from "../../../model/notify-settings.ts";
import type { ChannelSender, Try, TryResult } from "./channel-sender.ts";

/** SNS takes 256 KiB and a subject of 99 ASCII characters (read 2026-11-21). */
const MAX_SNS_SUBJECT_LENGTH = 99;

/** Errors of SNS and SES after which the same message can never go out; all others may pass. */
const FOR_GOOD = [
  "InvalidParameter",
  "InvalidParameterException",
  "InvalidParameterValue",
  "NotFound",
  "NotFoundException",
  "BadRequestException",
  "MessageRejected",
  "OptedOut",
];

/** Email by SES. */
export function sesSender({ from, ...aws }: SesSettings): ChannelSender {
  const client = lazily(async () => {
    const { SESv2Client, SendEmailCommand } = await import("@aws-sdk/client-sesv2");
    return { ses: new SESv2Client(clientOptions(aws)), SendEmailCommand };
  });
  return ({ settings, notification, signal }) =>
    answered(async () => {
      const { ses, SendEmailCommand } = await client();
      const utf8 = (Data: string) => ({ Data, Charset: "UTF-8" });
      const command = new SendEmailCommand({
        FromEmailAddress: from,
        Destination: { ToAddresses: [...(settings.to ?? [])] },
        Content: {
          Simple: {
            Subject: utf8(subjectOf(notification)),
            Body: { Text: utf8(textOf(notification)), Html: utf8(htmlOf(notification)) },
            Headers: [{ Name: "X-Millwright-Delivery", Value: notification.id }],
          },
        },
      });
      return ses.send(command, { abortSignal: signal });
    });
}

/** A topic of the tenant: subject and text for people, the delivery's facts as attributes for filters. */
export function snsSender(aws: AwsSettings): ChannelSender {
  const publish = snsPublisher(aws);
  return (attempt) => {
    const { settings, notification, body } = attempt;
    const attribute = (StringValue: string) => ({ DataType: "String", StringValue });
    const severity = notification.alert?.severity;
    return publish(attempt, {
      TopicArn: settings.topicArn,
      // SNS allows neither what is beyond ASCII nor a blank at the front
      Subject: subjectOf(notification)
        .replace(/[^\x20-\x7e]/g, "?")
        .slice(0, MAX_SNS_SUBJECT_LENGTH),
      Message: JSON.stringify({
        default: textOf(notification),
        sqs: JSON.stringify(body),
        lambda: JSON.stringify(body),
        sms: shortTextOf(notification),
      }),
      MessageStructure: "json",
      MessageAttributes: {
        event: attribute(notification.event),
        ...(severity === undefined ? {} : { severity: attribute(severity) }),
      },
    });
  };
}

/** One SMS of one phone. */
export function smsSender(aws: AwsSettings): ChannelSender {
  const publish = snsPublisher(aws);
  return (attempt) =>
    publish(attempt, {
      PhoneNumber: attempt.settings.phoneNumber,
      Message: shortTextOf(attempt.notification),
      // the cheaper class may wait for hours
      MessageAttributes: {
        "AWS.SNS.SMS.SMSType": { DataType: "String", StringValue: "Transactional" },
      },
    });
}

function snsPublisher(aws: AwsSettings) {
  const client = lazily(async () => {
    const { SNSClient, PublishCommand } = await import("@aws-sdk/client-sns");
    return { sns: new SNSClient(clientOptions(aws)), PublishCommand };
  });
  type Input = ConstructorParameters<Awaited<ReturnType<typeof client>>["PublishCommand"]>[0];
  return ({ signal }: Try, input: Input) =>
    answered(async () => {
      const { sns, PublishCommand } = await client();
      return sns.send(new PublishCommand(input), { abortSignal: signal });
    });
}

/** Credentials come from where the SDK finds them: environment, profile, or the role of the machine. */
const clientOptions = ({ region, endpoint }: AwsSettings) => ({
  region,
  ...(endpoint === undefined ? {} : { endpoint }),
  maxAttempts: 1, // the outbox tries again, and writes it down
});

/** The SDK's clients weigh more than all the rest: loaded with the first message. */
function lazily<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => (opened ??= open());
}

async function answered(
  send: () => Promise<{ readonly $metadata: { readonly httpStatusCode?: number } }>,
): Promise<TryResult> {
  try {
    return { result: "delivered", status: (await send()).$metadata.httpStatusCode ?? null, error: null };
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    if ($metadata?.httpStatusCode === undefined) throw error; // no answer at all
    const result = FOR_GOOD.includes(name) ? "refused" : "failed";
    return { result, status: $metadata.httpStatusCode, error: name };
  }
}
