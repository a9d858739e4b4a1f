/**
 * Rows of a CSV file (RFC 4180: quotes, doubled quotes, line breaks inside quotes) as objects by the names of its first
 * line. Empty lines are skipped; a missing cell is ''.
 * @throws Error where a quote is never closed or a row has more cells than the first line
 */
export function parseCsv(text: string): { line: number; cells: Record<string, string> }[] {
  const rows: { line: number; cells: string[] }[] = [];
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  let line = 1;
  let rowLine = 1;
  const endRow = (): void => {
    cells.push(cell);
    if (cells.length > 1 || cells[0] !== '') rows.push({ line: rowLine, cells });
    cells = [];
    cell = '';
  };
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  for (let i = 0; i < source.length; i++) {
    const character = source[i] as string;
    if (character === '\n') line++;
    if (quoted) {
      if (character !== '"') cell += character;
      else if (source[i + 1] === '"') {
        cell += '"';
        i++;
      } else quoted = false;
    } else if (character === '"' && cell === '') quoted = true;
    else if (character === ',') {
      cells.push(cell);
      cell = '';
    } else if (character === '\n') {
      endRow();
      rowLine = line;
    } else if (character !== '\r' || source[i + 1] !== '\n') cell += character;
  }
  if (quoted) throw new Error(`the quote in line ${rowLine} is never closed`);
  if (cell !== '' || cells.length > 0) endRow();
  const [header, ...body] = rows;
  if (header === undefined) return [];
  const names = header.cells.map((name) => name.trim().toLowerCase());
  return body.map((row) => {
    if (row.cells.length > names.length)
      throw new Error(`line ${row.line} has ${row.cells.length} cells, the first line ${names.length}`);
    return {
      line: row.line,
      cells: Object.fromEntries(names.map((name, i) => [name, row.cells[i]?.trim() ?? ''])),
    };
  });
}
