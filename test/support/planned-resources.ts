import { UNKNOWN_VALUE } from "../../providers/properties.ts";
import { planned } from "./planned-stack.ts";

/** Resources that the gate takes as they are; what a test says differs from them. */
export const server = (props: object = {}) =>
  planned("aws:ec2/instance:Instance", { instanceType: "r6g.xlarge", ...props });

export const template = (props: object, name = "one") =>
  planned("aws:ec2/launchTemplate:LaunchTemplate", { instanceType: "r6g.xlarge", ...props }, name);

/** A server that leaves everything to a template: as long as that is not made, by an id that is not known. */
export const templated = (launchTemplate: object = { id: UNKNOWN_VALUE }) =>
  planned("aws:ec2/instance:Instance", { launchTemplate });

export const database = (props: object = {}) =>
  planned("aws:rds/instance:Instance", {
    ...{ engine: "postgres", engineVersion: "17", instanceClass: "db.r6g.xlarge", multiAz: true },
    ...{ storageType: "gp3", allocatedStorage: 100, ...props },
  });

/** Large enough for RDS to stripe its storage. */
export const stripedDatabase = (props: object) => database({ allocatedStorage: 8_000, ...props });

/** @param info - of each broker @param storage - of each broker's disk */
export const brokers = (props: object = {}, info: object = {}, storage: object = {}) =>
  planned("aws:msk/cluster:Cluster", {
    numberOfBrokerNodes: 3,
    brokerNodeGroupInfo: {
      instanceType: "kafka.m7g.large",
      storageInfo: { ebsStorageInfo: { volumeSize: 100, ...storage } },
      ...info,
    },
    ...props,
  });

export const service = (props: object = {}) =>
  planned("aws:ecs/service:Service", { launchType: "FARGATE", ...props });

export const task = (props: object = {}, name = "one") =>
  planned("aws:ecs/taskDefinition:TaskDefinition", { cpu: "256", memory: "512", ...props }, name);
