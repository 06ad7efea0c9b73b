import { Counter, Gauge, type Registry } from "prom-client";

/** What the MQTT entrance counts. */
export class MqttMetrics {
  readonly #connections: Gauge;
  readonly #messages: Counter<"qos">;
  readonly #refusals: Counter<"reason">;

  constructor(registry: Registry) {
    const registers = [registry];
    const named = (name: string, help: string) => ({ name: `millwright_mqtt_${name}`, help, registers });
    this.#connections = new Gauge(named("connections", "Clients that are signed in"));
    this.#messages = new Counter({ ...named("messages_total", "Messages kept"), labelNames: ["qos"] });
    const help = "Connections and messages that were refused";
    this.#refusals = new Counter({ ...named("refusals_total", help), labelNames: ["reason"] });
  }

  connected(count: number): void {
    this.#connections.set(count);
  }

  kept(qos: number): void {
    this.#messages.inc({ qos: String(qos) });
  }

  /** @param reason - one of a fixed set: a label for each word of a stranger would fill the memory */
  refused(reason: string): void {
    this.#refusals.inc({ reason });
  }
}
