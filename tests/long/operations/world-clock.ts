// Loaded before everything else by `node --import` in every process of the compressed day: `Date` says the day's time, which is
// the machine's plus what the file named by WORLD_CLOCK holds, in milliseconds. Timers go as they do.
import fs from 'node:fs';

const file = process.env.WORLD_CLOCK ?? '';
const Real = Date;
let offsetMs = 0;
let readAt = -Infinity;

function nowMs(): number {
  if (performance.now() - readAt > 20) {
    readAt = performance.now();
    try {
      offsetMs = Number(fs.readFileSync(file, 'utf8'));
    } catch {
      // being replaced at this moment: what it said last
    }
  }
  return Real.now() + offsetMs;
}

globalThis.Date = new Proxy(Real, {
  construct: (target, args: unknown[], newTarget) =>
    Reflect.construct(target, args.length === 0 ? [nowMs()] : args, newTarget) as Date,
  apply: () => new Real(nowMs()).toString(),
  get: (target, name, receiver) =>
    name === 'now' ? nowMs : (Reflect.get(target, name, receiver) as unknown),
});
