import type { Seeded } from '../seeded.ts';

/** Lines with `{slot}` (filled from `slots`, nested allowed) and `[this|or that]`. */
export interface Grammar {
  slots: Record<string, readonly string[]>;
  lines: readonly string[];
}

/**
 * One text of a grammar. Example: line `The {what} is [late|full].` with slots `{what: ['bus', 'tram']}` may give
 * "The tram is full."
 */
export function expand(grammar: Grammar, random: Seeded, line = random.pick(grammar.lines)): string {
  let text = line;
  for (let depth = 0; depth < 8 && /[{[]/.test(text); depth++) {
    text = text
      .replaceAll(/\[([^[\]{}]*\|[^[\]{}]*)\]/g, (_, options: string) => random.pick(options.split('|')))
      .replaceAll(/\{(\w+)\}/g, (_, slot: string) => {
        const values = grammar.slots[slot];
        if (!values) throw new Error(`no slot '${slot}' in the grammar, wanted by: ${line}`);
        return random.pick(values);
      });
  }
  if (/[{}]/.test(text)) throw new Error(`the grammar doesn't come to an end for: ${line}`);
  return text.replaceAll(/(?:^|[.!?] )\p{Ll}/gu, (start) => start.toUpperCase());
}

const comparable = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

/** Draws texts that never repeat one another, not even apart from case and punctuation. */
export function uniqueTexts(random: Seeded): (grammar: Grammar, lines?: readonly string[]) => string {
  const seen = new Set<string>();
  const uses = new Map<string, number>();
  return (grammar, lines = grammar.lines) => {
    for (let attempt = 0; attempt < 500; attempt++) {
      // among three lines the one used least so far: no sentence becomes a refrain
      const line = random
        .sample(lines, 3)
        .reduce((best, next) => ((uses.get(next) ?? 0) < (uses.get(best) ?? 0) ? next : best));
      const text = expand(grammar, random, line);
      if (seen.has(comparable(text))) continue;
      seen.add(comparable(text));
      uses.set(line, (uses.get(line) ?? 0) + 1);
      return text;
    }
    throw new Error(`the grammar of "${lines[0] ?? ''}" is exhausted: give it more lines or slots`);
  };
}
