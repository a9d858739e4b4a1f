import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseCsv } from '../../../study/index.ts';

const cell = fc
  .string({ unit: fc.constantFrom('a', 'é', ' ', ',', '"', '\n', '\r', '1', ';') })
  .map((s) => s.trim());

it('gives back every cell that a CSV writer quoted', () => {
  const quote = (value: string) => `"${value.replaceAll('"', '""')}"`;
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell)), fc.constantFrom('\n', '\r\n'), (rows, end) => {
      const text = ['x,y', ...rows.map((row) => row.map(quote).join(','))].join(end);
      expect(parseCsv(text).map((row) => row.cells)).toEqual(rows.map(([x, y]) => ({ x, y })));
    }),
  );
});

it('reads what spreadsheets write: a byte order mark, Windows line ends, empty lines, short rows', () => {
  expect(parseCsv('\uFEFFDID, Stratum\r\ndid:plc:a,x\r\n\r\ndid:plc:b\r\n')).toEqual([
    { line: 2, cells: { did: 'did:plc:a', stratum: 'x' } },
    { line: 4, cells: { did: 'did:plc:b', stratum: '' } },
  ]);
});

it('names the line that has too many cells', () => {
  expect(() => parseCsv('a,b\n1,2\n1,2,3\n')).toThrow(/line 3 has 3 cells/);
});
