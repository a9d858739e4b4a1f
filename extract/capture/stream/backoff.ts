/** How long to wait before the n-th attempt in a row, in milliseconds: doubling, with full jitter, up to a cap. */
export function backoffMs(
  attempt: number,
  random: () => number,
  { firstMs = 250, capMs = 30_000 }: { firstMs?: number; capMs?: number } = {},
): number {
  const most = Math.min(capMs, firstMs * 2 ** Math.min(attempt, 20));
  return most / 2 + (most / 2) * random();
}
