import { ApiError } from "../../api/shared/api-error.ts";
import { describeValue } from "../../text/describe-value.ts";
import type { BackendModel, BackendTable, KnownBackend } from "../backends/backend-table.ts";
import type { RoutedModel, Router, RouteRequest } from "../router.ts";

/** How long clients wait before they try again when no backend is left. */
const retryAfterMs = 2000;

function namedBy({ id, aliases }: BackendModel, name: string): boolean {
  return id === name || aliases.includes(name);
}

function mergeModels(known: readonly KnownBackend[]): readonly RoutedModel[] {
  const merged = new Map<string, RoutedModel>();
  for (const { backend, isHealthy, models } of known) {
    for (const model of models) {
      const before = merged.get(model.id);
      const contexts = [before?.contextTokens, model.contextTokens].filter((each) => each !== undefined);
      merged.set(model.id, {
        id: model.id,
        aliases: [...new Set([...(before?.aliases ?? []), ...model.aliases])],
        isReady: (before?.isReady ?? false) || (isHealthy && model.isReady),
        contextTokens: contexts.length === 0 ? undefined : Math.min(...contexts),
        backends: [...(before?.backends ?? []), backend.id],
      });
    }
  }
  return [...merged.values()];
}

/** Creates a router that takes one backend after the other. */
export function createRoundRobinRouter(table: BackendTable): Router {
  let turn = 0;

  const modelOf = (request: RouteRequest): string | undefined => {
    if (request.model !== undefined || request.owner !== undefined) return request.model;
    const ids = mergeModels(table.list()).map(({ id }) => id);
    if (ids.length === 1) return ids[0];
    throw new ApiError("missing_required_parameter", "Missing required parameter: `model`", {
      param: "model",
    });
  };
  const serving = (name: string | undefined): readonly KnownBackend[] => {
    const all = table.list();
    if (name === undefined) return all;
    const found = all.filter(({ models }) => models.some((model) => namedBy(model, name)));
    // While backends are unknown, so are their models.
    if (found.length > 0 || all.length === 0 || all.some(({ isHealthy }) => !isHealthy)) return found;
    const message = `The model does not exist: no backend serves ${describeValue(name)}`;
    throw new ApiError("model_not_found", message, { param: "model" });
  };

  return {
    async acquire(request, tried, signal) {
      signal.throwIfAborted();
      const name = modelOf(request);
      const usable = serving(name).filter(
        ({ backend, isHealthy, models }) =>
          isHealthy &&
          !tried.has(backend.id) &&
          (request.owner === undefined || request.owner === backend.id) &&
          (name === undefined || models.some((model) => model.isReady && namedBy(model, name))),
      );
      const chosen = usable[turn % Math.max(1, usable.length)];
      if (chosen === undefined) {
        const subject = name === undefined ? "this request" : `the model ${describeValue(name)}`;
        throw new ApiError("backend_unavailable", `No backend takes requests for ${subject} now`, {
          retryAfterMs,
        });
      }
      turn += 1;
      return { backend: chosen.backend, upstreamModel: name, begin: () => undefined, end: () => undefined };
    },
    models: () => mergeModels(table.list()),
    backends: () => table.list().flatMap(({ backend, isHealthy }) => (isHealthy ? [backend] : [])),
  };
}
