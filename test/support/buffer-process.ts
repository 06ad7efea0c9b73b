import { bufferLog } from "../../data/event-log/buffered-log.ts";
import { openEmbeddedLog } from "../../data/event-log/embedded-log.ts";
import type { DatabaseAddress } from "../../data/pool.ts";
import { LOG_PASSWORD } from "./log.ts";

/** What the parent sends first; then the child appends numbers, and tells each that was kept, until it is killed. */
export interface BufferProcessStart {
  readonly admin: DatabaseAddress;
  readonly folder: string;
  readonly topic: string;
  readonly first: number;
}

/** An entrance with a buffer, in a process of its own: to be killed. */
process.once("message", (message) => {
  const { admin, folder, topic, first } = message as BufferProcessStart;
  void (async () => {
    const log = openEmbeddedLog(admin, LOG_PASSWORD, "buffer-process");
    const buffered = await bufferLog(log, { folder, maxBytes: 1 << 30, onDropped: () => process.exit(1) });
    for (let number = first; ; number++) {
      await buffered.append([{ topic, partition: 0, headers: {}, value: Buffer.from(String(number)) }]);
      process.send?.(number);
    }
  })();
});
process.once("disconnect", () => process.exit());
