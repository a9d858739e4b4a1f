import { expect, test } from 'vitest';
import { ensureTables, openEngine, openLake, tables, writeRows } from '../../../lake/index.ts';
import { transform } from '../../../ops/cycle/transform.ts';
import { openDbt } from '../../../ops/dbt/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { cidOf, uriOf, writeLabels, writeReports, type Report } from '../../integration/models/records.ts';
import { labelerVersions, readWarehouse } from '../../integration/models/warehouse.ts';

const hour = 3_600_000_000;
const start = Date.UTC(2026, 6, 4, 10) * 1000;
const asOfUs = start + 3 * hour;
const post = 'app.bsky.feed.post';
const like = 'app.bsky.feed.like';

const written = (text: string, more: Record<string, unknown> = {}) => ({ $type: post, text, ...more });
const words = {
  first: written('The first version of a thought about gardens'),
  edited: written('The second version of a thought about gardens'),
  old: written('Written before anybody listened to the network'),
  gone: written('Something that its author took back later on'),
  takendown: written('By an account that was taken down in the end'),
  returned: written('By an account that went away and came back'),
  adult: written('A picture that its author marked as adult', {
    labels: { $type: 'com.atproto.label.defs#selfLabels', values: [{ val: 'porn' }] },
  }),
};

const report = (did: string, rkey: string, record: Record<string, unknown>, more: Partial<Report> = {}) =>
  ({ did, collection: post, rkey, record, eventUs: start, ...more }) satisfies Report;

const uri = {
  edited: uriOf({ did: 'did:plc:a', collection: post, rkey: 'edited' }),
  old: uriOf({ did: 'did:plc:a', collection: post, rkey: 'old' }),
  gone: uriOf({ did: 'did:plc:a', collection: post, rkey: 'gone' }),
  takendown: uriOf({ did: 'did:plc:b', collection: post, rkey: 'takendown' }),
  returned: uriOf({ did: 'did:plc:c', collection: post, rkey: 'returned' }),
  adult: uriOf({ did: 'did:plc:d', collection: post, rkey: 'adult' }),
};

interface Verdict {
  uri: string;
  first_reason: string | null;
  text: string | null;
  event_us: bigint;
}

interface Unified {
  uri: string;
  likes: bigint | null;
  toxic: number | null;
  toxic_labeler: string | null;
  constructive: number | null;
}

