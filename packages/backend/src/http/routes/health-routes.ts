import type { HealthChecker, HealthReport } from "@infernode/health";
import type { FastifyReply } from "fastify";
import {
  arraySchema,
  objectSchema,
  orNullSchema,
  refSchema,
  textSchema,
} from "../../api/shared/json-schema.ts";
import type { ServerParts } from "../server-parts.ts";
import type { ServiceRoute } from "../service-route.ts";

const reportSchema = {
  name: "HealthReport",
  schema: objectSchema(
    {
      status: { enum: ["healthy", "degraded", "unhealthy"] },
      reasons: arraySchema(textSchema),
      checks: { type: "object" },
    },
    ["status", "reasons"],
  ),
};

const engineFields = { state: textSchema, stats: { type: ["object", "null"] } };
const modelFields = { id: textSchema, family: textSchema, executor: textSchema };

const serverSchema = {
  name: "ServerHealth",
  schema: {
    allOf: [
      refSchema(reportSchema.name),
      objectSchema(
        {
          version: textSchema,
          engine: objectSchema(engineFields),
          model: orNullSchema(objectSchema(modelFields, ["id"])),
          models: arraySchema(
            objectSchema(
              {
                ...modelFields,
                aliases: arraySchema(textSchema),
                ...engineFields,
                reasons: arraySchema(textSchema),
              },
              ["id", "aliases", "state", "reasons", "stats"],
            ),
          ),
          services: arraySchema({ type: "object" }),
        },
        ["version", "engine", "model", "models"],
      ),
    ],
  },
};

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

/** Liveness, readiness and the whole report. */
export function healthRoutes({ options }: ServerParts): readonly ServiceRoute[] {
  const { service, registry } = options;

  async function askReadiness(): Promise<HealthReport> {
    const report = await ask(options.health);
    const statuses = service.models();
    if (statuses.some(({ state }) => state === "ready") || report.status === "unhealthy") return report;
    const reasons = statuses.flatMap((each) => each.reasons);
    return { ...report, status: "unhealthy", reasons: [...report.reasons, ...reasons] };
  }

  return [
    {
      path: "/health/live",
      id: "liveness",
      summary: "Whether the process works",
      answers: {
        200: { description: "It does", schema: reportSchema },
        503: { description: "It should be restarted", schema: reportSchema },
      },
      handle: async (_request, reply) => send(reply, await ask(options.liveness)),
    },
    {
      path: "/health/ready",
      id: "readiness",
      summary: "Whether requests are answered now",
      answers: {
        200: { description: "They are", schema: reportSchema },
        503: { description: "Loading, draining or stalled; `reasons` says why", schema: reportSchema },
      },
      handle: async (_request, reply) => send(reply, await askReadiness()),
    },
    {
      path: "/health",
      id: "health",
      summary: "Everything about the server's health",
      link: "health",
      answers: {
        200: { description: "Ready", schema: serverSchema },
        503: { description: "Not ready", schema: serverSchema },
      },
      async handle(_request, reply) {
        const statuses = service.models();
        const models = statuses.map(({ model, stats = null, ...status }) => ({
          ...status,
          family: model?.family,
          executor: model?.executor,
          stats,
        }));
        const [first] = statuses;
        const model = first?.model;
        const services = registry?.services();
        const about = {
          version: options.version,
          // Those of the first model: clients read them before a server had several.
          engine: { state: first?.state ?? null, stats: first?.stats ?? null },
          model:
            model === undefined ? null : { id: model.id, family: model.family, executor: model.executor },
          models,
          ...(services === undefined ? {} : { services }),
        };
        return send(reply, { ...(await askReadiness()), ...about });
      },
    },
  ];
}
