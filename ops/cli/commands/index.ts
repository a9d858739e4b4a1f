import type { Register } from '../command.ts';
import { register as backup } from './backup.ts';
import { register as backfill } from './backfill.ts';
import { register as alerts } from './alerts.ts';
import { register as athena } from './athena.ts';
import { register as capture } from './capture.ts';
import { register as cycle } from './cycle.ts';
import { register as diff } from './diff.ts';
import { register as dashboard } from './dashboard.ts';
import { register as doctor } from './doctor.ts';
import { register as enrich } from './enrich.ts';
import { register as labels } from './labels.ts';
import { register as lake } from './lake.ts';
import { register as exportCommand } from './export.ts';
import { register as feeds } from './feeds.ts';
import { register as evaluate } from './eval.ts';
import { register as freshness } from './freshness.ts';
import { register as land } from './land.ts';
import { register as observe } from './observe.ts';
import { register as rehearse } from './rehearse.ts';
import { register as restore } from './restore.ts';
import { register as replay } from './replay.ts';
import { register as runs } from './runs.ts';
import { register as serve } from './serve.ts';
import { register as simulate } from './simulate.ts';
import { register as status } from './status.ts';
import { register as study } from './study.ts';
import { register as train } from './train.ts';
import { register as transform } from './transform.ts';
import { register as rank } from './rank.ts';

/** In the order in which `--help` lists them: the way of the data, then what one runs beside it. */
export const commands: Register[] = [
  capture,
  backfill,
  land,
  transform,
  enrich,
  train,
  evaluate,
  labels,
  rank,
  replay,
  diff,
  simulate,
  cycle,
  serve,
  status,
  runs,
  observe,
  freshness,
  alerts,
  dashboard,
  doctor,
  backup,
  restore,
  exportCommand,
  study,
  feeds,
  lake,
  athena,
  rehearse,
];
