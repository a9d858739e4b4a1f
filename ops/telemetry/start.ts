import { metrics } from '@opentelemetry/api';
import { logs } from '@opentelemetry/api-logs';
import type { NodeSDK } from '@opentelemetry/sdk-node';
import type { Config } from '../config/index.ts';
import { setLogLevel, useLogger } from './log.ts';
import { useMeter } from './metrics.ts';

export interface Telemetry {
  /** Sends what is left, for at most two seconds. */
  shutdown(): Promise<void>;
}

/**
 * Call first in every process. Traces, metrics and log lines go to OTLP where OTEL_EXPORTER_OTLP_ENDPOINT is set; run records and
 * log lines are written whether it is or not. The SDK is loaded only where it is used: it costs most of a second.
 */
export async function startTelemetry(config: Config): Promise<Telemetry> {
  setLogLevel(config.logLevel);
  if (config.otlpEndpoint === undefined) return { shutdown: async () => {} };
  const { NodeSDK: Sdk } = await import('@opentelemetry/sdk-node');
  // the SDK reads the environment, where a configuration that was made otherwise isn't
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = config.otlpEndpoint;
  process.env.OTEL_SERVICE_NAME ??= 'feedtrial';
  const sdk: NodeSDK = new Sdk({ instrumentations: [] });
  sdk.start();
  useMeter(metrics.getMeter('feedtrial'));
  useLogger(logs.getLogger('feedtrial'));
  return {
    shutdown: async () => {
      useMeter(null);
      useLogger(null);
      await Promise.race([
        sdk.shutdown().catch(() => undefined),
        new Promise((r) => setTimeout(r, 2_000).unref()),
      ]);
    },
  };
}
