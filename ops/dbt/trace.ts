import { SpanStatusCode, trace } from '@opentelemetry/api';
import { measure, redact } from '../telemetry/index.ts';
import { firstErrorLine, type DbtNodeResult } from './result.ts';

/** Each node as a span under the active one, at the times that dbt measured. Nodes that never ran have none. */
export function traceNodes(nodes: DbtNodeResult[], runStartedMs: number): void {
  const tracer = trace.getTracer('feedtrial.dbt');
  for (const node of nodes) {
    const phases = Object.values(node.timing);
    if (phases.length === 0) continue;
    const startMs = Math.max(runStartedMs, Math.min(...phases.map(([begin]) => begin)) * 1000);
    const endMs = Math.max(startMs, Math.max(...phases.map(([, end]) => end)) * 1000);
    const span = tracer.startSpan(`dbt ${node.name}`, {
      startTime: startMs,
      attributes: {
        'dbt.unique_id': node.unique_id,
        'dbt.resource_type': node.resource_type,
        'dbt.status': node.status,
      },
    });
    if (['error', 'fail', 'runtime error'].includes(node.status))
      span.setStatus({ code: SpanStatusCode.ERROR, message: redact(firstErrorLine(node.message)) });
    span.end(endMs);
    measure('feedtrial.dbt.node.duration', (endMs - startMs) / 1000, {
      resource_type: node.resource_type,
      status: node.status,
    });
  }
}
