import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

/** What an output holds, as the SDK declares it; `absent` may be undefined. */
export type OutputKind = "text" | "number" | "flag" | "list" | "object" | "absent";

/** A resource type of the AWS SDK, by the names of its properties. */
export interface SdkType {
  readonly inputs: ReadonlySet<string>;
  readonly outputs: ReadonlyMap<string, OutputKind>;
}

const require = createRequire(import.meta.url);
const SDK = path.dirname(require.resolve("@pulumi/aws/package.json"));
const TOKEN = /^aws:([a-z0-9]+\/)([A-Za-z0-9]+):([A-Za-z0-9]+)$/;
const read = new Map<string, SdkType | undefined>();

/** The vendor publishes no schema file with the SDK, but its classes name every property; undefined for an unknown token. */
export function sdkType(token: string): SdkType | undefined {
  if (!read.has(token)) read.set(token, readType(token));
  return read.get(token);
}

function readType(token: string): SdkType | undefined {
  const [, folder = "", file = "", className = ""] = TOKEN.exec(token) ?? [];
  const source = path.join(SDK, folder, `${file}.js`);
  if (className === "" || !existsSync(source)) return undefined;
  const code = readFileSync(source, "utf8");
  if (!code.includes(`__pulumiType = '${token}'`)) return undefined;
  // The constructor: a branch that looks a resource up by its state, then the one that makes it from arguments.
  const [, making = ""] = code.split(/^ {8}else \{$/m);
  const inputs = [...making.matchAll(/resourceInputs\["(\w+)"\] = (?!undefined)/g)].map(([, name]) => name!);

  const declarations = readFileSync(source.replace(/\.js$/, ".d.ts"), "utf8");
  const [body = ""] = declarations.split(`export declare class ${className} `)[1]!.split(/^}/m);
  const outputs = [...body.matchAll(/^ {4}readonly (\w+): pulumi\.Output<(.*)$/gm)].map(
    ([, name, type]) => [name!, kindOf(type!, body, name!)] as const,
  );
  return { inputs: new Set(inputs), outputs: new Map(outputs) };
}

function kindOf(type: string, body: string, name: string): OutputKind {
  // `{ [key: string]: string; } | undefined>` spans lines.
  const whole = type.startsWith("{")
    ? body
        .slice(body.indexOf(`readonly ${name}: `))
        .split(/^ {4}}/m)[1]!
        .split("\n")[0]!
    : type;
  if (/\| undefined>;$/.test(whole)) return "absent";
  if (type.endsWith("[]>;")) return "list";
  if (type === "string>;" || /^(enums\.|"|[a-zA-Z.]+ARN)/.test(type)) return "text";
  if (type === "number>;") return "number";
  return type === "boolean>;" ? "flag" : "object";
}
