import {
  CodeDeployClient,
  CreateDeploymentCommand,
  DeploymentLimitExceededException,
  GetDeploymentCommand,
} from "@aws-sdk/client-codedeploy";
import { GetAliasCommand, LambdaClient } from "@aws-sdk/client-lambda";
import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";

const text = z.string().min(1);
/** The platform's output `releases`: by function, what was published, and what shifts its traffic. */
export const releases = z.record(
  text,
  z.object({ functionName: text, alias: text, version: text, application: text, deploymentGroup: text }),
);
export type Release = z.infer<typeof releases>[string];

export interface ShiftPorts {
  readonly lambda: LambdaClient;
  readonly codeDeploy: CodeDeployClient;
}

/**
 * Begins to lead a function's events to the published version, by the steps of its deployment group.
 * @returns the deployment's id; undefined when the version is live already
 * @throws MillwrightError `stack-locked` (retryable) while another deployment of the group is under way, `internal` when
 *   CodeDeploy does not say which deployment it made
 */
export async function beginShift(
  { lambda, codeDeploy }: ShiftPorts,
  release: Release,
): Promise<string | undefined> {
  const { functionName, alias, version, application, deploymentGroup } = release;
  const live = await lambda.send(new GetAliasCommand({ FunctionName: functionName, Name: alias }));
  if (live.FunctionVersion === version) return undefined;
  const properties = {
    Name: functionName,
    Alias: alias,
    CurrentVersion: live.FunctionVersion,
    TargetVersion: version,
  };
  const content = {
    version: 0.0,
    Resources: [{ handler: { Type: "AWS::Lambda::Function", Properties: properties } }],
  };
  const command = new CreateDeploymentCommand({
    applicationName: application,
    deploymentGroupName: deploymentGroup,
    revision: { revisionType: "AppSpecContent", appSpecContent: { content: JSON.stringify(content) } },
    description: `version ${version} in place of ${live.FunctionVersion ?? "none"}`,
  });
  const { deploymentId } = await codeDeploy.send(command).catch((cause: unknown) => {
    if (!(cause instanceof DeploymentLimitExceededException)) throw cause;
    const message = `Traffic of ${functionName} is being shifted already. Wait for the end of that deployment, or stop it.`;
    throw new MillwrightError("stack-locked", message, { retryable: true, cause });
  });
  if (deploymentId === undefined) {
    const message = `CodeDeploy named no deployment of ${functionName}. Look at its group ${deploymentGroup} before you try again.`;
    throw new MillwrightError("internal", message);
  }
  return deploymentId;
}

/** Waits until a deployment has ended. @returns what became of it: "" when the new version is live, else why not */
export async function shiftEnded(
  statusOf: () => Promise<{ readonly status: string; readonly reason: string }>,
  { pause, progress }: { readonly pause: () => Promise<void>; readonly progress: (status: string) => void },
): Promise<string> {
  for (let shown = ""; ; await pause()) {
    const { status, reason } = await statusOf();
    if (status === "Succeeded") return "";
    if (status === "Failed" || status === "Stopped") return reason === "" ? status : reason;
    if (status !== shown) progress(status);
    shown = status;
  }
}

/** What CodeDeploy says of a deployment. */
export async function deploymentStatus({ codeDeploy }: Pick<ShiftPorts, "codeDeploy">, deploymentId: string) {
  const { deploymentInfo } = await codeDeploy.send(new GetDeploymentCommand({ deploymentId }));
  return {
    status: deploymentInfo?.status ?? "unknown",
    reason: deploymentInfo?.errorInformation?.message ?? "",
  };
}
