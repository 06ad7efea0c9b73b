import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { inheritedEnvironment } from "../../environment.ts";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");

/** What the image's build does, as far as that goes without a container engine: its files, its build, its packages. */
describe("the image of the control plane", function () {
  this.timeout(120_000);
  let folder: string;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "millwright-image-"));
    const ignored = await readFile(path.join(REPOSITORY, ".dockerignore"), "utf8");
    const names = ignored.split("\n").flatMap((line) => (line.startsWith("!") ? [line.slice(1)] : []));
    for (const name of names)
      await cp(path.join(REPOSITORY, name), path.join(folder, name), { recursive: true });
  });
  after(() => rm(folder, { recursive: true }));

  /** @returns exit code and standard error */
  function run(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const options = { cwd: folder, env: { ...inheritedEnvironment(), ...env } };
    return new Promise<{ code: number | string; stderr: string }>((resolve) => {
      execFile(process.execPath, [...args], options, (error, _stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stderr }),
      );
    });
  }

  it("copies every file that its build and its start need", async () => {
    await symlink(path.join(REPOSITORY, "node_modules"), path.join(folder, "node_modules"));
    const built = await run(["node24.cjs", "build.ts"]);
    expect(built.code, built.stderr).to.equal(0);
    for (const file of ["dist/policy/index.cjs", "dist/handlers/ingest/index.mjs"])
      expect((await readFile(path.join(folder, file))).length, file).to.be.above(0);
  });

  it("starts service, host, stacks and plugins with the packages of production alone", async () => {
    await rm(path.join(folder, "node_modules"));
    await linkProductionPackages();
    const started = await run(["node24.cjs", "automation/main.ts"], { MILLWRIGHT_AWS: "{}" });
    expect(started.stderr).to.match(/^setting-invalid: .*MILLWRIGHT_AWS: region/);
    const modules = [
      ...["automation/platform/platform.ts", "automation/engine/child-run.ts", "stacks/program.ts"],
      ...["stacks/aws/platform.ts", "stacks/aws/tenant.ts", "providers/millwright/plugin.ts"],
    ];
    const imports = modules.map((module) => `await import("./${module}");`).join("");
    const imported = await run(["--input-type=module", "--eval", `${imports} process.exit(0);`]);
    expect(imported.code, imported.stderr).to.equal(0);
    const host = await run(["handlers/host.ts"], { MILLWRIGHT_AWS: "{}" });
    expect(host.stderr).to.match(/Cannot start with these settings/);
  });

  it("runs as nobody special, and takes the lock file's packages", async () => {
    const text = await readFile(path.join(REPOSITORY, "Dockerfile"), "utf8");
    const stages = text.split(/^FROM /m).slice(1);
    expect(stages.at(-1)).to.match(/^USER node$/m);
    expect(stages[0]).to.match(/^RUN npm ci$/m);
    const copied = [...text.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, names]) =>
      names!.split(" "),
    );
    for (const name of copied) await readFile(path.join(folder, name)).catch(unlessFolder);
  });

  async function linkProductionPackages(): Promise<void> {
    const lock = JSON.parse(await readFile(path.join(REPOSITORY, "package-lock.json"), "utf8")) as {
      packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
    };
    for (const [place, { dev }] of Object.entries(lock.packages)) {
      // A package inside another one comes with it.
      if (place === "" || dev === true || place.lastIndexOf("node_modules/") !== 0) continue;
      await mkdir(path.dirname(path.join(folder, place)), { recursive: true });
      await symlink(path.join(REPOSITORY, place), path.join(folder, place));
    }
  }
});

function unlessFolder(error: NodeJS.ErrnoException): void {
  if (error.code !== "EISDIR") throw error;
}
