import errors from "kafkajs/src/protocol/error.js";
import type { FetchAnswer } from "./fetch-answer.ts";

/** Requests that we send and what comes back, as kafkajs encodes and decodes them. 64-bit numbers come as text. */
export interface KafkaRequests {
  readonly ApiVersions: {
    readonly args: object;
    readonly answer: {
      readonly apiVersions: readonly { readonly apiKey: number; readonly maxVersion: number }[];
    };
  };
  readonly Metadata: {
    readonly args: { readonly topics: readonly string[]; readonly allowAutoTopicCreation: false };
    readonly answer: {
      readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
      readonly topicMetadata: readonly TopicMetadata[];
    };
  };
  readonly Produce: { readonly args: ProduceArgs; readonly answer: ProduceAnswer };
  readonly Fetch: { readonly args: FetchArgs; readonly answer: FetchAnswer };
  readonly ListOffsets: {
    readonly args: {
      readonly isolationLevel: number;
      readonly topics: readonly {
        readonly topic: string;
        readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[];
      }[];
    };
    readonly answer: {
      readonly responses: readonly {
        readonly topic: string;
        readonly partitions: readonly {
          readonly partition: number;
          readonly errorCode: number;
          readonly offset: string;
        }[];
      }[];
    };
  };
  readonly InitProducerId: {
    readonly args: { readonly transactionTimeout: number };
    readonly answer: {
      readonly errorCode: number;
      readonly producerId: string;
      readonly producerEpoch: number;
    };
  };
  readonly GroupCoordinator: {
    readonly args: { readonly groupId: string; readonly coordinatorType: 0 };
    readonly answer: {
      readonly errorCode: number;
      readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number };
    };
  };
  readonly JoinGroup: {
    readonly args: {
      readonly groupId: string;
      readonly memberId: string;
      readonly sessionTimeout: number;
      readonly rebalanceTimeout: number;
      readonly protocolType: string;
      readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
    };
    readonly answer: {
      readonly errorCode: number;
      readonly generationId: number;
      readonly leaderId: string;
      readonly memberId: string;
      readonly members: readonly { readonly memberId: string }[];
    };
  };
  readonly SyncGroup: {
    readonly args: {
      readonly groupId: string;
      readonly generationId: number;
      readonly memberId: string;
      readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
    };
    readonly answer: { readonly errorCode: number; readonly memberAssignment: Buffer };
  };
  readonly Heartbeat: {
    readonly args: {
      readonly groupId: string;
      readonly groupGenerationId: number;
      readonly memberId: string;
    };
    readonly answer: { readonly errorCode: number };
  };
  readonly LeaveGroup: {
    readonly args: { readonly groupId: string; readonly memberId: string };
    readonly answer: { readonly errorCode: number };
  };
  readonly CreateAcls: {
    readonly args: {
      readonly creations: readonly {
        readonly resourceType: number;
        readonly resourceName: string;
        readonly resourcePatternType: number;
        readonly principal: string;
        readonly host: string;
        readonly operation: number;
        readonly permissionType: number;
      }[];
    };
    readonly answer: { readonly creationResponses: readonly { readonly errorCode: number }[] };
  };
  readonly CreateTopics: {
    readonly args: {
      readonly topics: readonly {
        readonly topic: string;
        readonly numPartitions: number;
        readonly replicationFactor: number;
        readonly configEntries: readonly { readonly name: string; readonly value: string }[];
      }[];
      readonly validateOnly: false;
      readonly timeout: number;
    };
    readonly answer: { readonly topicErrors: readonly TopicError[] };
  };
  readonly DescribeConfigs: {
    readonly args: {
      readonly resources: readonly {
        readonly type: number;
        readonly name: string;
        readonly configNames: readonly string[];
      }[];
      readonly includeSynonyms: false;
    };
    readonly answer: {
      readonly resources: readonly {
        readonly errorCode: number;
        readonly configEntries: readonly { readonly configName: string; readonly configValue: string }[];
      }[];
    };
  };
  readonly DeleteTopics: {
    readonly args: { readonly topics: readonly string[]; readonly timeout: number };
    readonly answer: { readonly topicErrors: readonly TopicError[] };
  };
}

interface TopicError {
  readonly errorCode: number;
  readonly errorMessage?: string | null;
}

export interface TopicMetadata {
  readonly topicErrorCode: number;
  readonly topic: string;
  readonly partitionMetadata: readonly { readonly partitionId: number; readonly leader: number }[];
}

export interface ProduceArgs {
  readonly acks: -1;
  readonly timeout: number;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly firstSequence: number;
      readonly messages: readonly {
        readonly value: Buffer;
        readonly headers: Readonly<Record<string, string>>;
      }[];
    }[];
  }[];
}

interface ProduceAnswer {
  readonly topics: readonly {
    readonly topicName: string;
    readonly partitions: readonly ProducedPartition[];
  }[];
}

export interface ProducedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly baseOffset: string;
  readonly logAppendTime: string;
}

interface FetchArgs {
  readonly isolationLevel: number;
  readonly maxWaitTime: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly sessionId: number;
  readonly sessionEpoch: number;
  readonly forgottenTopics: readonly { readonly topic: string; readonly partitions: readonly number[] }[];
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly fetchOffset: string;
      readonly maxBytes: number;
    }[];
  }[];
}

export const READ_COMMITTED = 1;
export const EARLIEST = -2;
export const LATEST = -1;

const NAMES = new Map(errors.errorCodes.map(({ code, type }) => [code, type]));

/** `NOT_LEADER_FOR_PARTITION`, …; undefined for 0, no error. */
export function errorName(code: number): string | undefined {
  return code === 0 ? undefined : (NAMES.get(code) ?? `error ${code}`);
}