test('two sources, edits, deletes and account status fold to one verdict a post, and labels that come late merge', async () => {
  const config = configIn(temporaryFolder(), { FEEDTRIAL_LABEL_PROFILE: 'demo' });
  const lake = openLake(config.lake);
  const privateLake = openLake(config.privateLake);
  const versions = labelerVersions(config.projectRoot);
  const toxicity = { labeler: 'student_toxicity', version: versions.student_toxicity ?? '' };
  const build = async (): Promise<{ verdicts: Verdict[]; unified: Unified[]; queue: string[] }> => {
    const dbt = await openDbt(config);
    try {
      const { publishId } = await transform({ config, dbt, asOfUs });
      await dbt.close();
      // the pointer says what moment the models speak of: ranking goes by it
      expect(JSON.parse(Buffer.from((await lake.read('queue/current.json')) ?? '').toString('utf8'))).toEqual(
        {
          publish_id: publishId,
          as_of_us: asOfUs,
        },
      );
      return await readWarehouse(config, async (rows) => ({
        verdicts: await rows<Verdict>(
          'SELECT uri, first_reason, "text", event_us FROM int_posts__filtered ORDER BY uri',
        ),
        unified: await rows<Unified>(
          'SELECT uri, likes, toxic, toxic_labeler, constructive FROM int_posts__unified ORDER BY uri',
        ),
        queue: (
          await rows<{ asked: string }>(
            `SELECT concat(labeler, ' ', uri, ' ', attempt) AS asked
             FROM read_parquet('${lake.uri(`queue/publish=${publishId}/labels.parquet`)}') WHERE NOT is_dead_letter ORDER BY asked`,
          )
        ).map((row) => row.asked),
      }));
    } finally {
      await dbt.close();
    }
  };

  const engine = await openEngine();
  try {
    await ensureTables(lake, privateLake, engine);
    await writeReports(lake, engine, 'firehose', [
      report('did:plc:a', 'edited', words.first, { eventUs: start + 1 }),
      report('did:plc:a', 'edited', words.edited, { operation: 'update', eventUs: start + hour }),
      report('did:plc:a', 'gone', words.gone),
      { did: 'did:plc:a', collection: post, rkey: 'gone', operation: 'delete', eventUs: start + 2 * hour },
      { did: 'did:plc:a', collection: post, rkey: 'never-seen', operation: 'delete', eventUs: start + hour },
      report('did:plc:b', 'takendown', words.takendown),
      report('did:plc:c', 'returned', words.returned),
      report('did:plc:d', 'adult', words.adult),
      ...['l1', 'l2'].map((rkey) => ({
        did: 'did:plc:e', // likes the same post twice: an account counts once
        collection: like,
        rkey,
        record: { subject: { uri: uri.edited, cid: cidOf(words.first) } },
        eventUs: start + hour,
      })),
      {
        did: 'did:plc:f',
        collection: like,
        rkey: 'l3',
        record: { subject: { uri: uri.old, cid: cidOf(words.old) } },
        eventUs: start, // the first like that came in live: likes are known from here on
      },
    ]);
    // the same by a second source: later, unverified, and with the first version arriving last
    await writeReports(lake, engine, 'jetstream', [
      report('did:plc:a', 'edited', words.edited, {
        operation: 'update',
        eventUs: start + hour + 5,
        rev: String(start + hour),
        source: 'jetstream',
      }),
      report('did:plc:a', 'edited', words.first, {
        eventUs: start + 6,
        rev: String(start + 1),
        source: 'jetstream',
      }),
    ]);
    await writeReports(lake, engine, 'backfill', [
      report('did:plc:a', 'old', words.old, { eventUs: start - 2 * hour, source: 'backfill' }),
    ]);
    const account = (did: string, active: boolean, status: string | null, eventUs: number) => ({
      did,
      active,
      status,
      seq: eventUs,
      event_us: eventUs,
      source: 'firehose',
      ingested_at: eventUs,
      segment: 'test',
    });
    await writeRows(
      lake,
      engine,
      tables.accounts,
      { dt: '2026-07-04', hour: '10' },
      [
        account('did:plc:b', false, 'takendown', start + 10),
        account('did:plc:c', false, 'deactivated', start + 10),
        account('did:plc:c', true, null, start + 20),
      ],
      'accounts',
    );

    // before any label: nothing is eligible, and the language labeler is asked about what nothing else keeps out
    const unlabelled = await build();
    const verdictOf = (verdicts: Verdict[]) =>
      Object.fromEntries(verdicts.map((row) => [row.uri, row.first_reason]));
    expect(verdictOf(unlabelled.verdicts)).toEqual({
      [uri.edited]: 'language_unknown',
      [uri.old]: 'language_unknown',
      [uri.gone]: 'deleted',
      [uri.takendown]: 'account_inactive',
      [uri.returned]: 'language_unknown',
      [uri.adult]: 'nsfw_label',
    });
    expect(unlabelled.verdicts.find((row) => row.uri === uri.gone)?.text).toBeNull();
    const edited = unlabelled.verdicts.find((row) => row.uri === uri.edited);
    expect(edited).toMatchObject({ text: words.edited.text, event_us: BigInt(start + 1) });
    expect(unlabelled.unified).toEqual([]);
    expect(unlabelled.queue).toEqual(
      [uri.edited, uri.old, uri.returned].map((asked) => `language ${asked} 1`).sort(),
    );

    const language = (about: string, cid: string, text_value: string) => ({
      uri: about,
      cid,
      labeler: 'language',
      version: versions.language ?? '',
      label: 'language',
      score: 0.99,
      text_value,
    });
    await writeLabels(lake, engine, 'language', asOfUs, [
      language(uri.edited, cidOf(words.edited), 'en'),
      language(uri.old, cidOf(words.old), 'en'),
      language(uri.returned, cidOf(words.returned), 'pt'),
    ]);
    await writeLabels(lake, engine, 'first', asOfUs, [
      // of the version before the edit: counts for nothing
      { uri: uri.edited, cid: cidOf(words.first), ...toxicity, label: 'toxic', score: 0.9 },
      { uri: uri.old, cid: cidOf(words.old), ...toxicity, label: '*', status: 'failed' },
      { uri: uri.old, cid: cidOf(words.old), ...toxicity, label: '*', status: 'failed', attempt: 2 },
    ]);
    const eligible = await build();
    expect(verdictOf(eligible.verdicts)).toMatchObject({
      [uri.edited]: null,
      [uri.old]: null,
      [uri.returned]: 'not_english',
    });
    // null isn't 0, neither for a label that nobody gave nor for likes that capture didn't cover
    expect(eligible.unified).toEqual([
      { uri: uri.edited, likes: 1n, toxic: null, toxic_labeler: null, constructive: null },
      { uri: uri.old, likes: null, toxic: null, toxic_labeler: null, constructive: null },
    ]);
    expect(eligible.queue.filter((asked) => asked.startsWith('language'))).toEqual([]);
    expect(eligible.queue.filter((asked) => asked.startsWith('student_toxicity'))).toEqual([
      `student_toxicity ${uri.edited} 1`,
      `student_toxicity ${uri.old} 3`,
    ]);

    await writeLabels(lake, engine, 'second', asOfUs + hour, [
      { uri: uri.edited, cid: cidOf(words.edited), ...toxicity, label: 'toxic', score: 0 },
      { uri: uri.old, cid: cidOf(words.old), ...toxicity, label: '*', status: 'failed', attempt: 3 },
    ]);
    const labelled = await build();
    expect(labelled.unified).toMatchObject([
      { uri: uri.edited, toxic: 0, toxic_labeler: 'student_toxicity' },
      { uri: uri.old, toxic: null, toxic_labeler: null },
    ]);
    // answered, and failed three times: neither is asked about again
    expect(labelled.queue.filter((asked) => asked.startsWith('student_toxicity'))).toEqual([]);
  } finally {
    await engine.close();
  }
}, 600_000); // several builds by dbt: a busy machine takes its time
