import { expect } from "chai";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { install, type Installation } from "../../../automation/services/installation.ts";
import { inheritedEnvironment } from "../../../environment.ts";

describe("installing a service", () => {
  let cache: string;
  beforeEach(async () => (cache = await mkdtemp(path.join(tmpdir(), "millwright-cache-"))));
  afterEach(() => rm(cache, { recursive: true, force: true }));

  const services = () => path.join(cache, "millwright", "services");
  const options = () => ({
    inherited: { ...inheritedEnvironment(), XDG_CACHE_HOME: cache },
    progress: () => undefined,
  });
  const shell = (script: string, programs = ["sh"]): Installation => ({
    name: "thing-1.0",
    title: "Thing",
    programs,
    command: (folder) => ["sh", "-c", script, "sh", folder],
  });

  it("is done once, whoever asks at the same time", async () => {
    const log = path.join(cache, "log");
    const thing = shell(`echo made >> ${log}; sleep 0.2; echo whole > $1/part`);
    const folders = await Promise.all([install(thing, options()), install(thing, options())]);
    expect(new Set(folders)).to.have.length(1);
    expect(await readFile(path.join(folders[0], "part"), "utf8")).to.equal("whole\n");
    expect(await readFile(log, "utf8")).to.equal("made\n");
  });

  it("leaves nothing when it fails, and removes what a killed one has left", async () => {
    await mkdir(services(), { recursive: true });
    const abandoned = path.join(services(), "thing-1.0.installing-1");
    await mkdir(abandoned);
    await writeFile(path.join(abandoned, "half"), "");
    const failed = await install(shell("echo half > $1/half; echo no route >&2; exit 3"), options()).catch(
      (error: unknown) => error,
    );
    expect(failed).to.include({ code: "service-missing" });
    expect(String(failed)).to.contain("no route");
    expect(await readdir(services())).to.deep.equal([]);
  });

  it("says which program is missing", async () => {
    const failed = await install(shell("true", ["sh", "no-such-program"]), options()).catch(
      (error: unknown) => error,
    );
    expect(String(failed)).to.contain("no-such-program").and.not.contain("sh, no-such-program");
  });
});
