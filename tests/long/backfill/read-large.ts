import fs from 'node:fs';
import { memoryOf } from '../../../bench/memory-of.ts';
import { packDidKey } from '../../../extract/capture/index.ts';
import { readCar, recordLines, verifyRepository } from '../../../extract/backfill/index.ts';

// Reads a repository from a file in a process of its own, and says how much memory that took.

const [file = '', did = '', signingKey = ''] = process.argv.slice(2);

const beforeMb = memoryOf().peakMb;
const blocks = await readCar(fs.createReadStream(file) as AsyncIterable<Buffer>);
const repository = await verifyRepository(blocks, did, packDidKey(signingKey));
let lines = 0;
for (const line of recordLines(blocks, repository, { nowUs: Date.now() * 1000 })) if (line !== null) lines++;
blocks.close();
process.stdout.write(JSON.stringify({ lines, peakMb: memoryOf().peakMb, beforeMb }));
