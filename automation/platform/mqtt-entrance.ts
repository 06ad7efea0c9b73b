import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import type { Settings } from "../../environment.ts";
import { hasCode, MillwrightError } from "../../model/errors.ts";
import { serveMqtt, type MqttOptions, type MqttServer, type MqttServices } from "../mqtt/server.ts";

const MQTT_PORT = 1883;
const MQTT_TLS_PORT = 8883;

/**
 * Opens the MQTT entrance where the settings say. On nobody's word but the default's a port that is taken (by a broker
 * of somebody's own) is no reason not to start: any free one will do, and is told.
 * @throws MillwrightError `port-in-use`
 */
export async function openMqttEntrance(
  services: MqttServices,
  { port, tls }: Pick<Settings["mqtt"], "port"> & Pick<MqttOptions, "tls">,
): Promise<MqttServer> {
  const preferred = tls === undefined ? MQTT_PORT : MQTT_TLS_PORT;
  try {
    return await serveMqtt(services, { port: port ?? preferred, tls });
  } catch (error) {
    if (port !== undefined || !hasCode(error, "port-in-use")) throw error;
    return serveMqtt(services, { port: 0, tls });
  }
}

/**
 * Certificate and key, read once at the start and before anything is built.
 * @throws MillwrightError `setting-invalid`: a file cannot be read, is no PEM, or the key is another certificate's
 */
export async function readCertificate({
  certFile,
  keyFile,
}: NonNullable<Settings["mqtt"]["tls"]>): Promise<SecureContextOptions> {
  const cert = await readPem("MQTT_TLS_CERT", certFile);
  const key = await readPem("MQTT_TLS_KEY", keyFile);
  try {
    createSecureContext({ cert, key }); // says nothing about empty ones
    if (new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) return { cert, key };
    throw new Error("the key is of another certificate");
  } catch (cause) {
    const message = "MQTT_TLS_CERT and MQTT_TLS_KEY are no certificate and its key, in PEM.";
    throw new MillwrightError("setting-invalid", message, { cause });
  }
}

async function readPem(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new MillwrightError("setting-invalid", `${setting}: the file ${file} cannot be read.`, { cause });
  }
}
