import {
  ConcurrentUpdateError,
  LocalWorkspace,
  PulumiCommand,
  Stack,
  type EngineEvent as PulumiEvent,
  type PulumiFn,
} from "@pulumi/pulumi/automation/index.js";
import { output } from "@pulumi/pulumi";
import { SemVer } from "semver";
import { pathToFileURL } from "node:url";
import type { StackDifference } from "../../model/drift.ts";
import { MillwrightError } from "../../model/errors.ts";
import { exportWithSecrets, passphraseOf } from "./child-stack.ts";
import { differenceOf } from "./difference.ts";
import type { ChangeSummary, EngineEvent } from "./engine.ts";
import type { SessionSetup } from "./messages.ts";
import { redactor, secretsOf } from "./redaction.ts";
import { RunEvents } from "./run-events.ts";

/** Operations on resources that run at once. More gain nothing on one machine; the databases take 200 connections. */
const PARALLEL = 8;
const STDERR_TAIL = 4_000;

export interface RunReports {
  readonly onEvent: (event: EngineEvent) => void;
  /** Called often while the CLI shows any sign of life. */
  readonly onActivity: () => void;
  readonly signal: AbortSignal;
}

type Outputs = Readonly<Record<string, unknown>>;

/** Runs the program of one stack under the real engine. */
export class StackRunner {
  /** Of the last `up` of this session, taken from the program itself: reading them back costs a CLI call. */
  outputs: Outputs | undefined;
  readonly #setup: SessionSetup;
  readonly #program: PulumiFn;

  private constructor(setup: SessionSetup, program: PulumiFn) {
    this.#setup = setup;
    this.#program = program;
  }

  static async load(setup: SessionSetup): Promise<StackRunner> {
    const module = (await import(pathToFileURL(setup.programModule).href)) as { program?: PulumiFn };
    if (typeof module.program !== "function")
      throw new MillwrightError("engine-failed", "The stack's module exports no function `program`.");
    return new StackRunner(setup, module.program);
  }

