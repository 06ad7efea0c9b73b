import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import tls from "node:tls";
import { expect } from "chai";
import { smtpSender } from "../../../../handlers/notify/channels/email.ts";
import { eventually } from "../../../support/eventually.ts";
import { notificationOf, tryOf } from "../../../support/notification.ts";
import { smtpServer } from "../../../support/notify-servers.ts";

const FROM = "Millwright <alerts@millwright.example>";
const TO = { to: ["ann@acme.example", "ben@acme.example"] };

describe("email by SMTP", () => {
  let server: Awaited<ReturnType<typeof smtpServer>>;
  before(async function () {
    this.timeout(300_000); // the first time it is installed
    server = await smtpServer(this);
  });
  after(() => server.close());
  const send = (...args: Parameters<typeof tryOf>) =>
    smtpSender({ url: `smtp://127.0.0.1:${server.port}`, from: FROM })(tryOf(...args));
  const received = async (id: string) =>
    eventually("the mail", () => server.received.find(({ data }) => data.includes(`<${id}@millwright>`)));

  it("sends text and HTML to all recipients, under the delivery's id", async () => {
    const answer = await send(TO, notificationOf({}, { id: "whole" }));
    expect(answer).to.deep.equal({ result: "delivered", status: 250, error: null });
    const mail = await received("whole");
    expect([mail.from, mail.to]).to.deep.equal(["alerts@millwright.example", TO.to]);
    expect(headersOf(mail.data)).to.deep.include({
      subject: "Millwright alert: Too hot on m-001 raised (critical)",
      from: FROM,
      "auto-submitted": "auto-generated",
      "x-millwright-delivery": "whole",
    });
    expect(mail.data).to.match(/Content-Type: text\/plain[^]*Reason: temperature_c 93.5/);
    expect(mail.data).to.match(/Content-Type: text\/html[^]*<h2/);
  });

  it("lets no name begin a header or a tag", async () => {
    const ruleName = "Hot\r\nBcc: everybody@acme.example\r\n\r\n<script>alert(1)</script>";
    await send(TO, notificationOf({ ruleName }, { id: "injected" }));
    const { to, data } = await received("injected");
    expect(to).to.deep.equal(TO.to);
    expect(Object.keys(headersOf(data))).to.not.include("bcc");
    expect(headersOf(data)["subject"]).to.contain("Hot Bcc: everybody@acme.example");
    const html = data.slice(data.indexOf("text/html"));
    expect(html).to.contain("&lt;script&gt;");
    expect(html).to.not.contain("<script");
  });

  it("asks nobody again who was taken, and none whom the server refuses for good", async () => {
    const some = await send(
      { to: ["ann@acme.example", "ben@refused.example"] },
      notificationOf({}, { id: "some" }),
    );
    expect(some).to.deep.equal({ result: "delivered", status: 250, error: "1 recipients were refused" });
    const none = await send({ to: ["ben@refused.example"] }, notificationOf());
    expect(none).to.deep.include({ result: "refused", status: 550 });
    const later = await send({ to: ["ben@later.example"] }, notificationOf());
    expect(later).to.deep.include({ result: "failed", status: 451 });
    for (const { error } of [none, later]) expect(error).to.not.contain("ben");
  });

  it("ends a try when its time is over, with a server that says nothing", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const url = `smtp://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const late = new AbortController();
    silent.once("connection", (socket) => {
      socket.on("error", () => undefined);
      late.abort(new Error("over"));
      setImmediate(() => socket.destroy());
    });
    const sending = smtpSender({ url, from: FROM })(tryOf(TO, notificationOf(), {}, late.signal));
    expect(await sending.catch((error: unknown) => error)).to.have.property("message", "over");
    silent.close();
  });

  describe("with TLS and a login", () => {
    let secure: Awaited<ReturnType<typeof smtpServer>>;
    const trusted = tls.getCACertificates("default");
    before(async function () {
      secure = await smtpServer(this, "tls");
    });
    after(async () => {
      tls.setDefaultCACertificates(trusted);
      await secure.close();
    });
    const sendSecurely = (login: string) =>
      smtpSender({ url: `smtp://${login}@localhost:${secure.port}`, from: FROM })(
        tryOf(TO, notificationOf()),
      );

    it("logs in over TLS only, to a server that it can trust only", async () => {
      const distrusted = await sendSecurely("millwright:p%40ss%20word").catch((error: unknown) => error);
      expect(String(distrusted)).to.contain("self-signed certificate");
      expect(secure.received).to.deep.equal([]);

      tls.setDefaultCACertificates([...trusted, secure.certificate!]);
      expect(await sendSecurely("millwright:p%40ss%20word")).to.deep.include({ result: "delivered" });
      const mail = await eventually("the mail", () => secure.received[0]);
      expect(mail).to.deep.include({ isTls: true, login: "millwright" });
    });

    it("tries again after a refused login, and shows no password", async () => {
      tls.setDefaultCACertificates([...trusted, secure.certificate!]);
      const answer = await sendSecurely("millwright:wrong-password");
      expect(answer).to.deep.equal({
        result: "failed",
        status: 535,
        error: "the mail server refused the login",
      });
    });

    it("gives its password to no server without TLS", async () => {
      const url = `smtp://millwright:secret@127.0.0.1:${server.port}`;
      const sending = smtpSender({ url, from: FROM })(tryOf(TO, notificationOf({}, { id: "clear" })));
      await sending.then(
        ({ result }) => expect(result).to.equal("failed"),
        (error: unknown) => expect(String(error)).to.not.contain("secret"),
      );
      expect(server.received.filter(({ data }) => data.includes("<clear@"))).to.deep.equal([]);
    });
  });
});

/** By name in lower case, unfolded; the last of a name. */
function headersOf(data: string): Record<string, string> {
  const [head = ""] = data.split("\r\n\r\n");
  const lines = head.replace(/\r\n[ \t]+/g, " ").split("\r\n");
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}
