import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { instance } from "@viz-js/viz";
import { expect } from "chai";
import { REPOSITORY } from "../../automation/engine/layout.ts";
import { billOfMaterials } from "../../docs/generate/bill-of-materials.ts";
import { stackGraph, type StackResource } from "../../docs/generate/stack-graph.ts";
import { stackPage } from "../../docs/generate/stack-page.ts";
import { readTestEnvironment } from "../../environment.ts";

/** Fails when a generated document is not what the code says; under `npm run docs` it is written. @param file - below docs/ */
export async function expectDocument(file: string, text: string): Promise<void> {
  const target = path.join(REPOSITORY, "docs", file);

  if (readTestEnvironment().writesDocuments) {
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, text);
    return;
  }
  const found = await readFile(target, "utf8").catch(() => "");
  expect(found === text, `docs/${file} is not what the code says; "npm run docs" makes it anew`).to.equal(
    true,
  );
}

/** The same of a stack's page and picture, and of what a quote takes it to be charged with. */
export async function expectStackPage(
  name: string,
  title: string,
  resources: readonly StackResource[],
): Promise<void> {
  const viz = await instance();
  await expectDocument(`stacks/${name}.svg`, viz.renderString(stackGraph(resources), { format: "svg" }));
  await expectDocument(`stacks/${name}.md`, stackPage(name, title, resources));
  await expectDocument(`../model/cost/stacks/${name}.json`, billOfMaterials(name, resources));
}