  preview(reports: RunReports): Promise<ChangeSummary> {
    this.outputs = undefined;
    const onEvent = (event: EngineEvent) =>
      reports.onEvent(event.kind === "resource" ? { ...event, message: `would ${event.message}` } : event);
    return this.#run({ ...reports, onEvent }, this.#program, (stack, options) =>
      stack.preview({ ...options, policyPacks: [this.#setup.policyPack] }),
    );
  }

  async up(reports: RunReports): Promise<ChangeSummary> {
    this.outputs = undefined;
    let outputs: Outputs | undefined;
    const program = async () => {
      const returned = ((await this.#program()) ?? {}) as Record<string, unknown>;
      output(returned).apply((values) => {
        outputs = values;
      });
      return returned;
    };
    const changes = await this.#run(reports, program, (stack, options) =>
      stack.up({ ...options, policyPacks: [this.#setup.policyPack], showSecrets: false }),
    );
    this.outputs = outputs;
    return changes;
  }

  destroy(reports: RunReports): Promise<ChangeSummary> {
    this.outputs = undefined;
    return this.#run(reports, this.#program, (stack, options) =>
      stack.destroy({ ...options, showSecrets: false }),
    );
  }

  async drift(reports: RunReports): Promise<readonly StackDifference[]> {
    const differences: StackDifference[] = [];
    await this.#run(reports, this.#program, (stack, options) =>
      stack.previewRefresh({
        ...options,
        onEvent: (event) => {
          options.onEvent(event);
          const difference = differenceOf(event);
          if (difference !== undefined) differences.push(difference);
        },
      }),
    );
    return differences.sort((a, b) => a.urn.localeCompare(b.urn));
  }

  async #run(
    { onEvent, onActivity, signal }: RunReports,
    program: PulumiFn,
    act: (stack: Stack, options: RunOptions) => Promise<unknown>,
  ): Promise<ChangeSummary> {
    const events = new RunEvents(onEvent);
    let stderr = "";
    const options: RunOptions = {
      parallel: PARALLEL,
      color: "never",
      suppressProgress: true,
      suppressOutputs: true,
      signal,
      onOutput: onActivity,
      onError: (text) => {
        onActivity();
        stderr = (stderr + text).slice(-STDERR_TAIL);
      },
      onEvent: (event) => {
        onActivity();
        events.take(event);
      },
    };
    let failure: unknown;
    try {
      await act(await this.#openStack(program), options);
    } catch (error) {
      failure = error;
    }
    const hide = failure === undefined && events.heldTexts.length === 0 ? undefined : await this.#redactor();
    for (const event of events.heldTexts) onEvent({ ...event, message: hide?.(event.message) ?? "" });
    if (failure !== undefined)
      throw asProblem(failure, events, stderr, signal.aborted, hide ?? ((text) => text));
    return events.changes;
  }

  /** A stack that spares every CLI call that the SDK would make beside the run itself: 0.1 to 0.2 s each. */
  async #openStack(program: PulumiFn): Promise<Stack> {
    const { stack: name, workFolder, cliPath, cliVersion, environment } = this.#setup;
    // As PulumiCommand.get makes it, but without asking the CLI for the version that we know.
    const known = { command: cliPath, version: new SemVer(cliVersion) };
    const pulumiCommand = Object.assign(Object.create(PulumiCommand.prototype) as PulumiCommand, known);
    const workspace = await LocalWorkspace.create({
      workDir: workFolder,
      program,
      pulumiCommand,
      envVars: environment,
    });
    workspace.selectStack = () => Promise.resolve(); // prepareStack saw to it
    workspace.stackOutputs = () => Promise.resolve({}); // two calls after each up; `outputs` has them from the program
    const stack = await Stack.select(name, workspace);
    stack.info = () => Promise.resolve(undefined); // one call for the summary that the events hold
    return stack;
  }

  /** Masks every secret of the config and the state, and the passphrase; everything, when the state cannot be read. */
  async #redactor(): Promise<(text: string) => string> {
    const deployment = await exportWithSecrets(this.#setup);
    if (deployment === undefined)
      return () => "(text withheld: the secrets of the state could not be read to mask them)";
    const passphrase = await passphraseOf(this.#setup);
    return redactor([
      ...Object.values(this.#setup.secretConfig),
      ...(passphrase === undefined ? [] : [passphrase]),
      ...secretsOf(deployment),
    ]);
  }
}

interface RunOptions {
  readonly parallel: number;
  readonly color: "never";
  readonly suppressProgress: boolean;
  readonly suppressOutputs: boolean;
  readonly signal: AbortSignal;
  readonly onOutput: (text: string) => void;
  readonly onError: (text: string) => void;
  readonly onEvent: (event: PulumiEvent) => void;
}

function asProblem(
  failure: unknown,
  { violations, errors }: RunEvents,
  stderr: string,
  isCancelled: boolean,
  hide: (text: string) => string,
): MillwrightError {
  if (isCancelled) return new MillwrightError("operation-cancelled", "The run was cancelled.");
  if (failure instanceof ConcurrentUpdateError)
    return new MillwrightError("stack-locked", "Another update of this stack is running.", {
      retryable: true,
    });
  if (violations.length > 0) {
    const fields = violations.map(({ policy, resource, message }) => ({
      pointer: `/policies/${policy}`,
      message: hide(`${resource}: ${message}`),
    }));
    const names = [...new Set(violations.map(({ policy }) => policy))].join(", ");
    return new MillwrightError("policy-refused", `The policy refuses this stack: ${names}.`, { fields });
  }
  const reasons =
    errors.length > 0 ? errors : [lastErrorLine(stderr) ?? "the engine ended without a message"];
  return new MillwrightError("engine-failed", hide([...new Set(reasons)].join("\n")));
}

function lastErrorLine(stderr: string): string | undefined {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "");
  return lines.findLast((line) => line.startsWith("error:")) ?? lines.at(-1);
}
