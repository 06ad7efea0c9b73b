import { KafkaCluster, type KafkaAddress } from "./cluster.ts";

/** Kafka 2.4, the oldest that we are for, was the first to take this version of Produce requests. */
const PRODUCE = { apiKey: 0, version: 8 };

/** What a cluster tells of itself to whom it lets in. */
export interface KafkaSurvey {
  readonly brokerCount: number;
  readonly isTooOld: boolean;
}

/** @throws MillwrightError `log-unavailable` that says why we are not let in */
export async function surveyKafka(address: KafkaAddress, clientId: string): Promise<KafkaSurvey> {
  const cluster = new KafkaCluster(address, clientId);
  try {
    await cluster.reach();
    const { apiVersions } = await cluster.request("ApiVersions", {});
    const produce = apiVersions.find(({ apiKey }) => apiKey === PRODUCE.apiKey);
    return {
      brokerCount: cluster.brokerCount,
      isTooOld: (produce?.maxVersion ?? 0) < PRODUCE.version,
    };
  } finally {
    await cluster.close();
  }
}
