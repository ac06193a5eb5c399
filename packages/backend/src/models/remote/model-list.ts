import { weightModes } from "../../weight-mode.ts";
import { BackendError } from "../../errors.ts";
import { isRecord } from "../../is-record.ts";
import type { ModelState, ModelStatus } from "../model-service.ts";
import { findDialect, type DialectName, type RemoteModel } from "./dialect.ts";
import { protocolError } from "./remote-error.ts";
import type { RemoteClient } from "./remote-client.ts";
import type { ResolvedRemoteOptions } from "./remote-options.ts";

/** A model as the server lists it. */
interface ListedModel extends RemoteModel {
  readonly aliases: readonly string[];
  /** `ready` if the server reports no state. */
  readonly state: ModelState;
  readonly reasons: readonly string[];
}

/** The models that a server lists, refreshed at an interval. */
export interface ModelList {
  /** Of the server as a whole. */
  readonly state: ModelState;
  readonly reasons: readonly string[];
  statuses(): readonly ModelStatus[];
  /**
   * Finds a model by its id or an alias. Waits for the first list; refreshes if the server could not be reached.
   * @throws BackendError `UNKNOWN_MODEL`, `ENGINE_UNAVAILABLE`
   */
  find(id: string): Promise<RemoteModel>;
  /** Refreshes now. @throws BackendError `ENGINE_UNAVAILABLE`, `ENGINE_PROTOCOL` */
  refresh(): Promise<void>;
  /** Records that a call could not reach the server. */
  noteUnreachable(reason: string): void;
  dispose(reason: unknown): void;
}

/** Memory for collected answers with log-probabilities: 256 MiB. */
const answerMemoryBytes = 2 ** 28;

function countOf(...values: readonly unknown[]): number | undefined {
  return values.find((value): value is number => Number.isSafeInteger(value) && (value as number) > 0);
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

/** Infernode's states of a model. `failed` and `stopped` are not final here: the server may be restarted. */
const unavailableStates: ReadonlySet<unknown> = new Set(["draining", "stopped", "failed", "unavailable"]);

function parseState(value: unknown): ModelState {
  if (value === "starting" || value === "restarting") return value;
  return unavailableStates.has(value) ? "unavailable" : "ready";
}

function parseModel(value: unknown, dialect: DialectName | undefined): ListedModel {
  const id = isRecord(value) ? value["id"] : undefined;
  if (!isRecord(value) || typeof id !== "string" || id === "") {
    throw protocolError("models with ids", "one without");
  }
  const { owned_by: ownedBy, max_model_len: length, created } = value;
  const meta = isRecord(value["meta"]) ? value["meta"] : {};
  const state = parseState(value["state"]);
  return {
    aliases: textsOf(value["aliases"]).filter((each) => each !== id),
    state,
    reasons: state === "ready" ? [] : textsOf(value["reasons"]),
    dialect: findDialect(dialect, ownedBy),
    served: {
      id,
      family: undefined,
      parameterCount: countOf(meta["n_params"]),
      // `meta` is llama.cpp's. Older versions report only the checkpoint's context, which may be longer than the served one.
      contextTokens: countOf(length, meta["n_ctx"], meta["n_ctx_train"]),
      vocabSize: countOf(meta["n_vocab"]),
      hasChatTemplate: undefined,
      generationDefaults: {},
      executor: undefined,
      quantization: weightModes.find((mode) => mode === value["quantization"]),
      answerMemoryBytes,
      createdAt: countOf(created) ?? 0,
    },
  };
}

/** Parses a response of `GET /v1/models`. @throws BackendError `ENGINE_PROTOCOL` */
function parseModels(answer: unknown, dialect: DialectName | undefined): ReadonlyMap<string, ListedModel> {
  const data = isRecord(answer) ? answer["data"] : undefined;
  if (!Array.isArray(data)) throw protocolError("a list of models in `data`", typeof data);
  return new Map(data.map((each) => parseModel(each, dialect)).map((model) => [model.served.id, model]));
}

function quote(ids: readonly string[]): string {
  return ids.length === 0
    ? "none"
    : ids
        .slice(0, 20)
        .map((id) => JSON.stringify(id))
        .join(", ");
}

/** Creates the list of a server and starts to refresh it; calls back after each answer and each failure. */
export function createModelList(
  options: ResolvedRemoteOptions,
  client: RemoteClient,
  onRefresh: () => void = () => undefined,
): ModelList {
  const { baseUrl, refreshIntervalMs } = options;
  const ending = new AbortController();
  let listed: ReadonlyMap<string, ListedModel> | undefined;
  let failure: string | undefined;
  let pending: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const ask = async (): Promise<void> => {
    try {
      listed = parseModels(
        await client.getJson({ path: "/v1/models", signal: ending.signal }),
        options.dialect,
      );
      failure = undefined;
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      pending = undefined;
      schedule();
      onRefresh();
    }
  };
  const refresh = (): Promise<void> => {
    clearTimeout(timer);
    pending ??= ask();
    return pending;
  };
  const schedule = (): void => {
    if (ending.signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(() => void refresh().catch(() => undefined), refreshIntervalMs);
    // The refresh does not keep the process alive.
    timer.unref();
  };
  void refresh().catch(() => undefined);

  const state = (): ModelState => {
    if (failure !== undefined) return "unavailable";
    return listed === undefined ? "starting" : "ready";
  };
  const reasons = (): readonly string[] => {
    if (failure !== undefined) return [failure];
    return listed === undefined ? [`the server at ${baseUrl} has not answered yet`] : [];
  };
  const isServed = (id: string): boolean => options.models?.includes(id) ?? true;
  const ids = (): readonly string[] => options.models ?? [...(listed?.keys() ?? [])];
  const ownStateOf = (id: string): Pick<ModelStatus, "state" | "reasons"> => {
    const model = listed?.get(id);
    if (listed === undefined || failure !== undefined) return { state: state(), reasons: reasons() };
    if (model !== undefined) return model;
    return {
      state: "unavailable",
      reasons: [`the server at ${baseUrl} has no model ${JSON.stringify(id)}`],
    };
  };
  const statusOf = (id: string): ModelStatus => {
    const model = listed?.get(id);
    const { state, reasons } = ownStateOf(id);
    return { id, aliases: model?.aliases ?? [], state, reasons, model: model?.served, stats: undefined };
  };

  return {
    get state() {
      return state();
    },
    get reasons() {
      return reasons();
    },
    statuses: () => ids().map(statusOf),
    find: async (name) => {
      if (listed === undefined || failure !== undefined) await refresh();
      const found =
        listed?.get(name) ?? [...(listed?.values() ?? [])].find(({ aliases }) => aliases.includes(name));
      if (found !== undefined && isServed(found.served.id)) return found;
      const message = `expected one of the models ${quote(ids())} of ${baseUrl}, got ${JSON.stringify(name)}`;
      throw new BackendError("UNKNOWN_MODEL", message);
    },
    refresh,
    noteUnreachable: (reason) => {
      failure = reason;
      onRefresh();
    },
    dispose: (reason) => {
      clearTimeout(timer);
      ending.abort(reason);
    },
  };
}
