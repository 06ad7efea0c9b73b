import { expect } from "chai";
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ENGINE_VERSION, isUsableVersion } from "../../../automation/engine/cli.ts";
import { findEngine, prepareEngine } from "../../../automation/engine/prepare.ts";
import type { MillwrightError } from "../../../model/errors.ts";

describe("getting the engine", () => {
  let folder = "";
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), "millwright-prepare-"))));
  afterEach(() => rm(folder, { recursive: true }));

  const program = async (name: string, script: string) => {
    const bin = path.join(folder, "path");
    await mkdir(bin, { recursive: true });
    await writeFile(path.join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(path.join(bin, name), 0o755);
  };
  /** No cache, no proxy to the vendor (the discard port refuses), and a PATH with nothing but what the test puts there. */
  const options = () => ({
    home: path.join(folder, "home"),
    inherited: { PATH: path.join(folder, "path"), XDG_CACHE_HOME: path.join(folder, "cache"), HOME: folder },
    canDownload: () => Promise.resolve(false),
  });
  const refusal = () =>
    prepareEngine(options()).then(
      () => undefined,
      (error: unknown) => error as MillwrightError,
    );

  it("takes a CLI of PATH that is new enough and can check policies", async () => {
    await program("pulumi", `echo v${ENGINE_VERSION}`);
    await program("pulumi-analyzer-policy", "");
    const { cli } = await prepareEngine(options());
    expect(cli).to.deep.equal({
      path: path.join(folder, "path", "pulumi"),
      version: ENGINE_VERSION,
      source: "path",
    });
  });

  it("names the old CLI and the remedy when nothing newer can be had", async () => {
    await program("pulumi", "echo v3.0.0");
    const error = await refusal();
    expect(error).to.have.property("code", "engine-too-old");
    expect(error?.message).to.include("version 3.0.0").and.to.include("Install the Pulumi CLI");
  });

  it("names each way that was tried when there is no CLI at all", async () => {
    const error = await refusal();
    expect(error).to.have.property("code", "engine-missing");
    for (const way of ["no `pulumi` on PATH", "no copy", "download site", "Go is not installed"])
      expect(error?.message).to.include(way);
  });

  it("passes by a CLI that hangs together badly: without the policy plugin, or not answering", async () => {
    await program("pulumi", `echo v${ENGINE_VERSION}`);
    expect((await findEngine(options())).reasons[0]?.reason).to.include("pulumi-analyzer-policy");
    await program("pulumi", "exit 3");
    expect((await findEngine(options())).reasons[0]?.reason).to.include("does not answer");
  });

  it("keeps the passphrase of an earlier start and shows it to nobody else", async () => {
    await program("pulumi", `echo v${ENGINE_VERSION}`);
    await program("pulumi-analyzer-policy", "");
    const { layout } = await prepareEngine(options());
    const first = await stat(layout.passphraseFile);
    await prepareEngine(options());
    const second = await stat(layout.passphraseFile);
    expect(second.ino).to.equal(first.ino);
    expect(second.mode & 0o777).to.equal(0o600);
  });

  it("compares versions as numbers", () => {
    expect(["3.220.0", "v3.221.1", "3.1000.0", "v3.220.0-dev.1"].map(isUsableVersion)).to.not.include(false);
    expect(["3.219.9", "v2.999.0", "4.0.0", "", "dev"].map(isUsableVersion)).to.not.include(true);
  });
});
