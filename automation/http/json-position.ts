/**
 * Where a text stops being JSON, as an index into it; undefined when it is JSON. Node's own message often leaves the
 * place out and quotes the text instead, which may be a secret.
 */
export function jsonErrorAt(text: string): number | undefined {
  const open: ("}" | "]")[] = [];
  let at = 0;
  let expects: "value" | "value-or-end" | "key" | "key-or-end" | "colon" | "comma-or-end" | "end" = "value";
  const afterValue = () => (open.length === 0 ? "end" : "comma-or-end");

  for (;;) {
    SPACE.lastIndex = at;
    SPACE.test(text);
    at = SPACE.lastIndex;
    if (at === text.length) return expects === "end" ? undefined : at;
    const char = text[at];
    if (expects === "end") return at;
    if (char === open.at(-1) && (expects === "comma-or-end" || expects.endsWith("-or-end"))) {
      open.pop();
      at += 1;
      expects = afterValue();
    } else if (expects === "comma-or-end") {
      if (char !== ",") return at;
      at += 1;
      expects = open.at(-1) === "}" ? "key" : "value";
    } else if (expects === "colon") {
      if (char !== ":") return at;
      at += 1;
      expects = "value";
    } else if (expects === "key" || expects === "key-or-end") {
      STRING.lastIndex = at;
      if (!STRING.test(text)) return at;
      at = STRING.lastIndex;
      expects = "colon";
    } else if (char === "{" || char === "[") {
      open.push(char === "{" ? "}" : "]");
      at += 1;
      expects = char === "{" ? "key-or-end" : "value-or-end";
    } else {
      SCALAR.lastIndex = at;
      if (!SCALAR.test(text)) return at;
      at = SCALAR.lastIndex;
      expects = afterValue();
    }
  }
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR =
  /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
