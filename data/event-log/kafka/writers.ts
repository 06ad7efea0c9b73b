import { KafkaCluster, refuseError, type KafkaAddress } from "./cluster.ts";

// Kafka's numbers (org.apache.kafka.common.acl and .resource).
const TOPIC = 2;
const LITERAL = 3;
const ALLOW = 3;
const WRITE = 4;
const DESCRIBE = 8;

/**
 * Lets users write into topics, and do nothing else: entrances that log in by themselves, on a cluster where who has no
 * rule may do nothing. Rules that are there already stay as they are.
 * @throws MillwrightError `log-unavailable`
 */
export async function allowWriters(address: KafkaAddress, users: readonly string[]): Promise<void> {
  if (users.length === 0) return;
  const cluster = new KafkaCluster(address, "millwright-writers");
  try {
    const creations = users.flatMap((user) =>
      [WRITE, DESCRIBE].map((operation) => ({
        ...{ resourceType: TOPIC, resourceName: "*", resourcePatternType: LITERAL },
        ...{ principal: `User:${user}`, host: "*", operation, permissionType: ALLOW },
      })),
    );
    const { creationResponses } = await cluster.request("CreateAcls", { creations });
    for (const { errorCode } of creationResponses) refuseError(errorCode, `to let ${users.join(", ")} write`);
  } finally {
    await cluster.close();
  }
}
