/** Prints rows as a Markdown table, numbers to the right. */
export function printTable(rows: Record<string, string | number>[]): void {
  const columns = Object.keys(rows[0] ?? {});
  const cell = (value: string | number | undefined): string =>
    typeof value === 'number' ? value.toLocaleString('en-US', { maximumFractionDigits: 1 }) : (value ?? '');
  const widths = columns.map((name) => Math.max(name.length, ...rows.map((row) => cell(row[name]).length)));
  const line = (row: Record<string, string | number>): string =>
    `| ${columns.map((name, i) => (typeof row[name] === 'number' ? cell(row[name]).padStart(widths[i] as number) : cell(row[name]).padEnd(widths[i] as number))).join(' | ')} |`;
  console.log(`| ${columns.map((name, i) => name.padEnd(widths[i] as number)).join(' | ')} |`);
  console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
  for (const row of rows) console.log(line(row));
}
