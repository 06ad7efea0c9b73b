import { readFile } from "node:fs/promises";
import type { Settings } from "../../environment.ts";
import { hasCode, MillwrightError } from "../../model/errors.ts";
import { serveMqtt, type MqttServer, type MqttServices } from "../mqtt/server.ts";

const MQTT_PORT = 1883;
const MQTT_TLS_PORT = 8883;

/**
 * Opens the MQTT entrance where the settings say. On nobody's word but the default's a port that is taken (by a broker
 * of somebody's own) is no reason not to start: any free one will do, and is told.
 * @throws MillwrightError `port-in-use`, `setting-invalid`
 */
export async function openMqttEntrance(
  services: MqttServices,
  { port, tls: files }: Settings["mqtt"],
): Promise<MqttServer> {
  const tls = files && {
    cert: await readPem("MQTT_TLS_CERT", files.certFile),
    key: await readPem("MQTT_TLS_KEY", files.keyFile),
  };
  const preferred = tls === undefined ? MQTT_PORT : MQTT_TLS_PORT;
  try {
    return await serveMqtt(services, { port: port ?? preferred, tls });
  } catch (error) {
    if (port !== undefined || !hasCode(error, "port-in-use")) throw error;
    return serveMqtt(services, { port: 0, tls });
  }
}

async function readPem(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new MillwrightError("setting-invalid", `${setting}: the file ${file} cannot be read.`, { cause });
  }
}
