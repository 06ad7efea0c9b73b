import { expect } from "chai";
import { channelBody } from "../../model/channel.ts";
import { htmlOf, shortTextOf, subjectOf, textOf } from "../../model/notification.ts";
import { templateProblem } from "../../model/template.ts";
import { FACTS, notificationOf } from "../support/notification.ts";

describe("templates of messages", () => {
  for (const [what, template, problem] of [
    ["an unknown variable", "{{machine}}", "names 'machine'; there are tenant"],
    ["a variable of the language", "{{constructor}}", "names 'constructor'"],
    ["a path", "{{rule.name}}", "names 'rule.name'"],
    ["one inside a section", "{{#value}}{{secret}}{{/value}}", "names 'secret'"],
    ["an unknown section", "{{#each}}x{{/each}}", "names 'each'"],
    ["a value without escaping", "{{{ruleName}}}", "must not switch off escaping"],
    ["the other form of it", "{{&ruleName}}", "must not switch off escaping"],
    ["a partial", "{{>header}}", "must hold variables and sections only"],
    ["other delimiters", "{{=<% %>=}}<% rule %>", "must hold variables and sections only"],
    ["an open tag", "{{rule", "is no mustache template"],
    ["an open section", "{{#rule}}x", "is no mustache template"],
  ] as const) {
    it(`are refused with ${what}`, () => {
      expect(templateProblem(template)).to.contain(problem);
      const body = channelBody.safeParse({
        kind: "slack",
        url: "https://x.example/",
        template: { body: template },
      });
      expect(body.error?.issues[0]?.path).to.deep.equal(["template", "body"]);
    });
  }

  it("are taken with variables, sections and comments", () => {
    const template = "{{! ours }}{{#value}}{{metric}}: {{value}}{{/value}}{{^value}}no value{{/value}}";
    expect(templateProblem(template)).to.equal(undefined);
    const body = (value: number | null) =>
      textOf(notificationOf({ value }, { template: { body: template } }));
    expect([body(12.5), body(null)]).to.deep.equal(["temperature_c: 12.5", "no value"]);
  });

  it("are refused when they are long or a subject has two lines", () => {
    const mail = { kind: "email", to: ["a@b.example"] };
    for (const template of [
      { body: "x".repeat(4_001) },
      { subject: "a\nBcc: b" },
      { subject: "x".repeat(201) },
      { html: "x" },
    ])
      expect(channelBody.safeParse({ ...mail, template }).success, JSON.stringify(template)).to.equal(false);
  });

  it("escape values, not their author's words, and nothing twice", () => {
    const notification = notificationOf(
      { ruleName: `<b> & "x"` },
      { template: { body: "<i>{{ruleName}}</i>" } },
    );
    expect(textOf(notification)).to.equal(`<i><b> & "x"</i>`);
    // a template is text: in a page its own tags are text as well
    expect(htmlOf(notification)).to.contain("&lt;i&gt;&lt;b&gt; &amp; &quot;x&quot;&lt;&#x2F;i&gt;");
  });
});

describe("messages", () => {
  it("say one line on a phone, and cut no character in two", () => {
    const text = shortTextOf(notificationOf({ ruleName: `${"x".repeat(136)}🔥🔥🔥` }));
    expect(text.length).to.be.within(159, 160);
    expect(text.isWellFormed()).to.equal(true);
    expect(text).to.not.contain("\ufffd");
  });

  it("name what a flood was, most severe first, and how much is left out", () => {
    const alerts = [{ ...FACTS, deliveryId: "d-2", event: "alert.raised" as const }];
    const digest = { count: 3, countBySeverity: { critical: 1, low: 2 }, alerts };
    const notification = { ...notificationOf({}, { event: "alert.digest", digest }), alert: undefined };
    expect(subjectOf(notification)).to.equal("Millwright: 3 alerts (1 critical, 2 low)");
    expect(textOf(notification)).to.contain("critical: Too hot on m-001 raised").and.contain("and 2 more");
    expect(shortTextOf(notification)).to.equal("Millwright: 3 alerts (1 critical, 2 low)");
  });
});
