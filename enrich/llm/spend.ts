import fs from 'node:fs';
import path from 'node:path';
import { llmErrors } from './errors.ts';

/** What a request may cost at most, held back before it is sent. */
export interface Reservation {
  /** Says what it really cost. */
  settle(usd: number): void;
}

/** The till: nothing is asked that could take a run or a day over its ceiling. */
export interface Spend {
  /** @throws FeedtrialError FT_LLM_CEILING (exit 3) where it could cost too much */
  reserve(usd: number): Reservation;
  readonly runUsd: number;
  readonly dayUsd: number;
}

export interface SpendOptions {
  /** Folder of the journals. */
  folder: string;
  runId: string;
  /** US dollars at most. */
  ceiling: { run: number; day: number };
  now?: () => number;
}

/** A line of the ledger: what was held back under a number, and then what it cost. */
interface Line {
  run: string;
  number: string;
  usd: number;
}

/**
 * Opens the ledger of the UTC day: a file that every run on this machine appends to before it asks and after it is
 * answered, so that several at once, and those that were killed, count. What a killed run held back counts as spent.
 */
export function openSpend({ folder, runId, ceiling, now = Date.now }: SpendOptions): Spend {
  fs.mkdirSync(folder, { recursive: true });
  const spent = new Map<string, Line>(); // by number; the last line of a number counts
  let day = '';
  let file = '';
  let read = 0;
  let counter = 0;
  let runUsd = 0;
  let dayUsd = 0;

  const readOn = (): void => {
    const today = new Date(now()).toISOString().slice(0, 10);
    if (today !== day) {
      day = today;
      file = path.join(folder, `llm-spend-${day}.ndjson`);
      read = 0;
      dayUsd = 0;
      for (const name of fs.readdirSync(folder))
        if (/^llm-spend-\d{4}-\d\d-\d\d\.ndjson$/.test(name) && name < `llm-spend-${day}`)
          fs.rmSync(path.join(folder, name), { force: true });
    }
    if (!fs.existsSync(file)) return;
    const fd = fs.openSync(file, 'r');
    try {
      const buffer = Buffer.alloc(Math.max(0, fs.fstatSync(fd).size - read));
      const length = fs.readSync(fd, buffer, 0, buffer.length, read);
      const whole = buffer.subarray(0, length).lastIndexOf(10) + 1;
      read += whole;
      for (const text of buffer.subarray(0, whole).toString('utf8').split('\n')) {
        if (text === '') continue;
        const line = JSON.parse(text) as Line;
        const before = spent.get(line.number)?.usd ?? 0;
        spent.set(line.number, line);
        dayUsd += line.usd - before;
        if (line.run === runId) runUsd += line.usd - before;
      }
    } finally {
      fs.closeSync(fd);
    }
  };
  const write = (line: Line): void => {
    fs.appendFileSync(file, `${JSON.stringify(line)}\n`);
    readOn();
  };
  readOn();

  return {
    reserve(usd) {
      readOn();
      const number = `${runId}-${process.pid}-${++counter}`;
      write({ run: runId, number, usd });
      const over = runUsd > ceiling.run ? 'run' : dayUsd > ceiling.day ? 'day' : null;
      if (over !== null) {
        write({ run: runId, number, usd: 0 });
        throw llmErrors.ceiling(over, over === 'run' ? runUsd : dayUsd, ceiling[over]);
      }
      return {
        settle(cost) {
          write({ run: runId, number, usd: cost });
        },
      };
    },
    get runUsd() {
      return runUsd;
    },
    get dayUsd() {
      return dayUsd;
    },
  };
}
