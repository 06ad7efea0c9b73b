import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { awsName, type AwsScope } from "./names.ts";

export interface ServiceLoadBalancerArgs {
  readonly scope: AwsScope;
  readonly vpcId: pulumi.Input<string>;
  readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
  readonly securityGroupId: pulumi.Input<string>;
  /** Of the region's ACM. Left out: HTTP, which never leaves the network; who comes from outside has TLS to API Gateway. */
  readonly certificateArn?: pulumi.Input<string> | undefined;
  readonly isProtected: boolean;
}

/** Where the service listens, inside the network. */
export const SERVICE_PORT = 8080;

const HTTP_PORT = 80;
const HTTPS_PORT = 443;
/** TLS 1.2 with forward secrecy, and 1.3. */
const TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06";
/** Above the heartbeat of event streams, and what the service gives an idle connection of its own (120 s). */
const IDLE_SECONDS = 120;
/** Answers under way get 5 s of the service (automation/http/server.ts). */
const DRAIN_SECONDS = 15;

/** The inner entrance of the control plane: a load balancer that nobody outside the network can reach. */
export class ServiceLoadBalancer extends pulumi.ComponentResource {
  readonly loadBalancerArn: pulumi.Output<string>;
  readonly listenerArn: pulumi.Output<string>;
  readonly targetGroupArn: pulumi.Output<string>;
  /** Who calls it needs a rule that names this group. */
  readonly securityGroupId: pulumi.Output<string>;
  readonly url: pulumi.Output<string>;
  /** What CloudWatch calls them. */
  readonly arnSuffix: pulumi.Output<string>;
  readonly targetGroupArnSuffix: pulumi.Output<string>;

  constructor(name: string, args: ServiceLoadBalancerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:ServiceLoadBalancer", name, {}, opts);
    const { scope, certificateArn, isProtected } = args;
    const child = { parent: this };
    const ownName = awsName("loadBalancer", scope, name);
    const balancer = new aws.lb.LoadBalancer(
      name,
      {
        name: ownName,
        internal: true,
        loadBalancerType: "application",
        subnets: args.subnetIds,
        securityGroups: [args.securityGroupId],
        dropInvalidHeaderFields: true,
        idleTimeout: IDLE_SECONDS,
        enableDeletionProtection: isProtected,
      },
      child,
    );
    const targets = new aws.lb.TargetGroup(
      name,
      {
        name: ownName,
        vpcId: args.vpcId,
        targetType: "ip",
        protocol: "HTTP",
        port: SERVICE_PORT,
        deregistrationDelay: DRAIN_SECONDS,
        // Not /readyz: a database that is away gets no better by a service that is started again.
        healthCheck: { path: "/healthz", matcher: "200", interval: 10, timeout: 5, unhealthyThreshold: 3 },
      },
      child,
    );
    const secured = certificateArn !== undefined;
    const listener = new aws.lb.Listener(
      name,
      {
        loadBalancerArn: balancer.arn,
        ...(secured
          ? { protocol: "HTTPS", port: HTTPS_PORT, certificateArn, sslPolicy: TLS_POLICY }
          : { protocol: "HTTP", port: HTTP_PORT }),
        defaultActions: [{ type: "forward", targetGroupArn: targets.arn }],
      },
      child,
    );
    this.loadBalancerArn = balancer.arn;
    this.listenerArn = listener.arn;
    this.targetGroupArn = targets.arn;
    this.arnSuffix = balancer.arnSuffix;
    this.targetGroupArnSuffix = targets.arnSuffix;
    this.securityGroupId = pulumi.output(args.securityGroupId);
    this.url = pulumi.interpolate`${secured ? "https" : "http"}://${balancer.dnsName}`;
    this.registerOutputs({ listenerArn: this.listenerArn, url: this.url });
  }
}
