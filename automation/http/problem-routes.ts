import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";
import { runbook } from "../runbook.ts";
import { endpoint, type Endpoint } from "./endpoint.ts";
import { problemTitle } from "./problem.ts";

export function problemEndpoints(): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/problems/:code",
      summary: "What an error means and what to do",
      description: "The `type` of every error leads here.",
      permission: "open",
      tenancy: "none",
      params: z.strictObject({ code: z.string().max(100) }),
      answers: { 200: { description: "In words", content: { "text/markdown": z.string() } } },
      handle({ params: { code } }) {
        const part = runbook().get(code);
        const title = problemTitle(code) ?? (part === undefined ? undefined : "Why a move is refused");
        if (title === undefined) throw new MillwrightError("not-found", `There is no error ${code}.`);
        const text = [`# ${code}: ${title}`, ...(part === undefined ? [] : [part])].join("\n\n");
        return Promise.resolve({ status: 200, text: `${text}\n`, mediaType: "text/markdown; charset=utf-8" });
      },
    }),
  ];
}
