import type { Registry } from "prom-client";
import { HealthError } from "../errors.ts";
import { assertName } from "../options.ts";
import { HistogramFamily } from "./histogram-family.ts";
import { promClient } from "./prom-client.ts";

/** The definition of a metric family. */
export interface FamilyDefinition {
  readonly name: string;
  readonly help: string;
  /** Labels in addition to the scope's; their values are passed to the recorder. [none] */
  readonly labelNames?: readonly string[];
}

/** The definition of a histogram. */
export interface HistogramDefinition extends FamilyDefinition {
  /** Rising upper bounds, without +Inf. They belong to the family: the first scope that creates it decides. */
  readonly buckets: readonly number[];
}

/** Values by label name. */
export type LabelValues = Readonly<Record<string, string>>;

/** Adds to a counter, sets a gauge or observes a value. Does nothing once the scope is disposed. */
export type Recorder = (value: number, labels?: LabelValues) => void;

/** Observes a value, once or several times. Does nothing once the scope is disposed. */
export type Observer = (value: number, labels?: LabelValues, count?: number) => void;

/** The series of one subject (a model, a server) in families that it shares with others. */
export interface SeriesScope extends Disposable {
  counter(definition: FamilyDefinition): Recorder;
  gauge(definition: FamilyDefinition): Recorder;
  histogram(definition: HistogramDefinition): Observer;
  /** Removes the series; the families stay. */
  dispose(): void;
}

/** How a family is recorded for one set of labels. */
type RecordSeries = (value: number, count: number) => void;

interface Family {
  remove(labels: LabelValues): void;
}

interface Recording {
  readonly family: Family;
  readonly definition: FamilyDefinition;
  /** Creates the series with the value 0. */
  readonly zero: (labels: LabelValues) => void;
  readonly recordOf: (labels: LabelValues) => RecordSeries;
}

/**
 * Creates a scope whose labels are on each of its series. The first scope that names a family creates it; later
 * ones reuse it. A series without further labels starts at 0, so that a rate over it is right from the first
 * event on.
 * @throws HealthError `INVALID_OPTION` for a label without a value and for bounds that do not rise,
 *   `METRIC_CONFLICT` when the registry has the name with another type or other labels
 */
export function createSeriesScope(registry: Registry, scopeLabels: LabelValues = {}): SeriesScope {
  const prom = promClient();
  for (const [name, value] of Object.entries(scopeLabels)) assertName(`the label ${name}`, value);
  const series: { readonly family: Family; readonly labels: LabelValues }[] = [];
  let isDisposed = false;

  function recorder({ family, definition, zero, recordOf }: Recording): Observer {
    const { labelNames = [] } = definition;
    const open = (labels: LabelValues): RecordSeries => {
      series.push({ family, labels });
      return recordOf(labels);
    };
    if (labelNames.length === 0) {
      const record = open(scopeLabels);
      zero(scopeLabels);
      return (value, _, count = 1) => {
        if (!isDisposed) record(value, count);
      };
    }
    const known = new Map<string, RecordSeries>();
    return (value, own = {}, count = 1) => {
      if (isDisposed) return;
      const key = labelNames.map((name) => own[name]).join("\n");
      let record = known.get(key);
      if (record === undefined) {
        record = open({ ...scopeLabels, ...own });
        known.set(key, record);
      }
      record(value, count);
    };
  }

  function settingsOf(definition: FamilyDefinition): FamilySettings {
    return {
      name: definition.name,
      help: definition.help,
      labelNames: [...Object.keys(scopeLabels), ...(definition.labelNames ?? [])],
      registers: [registry],
    };
  }

  function dispose(): void {
    if (isDisposed) return;
    isDisposed = true;
    for (const { family, labels } of series) family.remove(labels);
  }

  return {
    counter(definition) {
      const settings = settingsOf(definition);
      const family = findFamily(settings, prom.Counter) ?? new prom.Counter(settings);
      return recorder({
        family,
        definition,
        zero: (labels) => family.inc(labels, 0),
        recordOf: (labels) => (value) => family.inc(labels, value),
      });
    },
    gauge(definition) {
      const settings = settingsOf(definition);
      const family = findFamily(settings, prom.Gauge) ?? new prom.Gauge(settings);
      return recorder({
        family,
        definition,
        zero: (labels) => family.set(labels, 0),
        recordOf: (labels) => (value) => family.set(labels, value),
      });
    },
    histogram(definition) {
      assertBounds(definition);
      const settings = settingsOf(definition);
      const family =
        findFamily(settings, HistogramFamily) ??
        new HistogramFamily({ ...settings, registry, buckets: definition.buckets });
      return recorder({
        family,
        definition,
        zero: (labels) => family.zero(labels),
        recordOf: (labels) => family.observer(labels),
      });
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

function assertBounds({ name, buckets }: HistogramDefinition): void {
  const isRising = buckets.every((bound, index) => bound > (buckets[index - 1] ?? Number.NEGATIVE_INFINITY));
  if (buckets.length === 0 || !isRising) {
    throw new HealthError(
      "INVALID_OPTION",
      `${name}: expected rising buckets, at least one, got [${buckets.join(", ")}]`,
    );
  }
}

interface FamilySettings {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Registry[];
}

function findFamily<Kind extends Family>(
  settings: FamilySettings,
  Kind: abstract new (...args: never[]) => Kind,
): Kind | undefined {
  const { name, labelNames, registers } = settings;
  const found: unknown = registers[0]?.getSingleMetric(name);
  if (found === undefined) return undefined;
  if (!(found instanceof Kind)) {
    throw new HealthError(
      "METRIC_CONFLICT",
      `${name}: expected a ${Kind.name} in the registry, got a metric of another type`,
    );
  }
  const foundNames = labelNamesOf(found);
  if (foundNames.toSorted().join() !== labelNames.toSorted().join()) {
    throw new HealthError(
      "METRIC_CONFLICT",
      `${name}: expected the labels ${labelNames.join(", ")} in the registry, got ${foundNames.join(", ")}`,
    );
  }
  return found;
}

/**
 * Throws when the registry has a metric of the name.
 * @throws HealthError `METRIC_CONFLICT`
 */
export function assertNameIsFree(registry: Registry, name: string): void {
  if (registry.getSingleMetric(name) !== undefined) {
    throw new HealthError("METRIC_CONFLICT", `${name}: expected a registry without it, got one that has it`);
  }
}

/** prom-client has them on the metric, but not in its types. */
function labelNamesOf(family: object): readonly string[] {
  return "labelNames" in family && Array.isArray(family.labelNames) ? family.labelNames.map(String) : [];
}
