import {
  feedsFile,
  generationFolder,
  openEngine,
  openLake,
  readCurrentGeneration,
  sqlText,
} from '../../lake/index.ts';
import type { Participant } from '../../study/index.ts';
import type { Config } from '../config/index.ts';
import { readFeed } from './ask.ts';
import { explainFeeds, type ExplainedPost, type FeedSummary } from './explain.ts';
import { formatComparison, formatSummaries, legend, type PrintOptions, type ShownFeed } from './print.ts';
import type { RunningDemo } from './run.ts';

/** Positions that the summary is about. */
export const summaryPositions = 20;
const arms = ['reverse_chronological', 'engagement', 'treatment'];

export interface ArmFeed {
  arm: string;
  participant: Participant | null;
  uris: string[];
  posts: ExplainedPost[];
  summary: FeedSummary | undefined;
}

export interface Comparison {
  /** One an arm, in the order of the study; then the default feed, read without a token. */
  feeds: ArmFeed[];
  format(options: PrintOptions): string;
}

/**
 * Reads the feed of one participant an arm from the feed server, with tokens that the PDS signed for them, and the default
 * feed without any. Simulated participants have nobody who could sign: their feeds are read from the generation.
 */
export async function compareArms(
  demo: Pick<RunningDemo, 'config' | 'miniature' | 'participants' | 'server'>,
): Promise<Comparison> {
  const { config, miniature, participants, server } = demo;
  const chosen = arms.flatMap((arm) => participants.find((participant) => participant.arm === arm) ?? []);
  const asked: { arm: string; participant: Participant | null; participantId: string; uris: string[] }[] = [];
  for (const participant of chosen) {
    const account = miniature?.participants.find(({ did }) => did === participant.did);
    const uris =
      miniature && account
        ? (await readFeed(server, () => miniature.feedToken(account))).uris
        : await urisOfGeneration(config, participant.participant_id);
    asked.push({ arm: participant.arm, participant, participantId: participant.participant_id, uris });
  }
  const anonymous = await readFeed(server, null);
  asked.push({ arm: 'default', participant: null, participantId: '_default', uris: anonymous.uris });
  const { posts, summaries } = await explainFeeds(config, asked, summaryPositions);
  const feeds = asked.map(({ arm, participant, participantId, uris }) => ({
    arm,
    participant,
    uris,
    posts: posts.filter((post) => post.participantId === participantId),
    summary: summaries.find((summary) => summary.participantId === participantId),
  }));
  const show = ({ arm, participant, posts: own, summary, uris }: ArmFeed): ShownFeed => ({
    title: arm,
    reader: participant
      ? `${participant.handle ?? 'a simulated participant'}, ${uris.length} posts ${miniature ? 'sent' : 'ranked'}`
      : `nobody's token, ${uris.length} posts sent`,
    posts: own,
    summary,
  });
  return {
    feeds,
    format: (options) =>
      [
        formatComparison(feeds.filter(({ participant }) => participant !== null).map(show), options),
        legend,
        '',
        formatSummaries(feeds.map(show), summaryPositions),
      ].join('\n'),
  };
}

async function urisOfGeneration(config: Config, participantId: string): Promise<string[]> {
  const lake = openLake(config.lake);
  const current = await readCurrentGeneration(lake);
  if (!current) return [];
  const engine = await openEngine({ memoryLimit: config.memoryLimit, threads: config.threads });
  try {
    const file = sqlText(lake.uri(`${generationFolder(current.generation)}/${feedsFile}`));
    const rows = await engine.rows<{ uri: string }>(
      `SELECT uri FROM read_parquet(${file}) WHERE participant_id = ${sqlText(participantId)} ORDER BY position`,
    );
    return rows.map(({ uri }) => uri);
  } finally {
    await engine.close();
  }
}
