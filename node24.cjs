// Runs a TypeScript entry point: `node node24.cjs FILE ARGS`. JavaScript, because an older Node cannot read the rest
// and would only say "unknown file extension".
const { enableCompileCache } = require("node:module");
const { pathToFileURL } = require("node:url");
const path = require("node:path");

const [major] = process.versions.node.split(".").map(Number);
if (major < 24) {
  process.stderr.write(
    `node-too-old: this is Node ${process.versions.node}, Millwright needs 24. Run "npm ci" again and allow the install ` +
      `script of the package "node" (npm install-scripts approve node), or install Node 24 yourself.\n`,
  );
  process.exit(1);
}
// Compiled code is kept: a later start is 0.4 s shorter, and each process 25 MB smaller, for it need not load the
// eraser of types.
enableCompileCache(path.join(__dirname, "node_modules", ".cache", "millwright"));
const file = path.resolve(process.argv[2]);
process.argv.splice(1, 2, file);
void import(pathToFileURL(file).href);
