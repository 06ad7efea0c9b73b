import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

export interface ApiDomainArgs {
  readonly domain: string;
  /** Of Route 53, where the domain's records are made; undefined: its owner makes them, and brings the certificate. */
  readonly zoneId: string | undefined;
  /** Of this region's ACM; undefined: one is made, and proven by a record in the zone. */
  readonly certificateArn: string | undefined;
  readonly restApiId: pulumi.Input<string>;
  readonly stageName: pulumi.Input<string>;
}

/** A name of our own for an API. */
export class ApiDomain extends pulumi.ComponentResource {
  /** What the domain must be a CNAME of where we do not own its zone. */
  readonly target: pulumi.Output<string>;

  constructor(name: string, args: ApiDomainArgs, opts?: pulumi.ComponentResourceOptions) {
    super("millwright:aws:ApiDomain", name, {}, opts);
    const { domain, zoneId, certificateArn } = args;
    const child = { parent: this };
    const domainName = new aws.apigateway.DomainName(
      name,
      {
        domainName: domain,
        regionalCertificateArn: certificateArn ?? this.#provenCertificate(name, domain, zoneId),
        endpointConfiguration: { types: "REGIONAL" },
        securityPolicy: "TLS_1_2", // and above
      },
      child,
    );
    new aws.apigateway.BasePathMapping(
      name,
      { domainName: domainName.domainName, restApi: args.restApiId, stageName: args.stageName },
      child,
    );
    if (zoneId !== undefined)
      new aws.route53.Record(
        name,
        {
          ...{ zoneId, name: domain, type: "A" },
          aliases: [
            {
              name: domainName.regionalDomainName,
              zoneId: domainName.regionalZoneId,
              evaluateTargetHealth: false,
            },
          ],
        },
        child,
      );
    this.target = domainName.regionalDomainName;
    this.registerOutputs({ target: this.target });
  }

  #provenCertificate(name: string, domain: string, zoneId: string | undefined): pulumi.Output<string> {
    if (zoneId === undefined)
      throw new pulumi.RunError(`The domain ${domain} has neither a zone nor a certificate.`);
    const child = { parent: this };
    const certificate = new aws.acm.Certificate(name, { domainName: domain, validationMethod: "DNS" }, child);
    const option = certificate.domainValidationOptions.apply(([first]) => {
      if (first === undefined) throw new pulumi.RunError(`ACM does not say how ${domain} is proven.`);
      return first;
    });
    const proof = new aws.route53.Record(
      `${name}-certificate`,
      {
        zoneId,
        name: option.apply((record) => record.resourceRecordName),
        type: option.apply((record) => record.resourceRecordType),
        records: [option.apply((record) => record.resourceRecordValue)],
        ttl: 300,
      },
      child,
    );
    return new aws.acm.CertificateValidation(
      name,
      { certificateArn: certificate.arn, validationRecordFqdns: [proof.fqdn] },
      child,
    ).certificateArn;
  }
}
