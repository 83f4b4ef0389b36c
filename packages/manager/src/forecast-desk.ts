import { ClusterError, withDeadline, type Clock, type Millis } from "@murmur/base";
import type { Store } from "@murmur/store";
import { forecast, type Forecast, type ServiceChange } from "./forecast.ts";

/** Each works on a copy of the whole state. */
const FORECASTS_MAX = 2;
const FORECAST_MS: Millis = 15_000;

export interface ForecastDeskOptions {
  readonly store: Store;
  readonly newId: () => string;
  readonly clock: Clock;
  readonly stopping: AbortSignal;
}

/** Works forecasts out, so many at a time; more are refused. */
export class ForecastDesk {
  readonly #options: ForecastDeskOptions;
  #running = 0;

  constructor(options: ForecastDeskOptions) {
    this.#options = options;
  }

  /** Errors: those of `forecast`, `overloaded`, `timeout`. */
  async work(change: ServiceChange, signal: AbortSignal): Promise<Forecast> {
    if (this.#running >= FORECASTS_MAX) {
      throw new ClusterError("overloaded", "this manager works on other dry runs: try again in a moment");
    }
    this.#running += 1;
    try {
      const { stopping, ...options } = this.#options;
      const deadline = { clock: options.clock, limitMs: FORECAST_MS, late, signals: [signal, stopping] };
      return await withDeadline(deadline, (until) => forecast(change, { ...options, signal: until }));
    } finally {
      this.#running -= 1;
    }
  }
}

const late = (): Error => new ClusterError("timeout", "the dry run took too long: try again when there is less to do");
