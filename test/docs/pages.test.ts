import { alarmPage } from "../../docs/generate/alarm-page.ts";
import { costPage } from "../../docs/generate/cost-page.ts";
import { errorPage } from "../../docs/generate/error-page.ts";
import { policyPage } from "../../docs/generate/policy-page.ts";
import { expectDocument } from "../support/documents.ts";

describe("pages made from code say what the code says:", () => {
  for (const [file, page] of [
    ["alarms.md", alarmPage],
    ["costs.md", costPage],
    ["errors.md", errorPage],
    ["policies.md", policyPage],
  ] as const)
    it(file, () => expectDocument(file, page()));
});
