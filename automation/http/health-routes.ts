import * as z from "zod";
import { MillwrightError } from "../../model/errors.ts";
import { endpoint, jsonAnswer, type Endpoint } from "./endpoint.ts";
import type { ApiServices } from "./services.ts";

/** Above what a busy database takes to answer `select 1`, below what a load balancer waits. */
const CHECK_LIMIT_MS = 2_000;

const check = z.strictObject({ ok: z.boolean(), code: z.string().optional() });
const readiness = z.strictObject({ ready: z.boolean(), checks: z.record(z.string(), check) });

export function healthEndpoints({ checks, metrics }: Pick<ApiServices, "checks" | "metrics">): Endpoint[] {
  return [
    endpoint({
      method: "get",
      path: "/healthz",
      summary: "Does the process answer?",
      permission: "open",
      tenancy: "none",
      answers: { 200: jsonAnswer("It does", z.strictObject({ ok: z.literal(true) })) },
      handle: () => Promise.resolve({ status: 200, body: { ok: true } }),
    }),
    endpoint({
      method: "get",
      path: "/readyz",
      summary: "Do the dependencies answer?",
      permission: "open",
      tenancy: "none",
      answers: { 200: jsonAnswer("All do", readiness), 503: jsonAnswer("One does not", readiness) },
      async handle() {
        const results = await Promise.all(
          Object.entries(checks).map(async ([name, probe]) => [name, await resultOf(probe)] as const),
        );
        const ready = results.every(([, { ok }]) => ok);
        return { status: ready ? 200 : 503, body: { ready, checks: Object.fromEntries(results) } };
      },
    }),
    endpoint({
      method: "get",
      path: "/metrics",
      summary: "Metrics for Prometheus",
      permission: "metrics:read",
      tenancy: "none",
      answers: { 200: { description: "Prometheus text", content: { "text/plain": z.string() } } },
      async handle() {
        const [own, others] = await Promise.all([
          metrics.registry.metrics(),
          metrics.more().catch(() => ""), // the host's absence is told by /readyz
        ]);
        return { status: 200, text: `${own}\n${others}`, mediaType: metrics.registry.contentType };
      },
    }),
  ];
}

/** Open to all, so it names the error's code at most. */
async function resultOf(probe: () => Promise<void>): Promise<z.infer<typeof check>> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("no answer in time")), CHECK_LIMIT_MS);
  try {
    await Promise.race([probe(), late]);
    return { ok: true };
  } catch (error) {
    return error instanceof MillwrightError ? { ok: false, code: error.code } : { ok: false };
  } finally {
    clearTimeout(timer);
  }
}
