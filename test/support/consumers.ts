import type { EventLog, Subscription } from "../../data/event-log/event-log.ts";

/**
 * Starts consumers that end with the test that started them, also with one that fails: a consumer left running keeps the
 * process alive. What it answers ends one earlier.
 */
export function testConsumers() {
  const running: (() => Promise<void>)[] = [];
  afterEach(() => Promise.all(running.splice(0).map((end) => end())));
  return (log: EventLog, subscription: Subscription): (() => Promise<void>) => {
    const stop = new AbortController();
    const consuming = log.consume(subscription, stop.signal);
    const end = () => {
      stop.abort();
      return consuming;
    };
    running.push(end);
    return end;
  };
}
