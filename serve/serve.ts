import { newRunId, runStage } from '../ops/telemetry/index.ts';
import { startServer, type RunningServer, type ServerOptions } from './server.ts';

export interface ServeOptions extends ServerOptions {
  /** Ends serving when aborted. */
  signal: AbortSignal;
  onListening?: (server: RunningServer) => void;
  dag?: string;
  runId?: string;
}

/** Serves until the signal comes, then drains; leaves a run record with the number of lines that it wrote. */
export async function serve(options: ServeOptions): Promise<void> {
  const { config, signal, onListening, dag = 'serve', runId = newRunId(), now = Date.now } = options;
  await runStage({ config, dag, runId, stage: 'serve', now }, async (stage) => {
    const server = await startServer(options);
    try {
      onListening?.(server);
      if (!signal.aborted)
        await new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
    } finally {
      await server.close();
      stage.records = server.lines;
    }
  });
}
