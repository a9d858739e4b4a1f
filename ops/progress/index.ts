export interface Progress {
  /** Says that n more are done. */
  advance(n?: number): void;
  /** Sets what is being done now, shown at the end of the line. */
  note(text: string): void;
  /** Ends the line with a closing word. */
  done(text?: string): void;
}

export interface ProgressOptions {
  label: string;
  /** How many there are to do, if known: then a share and the time left are shown. */
  total?: number;
  unit?: string;
  stream?: NodeJS.WriteStream;
  now?: () => number;
}

const lineEveryMs = 5_000;
const redrawEveryMs = 100;

const duration = (seconds: number) =>
  seconds < 90 ? `${Math.round(seconds)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;

/** Progress on stderr: redrawn in place on a terminal, otherwise a line every five seconds. Silent where `quiet` is set. */
export function createProgress(options: ProgressOptions): Progress {
  const { label, total, unit = '', stream = process.stderr, now = Date.now } = options;
  if (quiet) return { advance() {}, note() {}, done() {} };
  const startedMs = now();
  let count = 0;
  let noted = '';
  let drawnMs = startedMs;
  const describe = (): string => {
    const seconds = Math.max((now() - startedMs) / 1000, 0.001);
    const rate = count / seconds;
    const share = total ? `${count}/${total}` : `${count}`;
    const left = total && rate > 0 && count < total ? `, ${duration((total - count) / rate)} left` : '';
    const counted =
      count > 0 || total
        ? ` ${share}${unit ? ` ${unit}` : ''} (${rate.toFixed(rate < 10 ? 1 : 0)}/s${left})`
        : '';
    return `${label}${counted}${noted ? ` ${noted}` : ''}`;
  };
  const draw = (force: boolean): void => {
    const since = now() - drawnMs;
    if (!force && since < (stream.isTTY ? redrawEveryMs : lineEveryMs)) return;
    drawnMs = now();
    stream.write(stream.isTTY ? `\r\u001b[2K${describe()}` : `${describe()}\n`);
  };
  return {
    advance(n = 1) {
      count += n;
      draw(false);
    },
    note(text) {
      noted = text;
      draw(false);
    },
    done(text) {
      if (text !== undefined) noted = text;
      draw(true);
      if (stream.isTTY) stream.write('\n');
    },
  };
}

let quiet = false;

/** Turns all progress off, as `--json` and tests do. */
export function silenceProgress(silent = true): void {
  quiet = silent;
}
