import type { KnownBackend } from "../backends/backend-table.ts";
import type { RoutedModel } from "../router.ts";

/** The models of all backends, each once. */
export function mergeModels(all: readonly KnownBackend[]): readonly RoutedModel[] {
  const merged = new Map<string, RoutedModel>();
  for (const { backend, isHealthy, models } of all) {
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
