import type { Metric, Registry } from "prom-client";

/** Values of a family's labels. */
type Labels = Readonly<Record<string, string>>;

interface HistogramSeries {
  readonly labels: Labels;
  /** Observations up to each bound and above the one before; those above all bounds are last. */
  readonly counts: Float64Array;
  sum: number;
}

export interface HistogramSettings {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** Upper bounds, rising. */
  readonly buckets: readonly number[];
  readonly registry: Registry;
}

/**
 * A histogram in a registry of prom-client, which takes several observations of a value at once. That of prom-client
 * takes one at a time and makes a text of all its labels: too long for what is observed once for each token.
 */
export class HistogramFamily {
  readonly name: string;
  readonly help: string;
  readonly type = "histogram";
  readonly aggregator = "sum";
  readonly labelNames: readonly string[];
  readonly #bounds: readonly number[];
  readonly #series: Map<string, HistogramSeries> = new Map();

  constructor({ name, help, labelNames, buckets, registry }: HistogramSettings) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
    this.#bounds = [...buckets];
    // What a registry needs of a metric is its name and `get`; the type has what each kind has besides.
    registry.registerMetric(this as unknown as Metric);
  }

  /** Returns a function that observes a value `count` times in the series of these labels. */
  observer(labels: Labels): (value: number, count: number) => void {
    const key = this.#keyOf(labels);
    return (value, count) => {
      if (!Number.isFinite(value)) throw new TypeError(`${this.name}: expected a number, got ${value}`);
      const series = this.#seriesOf(key, labels);
      let at = 0;
      while (at < this.#bounds.length && value > this.#bounds[at]!) at += 1;
      series.counts[at]! += count;
      series.sum += value * count;
    };
  }

  /** Creates the series with no observation. */
  zero(labels: Labels): void {
    this.#seriesOf(this.#keyOf(labels), labels);
  }

  remove(labels: Labels): void {
    this.#series.delete(this.#keyOf(labels));
  }

  /** Removes all series; called by the registry. */
  reset(): void {
    this.#series.clear();
  }

  /** What the registry writes. */
  async get(): Promise<object> {
    const { name, help, type, aggregator } = this;
    return {
      name,
      help,
      type,
      aggregator,
      values: Array.from(this.#series.values(), (each) => this.#valuesOf(each)).flat(),
    };
  }

  #valuesOf({ labels, counts, sum }: HistogramSeries): object[] {
    let count = 0;
    const buckets = Array.from(counts, (own, at) => {
      count += own;
      const le = this.#bounds[at] ?? "+Inf";
      return { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${this.name}_sum`, labels, value: sum },
      { metricName: `${this.name}_count`, labels, value: count },
    ];
  }

  #seriesOf(key: string, labels: Labels): HistogramSeries {
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels, counts: new Float64Array(this.#bounds.length + 1), sum: 0 };
      this.#series.set(key, series);
    }
    return series;
  }

  #keyOf(labels: Labels): string {
    return JSON.stringify(this.labelNames.map((name) => labels[name]));
  }
}
