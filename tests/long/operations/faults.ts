import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf, killInStage, runJob, startJob, type Job } from './jobs.ts';
import type { World } from './world.ts';

/** Jobs that are always on. */
export interface Residents {
  capture: Job;
  serve: Job;
}

/** Something that goes wrong in one hour of the day, and is mended at the end of it. */
export interface Fault {
  name: string;
  /** Alerts that must show it, as `fct_alerts` names them. */
  shownBy: string[];
  /** What `feedtrial alerts` must say while it lasts, of what can be seen without the lake. */
  toldLive?: string;
  /** Where the hour's cycle is part of it, and is not expected to end well. */
  breaksCycle?: true;
  /** Runs the cycle itself; `look` takes what fires now for what the hour shows. */
  insteadOfCycle?: (world: World, look: () => Promise<void>) => Promise<void>;
  begin?: (world: World, residents: Residents) => Promise<void>;
  end?: (world: World, residents: Residents) => Promise<void>;
}

async function killed(world: World, job: string, stage: string, firstMs: number): Promise<void> {
  for (let afterMs = firstMs; ; afterMs = Math.floor(afterMs / 2)) {
    if ((await killInStage(world, job, stage, afterMs)) !== null) return;
    if (afterMs === 0) throw new Error(`${stage} is always over before it can be killed`);
    if (stage === 'land') await world.live(2);
    world.advance(2); // what was written is sealed
    await sleep(500);
  }
}

const killOf = (job: string, stage: string, afterMs: number): Fault => ({
  name: `SIGKILL in ${stage}`,
  shownBy: [`stage_unsteady ${stage}`],
  insteadOfCycle: (world) => killed(world, job, stage, afterMs),
});

function killWithCommand(job: Job): void {
  const commands = childrenOf(job.pid);
  job.kill('SIGKILL');
  for (const pid of commands) process.kill(pid, 'SIGKILL');
}

const mebibyte = 1 << 20;

/** One of each an hour, in this order. */
export const faults: Fault[] = [
  {
    name: 'SIGKILL of capture and its job',
    shownBy: ['stage_failing capture.firehose', 'capture_lag'],
    async begin(_world, residents) {
      killWithCommand(residents.capture);
      await residents.capture.ended;
    },
    async end(world, residents) {
      residents.capture = startJob(world, 'capture', ['--source', 'firehose']);
    },
  },
  killOf('land', 'land', 150),
  killOf('cycle', 'transform', 1_500),
  killOf('cycle', 'enrich', 400),
  killOf('cycle', 'rank', 1_500),
  {
    name: 'SIGKILL of the server',
    shownBy: ['stage_unsteady serve'],
    async begin(_world, { serve }) {
      for (const pid of childrenOf(serve.pid)) process.kill(pid, 'SIGKILL');
    },
  },
  killOf('backup', 'backup', 20),
  killOf('export', 'export', 300),
  {
    name: 'capture killed again and again',
    shownBy: ['job_restarting capture.firehose'],
    async begin(_world, { capture }) {
      for (let n = 0; n < 4;) {
        const [pid] = childrenOf(capture.pid);
        if (pid === undefined) {
          await sleep(100);
          continue;
        }
        await sleep(3_000); // by then it has said that it runs: one that has not is not counted
        process.kill(pid, 'SIGKILL');
        n += 1;
        while (childrenOf(capture.pid).includes(pid)) await sleep(50);
      }
    },
  },
  {
    name: 'PLC directory down',
    shownBy: ['capture_lag'],
    async begin(world) {
      world.plc.down();
      await world.newcomer();
      world.advance(12); // capture waits, and has the others' posts of this hour already
    },
    async end(world) {
      await world.plc.up();
    },
  },
  // after an hour whose cycle went well: it left posts to ask about
  {
    name: 'LLM down',
    shownBy: ['labeler_failing llm_sociopolitical'],
    async begin(world) {
      world.llm.down();
    },
    async end(world) {
      await world.llm.up();
    },
  },
  {
    name: 'S3 down',
    shownBy: ['stage_unsteady cycle', 'stage_unsteady land'],
    toldLive: 'lake_down',
    breaksCycle: true,
    async begin(world) {
      world.s3.down();
    },
    async end(world) {
      await world.s3.up();
    },
  },
  {
    name: 'disk full',
    shownBy: ['disk_filling spool'],
    toldLive: 'disk_filling spool',
    breaksCycle: true,
    async insteadOfCycle(world, look) {
      // it fills by and by: an observation sees it before nothing can be written any more
      const { bavail, bsize } = fs.statfsSync(world.disk);
      const ballast = fs.openSync(path.join(world.disk, 'ballast'), 'w');
      fs.writeSync(ballast, Buffer.alloc(bavail * bsize - 4 * mebibyte));
      await runJob(world, 'observe');
      await look();
      try {
        for (;;) fs.writeSync(ballast, Buffer.alloc(4_096));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
      fs.closeSync(ballast);
      await world.live(4);
      const { exitCode } = await runJob(world, 'cycle');
      if (exitCode === 0) throw new Error('a cycle ended well on a full disk');
      if (await world.captured(2_000)) throw new Error('capture acknowledged what it can not have written');
    },
    async end(world) {
      fs.rmSync(path.join(world.disk, 'ballast'));
    },
  },
  {
    name: "the machine's clock two hours behind",
    shownBy: ['clock_behind'],
    async begin(world) {
      world.moveMachine(-120);
      await world.live(4); // taken by the wrong clock
    },
    async end(world) {
      world.moveMachine(0);
    },
  },
];
