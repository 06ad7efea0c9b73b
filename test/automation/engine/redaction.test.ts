import { expect } from "chai";
import fc from "fast-check";
import { redactor, secretsOf } from "../../../automation/engine/redaction.ts";
import { seed } from "../../support/seed.ts";

const SECRET = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" };
const secret = (value: unknown) => ({ ...SECRET, plaintext: JSON.stringify(value) });

describe("redaction", () => {
  it("masks a secret as it is, in a URL and in JSON", () => {
    const hide = redactor(['pa"ss/w:rd']);
    const text = `plain pa"ss/w:rd, url pa%22ss%2Fw%3Ard, json ${JSON.stringify('pa"ss/w:rd')}`;
    expect(hide(text)).to.equal('plain [secret], url [secret], json "[secret]"');
  });

  it("masks the longer of two secrets whole when one contains the other", () => {
    expect(redactor(["abcd", "abcdefgh"])("abcdefgh")).to.equal("[secret]");
  });

  it("leaves no secret in any text around it", () => {
    const anySecret = fc.string({ minLength: 8, maxLength: 40, unit: "grapheme-ascii" });
    fc.assert(
      fc.property(fc.array(anySecret, { minLength: 1, maxLength: 4 }), fc.string(), (secrets, around) => {
        const masked = redactor(secrets)(secrets.map((value) => `${around}${value}`).join(around));
        // a secret may be part of the mask or of the text around it by chance; what is left must not be one
        return secrets.every((value) => !masked.replaceAll("[secret]", "\u0000").includes(value));
      }),
      { seed },
    );
  });

  it("finds the secrets of a deployment at any depth, but no value that also stands there in plain text", () => {
    const deployment = {
      resources: [
        { inputs: { host: "127.0.0.1" }, outputs: { password: secret("top-secret-1") } },
        {
          outputs: { cell: secret({ host: "127.0.0.1", users: [{ password: "top-secret-2" }], port: 5432 }) },
        },
      ],
    };
    expect([...secretsOf(deployment)]).to.deep.equal(["top-secret-1", "top-secret-2"]);
  });
});
