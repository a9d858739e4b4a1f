/** Numbers of this process in Prometheus' text format. Nothing here names a participant or an arm. */
export interface Metrics {
  answered(route: string, status: number, latencyUs: number): void;
  fellBack(reason: string): void;
  /** Interactions that were not written down. */
  leftOut(reason: string, interactions: number): void;
  render(gauges: Record<string, number>): string;
}

const bucketsUs = [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 500_000, 3_000_000];

export function openMetrics(): Metrics {
  const requests = new Map<string, number>();
  const fallbacks = new Map<string, number>();
  const leftOut = new Map<string, number>();
  const latency = new Map<string, { counts: number[]; sumUs: number; count: number }>();
  const add = (counter: Map<string, number>, labels: string, count = 1): void => {
    counter.set(labels, (counter.get(labels) ?? 0) + count);
  };
  return {
    answered(route, status, latencyUs) {
      add(requests, `route="${route}",status="${status}"`);
      let histogram = latency.get(route);
      if (histogram === undefined) {
        histogram = { counts: bucketsUs.map(() => 0), sumUs: 0, count: 0 };
        latency.set(route, histogram);
      }
      const bucket = bucketsUs.findIndex((bound) => latencyUs <= bound);
      if (bucket !== -1) histogram.counts[bucket] = (histogram.counts[bucket] ?? 0) + 1;
      histogram.sumUs += latencyUs;
      histogram.count++;
    },
    fellBack(reason) {
      add(fallbacks, `reason="${reason}"`);
    },
    leftOut(reason, interactions) {
      add(leftOut, `reason="${reason}"`, interactions);
    },
    render(gauges) {
      const lines: string[] = [];
      const counter = (name: string, help: string, values: Map<string, number>): void => {
        lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`);
        for (const [labels, value] of values) lines.push(`${name}{${labels}} ${value}`);
      };
      counter('feedtrial_requests_total', 'Answers by route and status.', requests);
      counter('feedtrial_fallbacks_total', 'Default feeds by reason.', fallbacks);
      counter('feedtrial_interactions_left_out_total', 'Interactions not kept, by reason.', leftOut);
      const name = 'feedtrial_request_duration_seconds';
      lines.push(`# HELP ${name} Time to the answer.`, `# TYPE ${name} histogram`);
      for (const [route, { counts, sumUs, count }] of latency) {
        let below = 0;
        bucketsUs.forEach((bound, i) => {
          below += counts[i] ?? 0;
          lines.push(`${name}_bucket{route="${route}",le="${bound / 1e6}"} ${below}`);
        });
        lines.push(`${name}_bucket{route="${route}",le="+Inf"} ${count}`);
        lines.push(
          `${name}_sum{route="${route}"} ${sumUs / 1e6}`,
          `${name}_count{route="${route}"} ${count}`,
        );
      }
      for (const [gauge, value] of Object.entries(gauges))
        lines.push(`# TYPE feedtrial_${gauge} gauge`, `feedtrial_${gauge} ${value}`);
      return `${lines.join('\n')}\n`;
    },
  };
}
