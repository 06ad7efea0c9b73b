import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Logger } from "pino";
import { Gauge, type Registry } from "prom-client";
import { bufferLog } from "../../data/event-log/buffered-log.ts";
import type { EventLog } from "../../data/event-log/event-log.ts";
import type { Settings } from "../../environment.ts";

export interface IntakeLog extends Pick<EventLog, "append"> {
  readonly close: () => Promise<void>;
}

/** The log as the entrances see it: with a buffer on disk in front of it, where the settings give it room. */
export async function openIntakeLog(
  log: Pick<EventLog, "append">,
  { home, intakeBufferBytes: maxBytes }: Pick<Settings, "home" | "intakeBufferBytes">,
  registry: Registry,
  logger: Pick<Logger, "error">,
): Promise<IntakeLog> {
  if (maxBytes === 0) return { append: log.append, close: () => Promise.resolve() };
  const folder = path.join(home, "intake");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const buffered = await bufferLog(log, {
    ...{ folder, maxBytes },
    onDropped: (records) =>
      logger.error(
        { topic: records[0]?.topic, count: records.length },
        "buffered records of a deleted tenant dropped",
      ),
  });
  new Gauge({
    name: "millwright_intake_buffer_bytes",
    help: "Accepted and on disk, not yet in the log",
    registers: [registry],
    collect() {
      this.set(buffered.waitingBytes());
    },
  });
  return buffered;
}
