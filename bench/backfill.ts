import { parseArgs } from 'node:util';
import { getAndParseRecord, verifyRepoCar } from '@atproto/repo';
import { packDidKey } from '../extract/capture/index.ts';
import { readCar, recordLines, verifyRepository } from '../extract/backfill/index.ts';
import { makeRepository, type MadeRepository } from '../tests/backfill-repositories.ts';
import { printTable } from './table.ts';

export const claim =
  'records/s from the bytes of a repository to rows, on one core: signature once, every block hashed, the whole tree checked; beside @atproto/repo';

const pieceBytes = 64 << 10;

function* pieces(car: Buffer): Generator<Buffer> {
  for (let at = 0; at < car.length; at += pieceBytes) yield car.subarray(at, at + pieceBytes);
}

/** What backfill does between the network and the spool. */
async function ours(made: MadeRepository): Promise<number> {
  const blocks = await readCar(pieces(made.car));
  const repository = await verifyRepository(blocks, made.did, packDidKey(made.signingKey));
  let bytes = 0;
  for (const made of recordLines(blocks, repository, { nowUs: Date.now() * 1000 }))
    bytes += made?.line.length ?? 0;
  blocks.close();
  if (bytes === 0) throw new Error('nothing was read');
  return repository.records;
}

/** The same by the reference: verified, then each record parsed and written as JSON. */
async function reference(made: MadeRepository): Promise<number> {
  const { creates, commit } = await verifyRepoCar(made.car, made.did, made.signingKey);
  let bytes = 0;
  for (const { cid } of creates)
    bytes += JSON.stringify((await getAndParseRecord(commit.newBlocks, cid)).record).length;
  if (bytes === 0) throw new Error('nothing was read');
  return creates.length;
}

async function measure(name: string, read: () => Promise<number>, times: number) {
  await read(); // warm
  const beganMs = performance.now();
  const began = process.cpuUsage();
  let records = 0;
  for (let i = 0; i < times; i++) records += await read();
  const { user, system } = process.cpuUsage(began);
  const cpuSeconds = (user + system) / 1e6;
  const seconds = (performance.now() - beganMs) / 1000;
  return {
    reader: name,
    records,
    'wall s': seconds,
    'CPU s': cpuSeconds,
    'records/s': Math.round(records / seconds),
    'records/CPU-s': Math.round(records / cpuSeconds),
  };
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      records: { type: 'string', default: '20000' },
      times: { type: 'string', default: '5' },
      'peer-times': { type: 'string', default: '1' },
    },
  });
  const made = await makeRepository(Number(values.records));
  console.log(`a repository of ${made.records.size} records, ${(made.car.length / 1e6).toFixed(1)} MB\n`);
  const rows = [
    await measure('feedtrial', () => ours(made), Number(values.times)),
    await measure('@atproto/repo verifyRepoCar', () => reference(made), Number(values['peer-times'])),
  ];
  printTable(rows);
  const [us, them] = rows;
  if (us !== undefined && them !== undefined)
    console.log(`${(us['records/CPU-s'] / them['records/CPU-s']).toFixed(1)} times the peer by CPU second`);
}
