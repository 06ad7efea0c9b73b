import { expect } from "chai";
import { externalServer } from "../../../components/local/external-server.ts";

describe("externalServer", () => {
  it("encrypts the connection to another machine unless the URL says otherwise", () => {
    expect(externalServer("postgres://a:b@127.0.0.1:5433").sslmode).to.equal("disable");
    expect(externalServer("postgres://a:b@[::1]:5433").sslmode).to.equal("disable");
    expect(externalServer("postgres://a:b@db.example").sslmode).to.equal("require");
    expect(externalServer("postgres://a:b@127.0.0.1.example.com").sslmode).to.equal("require");
    expect(externalServer("postgres://a:b@db.example?sslmode=disable").sslmode).to.equal("disable");
  });

  for (const url of [
    "",
    "nonsense",
    "https://a:hunter2@db.example",
    "postgres://db.example",
    "postgres://a@db",
  ]) {
    it(`refuses '${url.replace("hunter2", "***")}' without repeating it`, () => {
      expect(() => externalServer(url))
        .to.throw(RangeError)
        .with.property("message")
        .that.does.not.contain("hunter2");
    });
  }
});
