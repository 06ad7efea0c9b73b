import { randomUUID } from "node:crypto";
import type { EventLog } from "../../data/event-log/event-log.ts";

/** What a customer's own consumer sees of a topic, from its first record on, until it is closed. */
export function readTopic(log: Pick<EventLog, "consume">, topic: string) {
  const stop = new AbortController();
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into JSON of every shape
  const events: any[] = [];
  const done = log.consume(
    {
      group: `reader-${randomUUID()}`,
      topics: () => Promise.resolve([topic]),
      position: () => Promise.resolve(0n),
      handle: (records) => {
        events.push(...records.map(({ value }) => JSON.parse(value.toString("utf8")) as unknown));
        return Promise.resolve([]);
      },
      outOfRange: () => undefined,
    },
    stop.signal,
  );
  return {
    events,
    close: async () => {
      stop.abort();
      await done;
    },
  };
}
