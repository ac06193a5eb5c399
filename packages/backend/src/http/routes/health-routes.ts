import type { HealthChecker, HealthReport } from "@infernode/health";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { ServerParts } from "../server-parts.ts";

/** A check that fails to answer is an answer. */
async function ask(health: Pick<HealthChecker, "report">): Promise<HealthReport> {
  try {
    return await health.report();
  } catch (error) {
    return { status: "unhealthy", reasons: [`the health check failed: ${String(error)}`], checks: {} };
  }
}

function send(reply: FastifyReply, report: HealthReport): FastifyReply {
  void reply.header("cache-control", "no-store");
  if (report.status === "unhealthy") void reply.code(503).header("retry-after", "2");
  return reply.send(report);
}

/** Adds liveness, readiness and the whole report. */
export function addHealthRoutes(app: FastifyInstance, { options }: ServerParts): void {
  const { service, discovery } = options;

  async function askReadiness(): Promise<HealthReport> {
    const report = await ask(options.health);
    const statuses = service.models();
    if (statuses.some(({ state }) => state === "ready") || report.status === "unhealthy") return report;
    const reasons = statuses.flatMap((each) => each.reasons);
    return { ...report, status: "unhealthy", reasons: [...report.reasons, ...reasons] };
  }

  app.get("/health/live", async (_request, reply) => send(reply, await ask(options.liveness)));
  app.get("/health/ready", async (_request, reply) => send(reply, await askReadiness()));
  app.get("/health", async (_request, reply) => {
    const [status] = service.models();
    const { model, state, stats } = status ?? {};
    const services = await discovery?.list().catch(() => undefined);
    const about = {
      version: options.version,
      engine: { state: state ?? null, stats: stats ?? null },
      model: model === undefined ? null : { id: model.id, family: model.family, executor: model.executor },
      ...(services === undefined ? {} : { services }),
    };
    return send(reply, { ...(await askReadiness()), ...about });
  });
}
