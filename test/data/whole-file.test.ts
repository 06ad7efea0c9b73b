import { expect } from "chai";
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { writeWhole } from "../../data/whole-file.ts";

describe("writeWhole", () => {
  let folder = "";
  beforeEach(async () => (folder = await mkdtemp(path.join(tmpdir(), "millwright-whole-"))));
  afterEach(() => rm(folder, { recursive: true }));

  it("leaves one of several writers' files, whole, and nothing else", async () => {
    const file = path.join(folder, "file");
    const contents = ["a", "b", "c"].map((letter) => letter.repeat(100_000));
    await Promise.all(contents.map((content) => writeWhole(file, content, 0o600)));
    expect(await readFile(file, "utf8")).to.be.oneOf(contents);
    expect((await stat(file)).mode & 0o777).to.equal(0o600);
    expect(await readdir(folder)).to.deep.equal(["file"]);
  });

  it("leaves nothing behind when it fails", async () => {
    const file = path.join(folder, "taken");
    await mkdir(file);
    const failure = await writeWhole(file, "content").catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(Error);
    expect(await readdir(folder)).to.deep.equal(["taken"]);
  });
});
