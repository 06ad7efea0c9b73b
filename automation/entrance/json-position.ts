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
      const end = endOfString(text, at);
      if (end === undefined) return at;
      at = end;
      expects = "colon";
    } else if (char === "{" || char === "[") {
      open.push(char === "{" ? "}" : "]");
      at += 1;
      expects = char === "{" ? "key-or-end" : "value-or-end";
    } else {
      SCALAR.lastIndex = at;
      const end = SCALAR.test(text) ? SCALAR.lastIndex : endOfString(text, at);
      if (end === undefined) return at;
      at = end;
      expects = afterValue();
    }
  }
}

/** Where the string that begins at `at` ends. A loop, because one pattern for all of it overflows its stack at a million escapes. */
function endOfString(text: string, at: number): number | undefined {
  if (text[at] !== '"') return undefined;
  for (let next = at + 1; ; next = ESCAPE.lastIndex) {
    PLAIN.lastIndex = next;
    PLAIN.test(text);
    const end = PLAIN.lastIndex;
    if (text[end] === '"') return end + 1;
    ESCAPE.lastIndex = end;
    if (!ESCAPE.test(text)) return undefined;
  }
}

const SPACE = /[ \t\r\n]*/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const SCALAR = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
