import {
  Config,
  dynamic,
  output,
  secret,
  type CustomResourceOptions,
  type ID,
  type Input,
} from "@pulumi/pulumi";

/**
 * A tiny program for the engine's tests: text files as resources of a dynamic provider, which is real code that the
 * real engine runs in a plugin process. Config: `folder`, `files` (JSON, name → text), optional `token` (secret).
 * A text that begins with `hold` keeps its create waiting until a file `release` lies in the folder; one that begins
 * with `fail` fails with a message that contains the token.
 */
interface FileInputs {
  readonly file: string;
  readonly text: string;
  readonly token: string;
}

// The functions travel as text into the plugin: nothing outside of them may be named in them.
const fileProvider: dynamic.ResourceProvider<FileInputs, FileInputs> = {
  async create(inputs) {
    const fs = process.getBuiltinModule("node:fs");
    const folder = process.getBuiltinModule("node:path").dirname(inputs.file);
    fs.appendFileSync(`${folder}/creates.log`, `${inputs.file}\n`);
    if (inputs.text.startsWith("fail")) throw new Error(`cannot write with token ${inputs.token}`);
    while (inputs.text.startsWith("hold") && !fs.existsSync(`${folder}/release`))
      await new Promise((resolve) => setTimeout(resolve, 20));
    fs.writeFileSync(inputs.file, inputs.text);
    return { id: inputs.file, outs: inputs };
  },
  delete(id: ID) {
    process.getBuiltinModule("node:fs").rmSync(id, { force: true });
    return Promise.resolve();
  },
};

class TextFile extends dynamic.Resource {
  constructor(
    name: string,
    inputs: { readonly [K in keyof FileInputs]: Input<string> },
    opts?: CustomResourceOptions,
  ) {
    super(fileProvider, name, inputs, opts);
  }
}

export function program() {
  const config = new Config("millwright");
  const folder = config.require("folder");
  const files = config.requireObject<Record<string, string>>("files");
  const token = config.getSecret("token") ?? output("none");
  for (const [name, text] of Object.entries(files))
    new TextFile(name, { file: `${folder}/${name}`, text, token });
  return Promise.resolve({
    names: Object.keys(files),
    token: secret(token),
    generated: secret("gen-77-secret"),
  });
}
