import type { EventLog } from "../../data/event-log/event-log.ts";
import type { KafkaSettings } from "../../model/kafka-settings.ts";

/** The log behind an event source, opened when a delivery has a gap before it: most processes never see one. */
export function gapLog(settings: KafkaSettings, clientId: string): Pick<EventLog, "read"> {
  let opening: Promise<EventLog> | undefined;
  return { read: async (from) => (await (opening ??= open(settings, clientId))).read(from) };
}

async function open(settings: KafkaSettings, clientId: string): Promise<EventLog> {
  const [{ openKafkaLog }, { kafkaAddress }, { kafkaSecretOf }] = await Promise.all([
    import("../../data/event-log/kafka/kafka-log.ts"),
    import("../../data/event-log/kafka/secret.ts"),
    import("../../data/event-log/kafka/read-secret.ts"),
  ]);
  return openKafkaLog(kafkaAddress(await kafkaSecretOf(settings)), { clientId });
}
