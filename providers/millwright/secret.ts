import { randomBytes } from "node:crypto";
import { resourceType } from "../plugin.ts";

/** `millwright:index:Secret`: 256 random bits in `value`, made once and then the same until `rotation` is another one. */
export const secret = resourceType({
  properties: { rotation: { kind: "whole", replaces: true } },
  create(_context, inputs) {
    const value = randomBytes(32).toString("base64url");
    // The id is no part of the secret: it is shown in plain.
    return Promise.resolve({ id: randomBytes(8).toString("hex"), state: { ...inputs, value } });
  },
  read: (_context, state) => Promise.resolve(state),
  delete: () => Promise.resolve(), // it exists in the state alone
});
