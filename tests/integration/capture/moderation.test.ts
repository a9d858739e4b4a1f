import { BytesWrapper, encode } from '@atcute/cbor';
import { Secp256k1Keypair } from '@atproto/crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { capture, encodeFrame, type CaptureOptions } from '../../../extract/capture/index.ts';
import { land } from '../../../extract/land/index.ts';
import type { Config } from '../../../ops/config/index.ts';
import { silenceProgress } from '../../../ops/progress/index.ts';
import { configIn, temporaryFolder } from '../../folders.ts';
import { infoFrame, spooledRows, startPlcDouble, startRelayDouble } from '../../relay/index.ts';
import { landed } from '../land/spooling.ts';

silenceProgress();

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) await server.close();
});

const src = 'did:plc:llllllllllllllllllllllll';
const subject = 'at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/3kaaaaaaaaaaa';
const cts = '2026-07-04T12:00:00.000Z';
const ctsUs = Date.parse(cts) * 1000;

async function labeler() {
  const key = await Secp256k1Keypair.create();
  const other = await Secp256k1Keypair.create();
  const multibase = (of: Secp256k1Keypair): string => of.did().slice('did:key:'.length);
  const method = (id: string, of: Secp256k1Keypair) => ({
    id: `${src}#${id}`,
    type: 'Multikey',
    controller: src,
    publicKeyMultibase: multibase(of),
  });
  const document = { id: src, verificationMethod: [method('atproto', other), method('atproto_label', key)] };
  const sign = async (label: Record<string, unknown>, by = key) => {
    const whole = { ver: 1, src, uri: subject, val: 'porn', cts, ...label };
    return { ...whole, sig: new BytesWrapper(await by.sign(encode(whole))) };
  };
  return { document, sign, other };
}

const frameOf = (seq: number, labels: unknown[]): Buffer =>
  Buffer.from(encodeFrame({ header: { op: 1, t: '#labels' }, body: { seq, labels } }));

const config = (): Config => configIn(temporaryFolder(), { FEEDTRIAL_VERIFY_WORKERS: '0' });

async function serve(frames: Buffer[], document: Record<string, unknown>, windowFrom = 0) {
  const relay = await startRelayDouble({
    frames,
    windowFrom,
    path: '/xrpc/com.atproto.label.subscribeLabels',
  });
  const plc = await startPlcDouble({ [src]: document });
  open.push(relay, plc);
  const run = (own: Config, more: Partial<CaptureOptions> = {}) =>
    capture({
      config: own,
      source: 'moderation',
      url: relay.url,
      plcUrl: plc.url,
      idleExitSeconds: 10,
      sameServer: true,
      ...more,
    });
  return { relay, run };
}

const labels = (own: Config) =>
  spooledRows(own.spool, 'moderation').filter(({ t }) => t === 'moderation_label');

describe('moderation labels', () => {
  it('come from the beginning, signed, with what is taken back and what expires, and land in their table', async () => {
    const { document, sign, other } = await labeler();
    const exp = '2026-08-04T12:00:00.000Z';
    const frames = [
      frameOf(1, [await sign({}), await sign({ uri: src, val: '!takedown', cid: 'bafyreib' })]),
      frameOf(2, [await sign({ neg: true }), await sign({ exp, neg: false })]),
      frameOf(3, [await sign({ val: 'forged' }, other), await sign({ val: 'sexual' })]),
      frameOf(4, [{ uri: subject }]),
      Buffer.from('not a frame'),
      frameOf(5, []),
    ];
    const { relay, run } = await serve(frames, document);
    const own = config();
    const summary = await run(own, { maxEvents: 6 });
    expect(relay.cursors).toEqual([0]);
    expect(summary).toMatchObject({
      cursor: 5,
      rows: { moderation_label: 5 },
      rejected: { bad_signature: 1, malformed_frame: 2 },
    });
    const rows = labels(own);
    expect(rows.map(({ seq, uri, val, neg, cid, exp_us }) => [seq, uri, val, neg, cid, exp_us])).toEqual([
      [1, subject, 'porn', false, null, null],
      [1, src, '!takedown', false, 'bafyreib', null],
      [2, subject, 'porn', true, null, null],
      [2, subject, 'porn', false, null, Date.parse(exp) * 1000],
      [3, subject, 'sexual', false, null, null],
    ]);
    expect(rows.every((row) => row.cts_us === ctsUs && row.src === src && row.source === 'moderation')).toBe(
      true,
    );
    expect(spooledRows(own.spool, 'moderation').filter(({ t }) => t === 'gap')).toEqual([]);

    await land({ config: own });
    const found = await landed(own, ['moderationLabels', 'rejected', 'gaps']);
    expect(found.moderationLabels).toHaveLength(5);
    expect(found.moderationLabels?.filter(({ neg }) => neg === true)).toHaveLength(1);
    expect(found.rejected?.map(({ reason }) => reason).sort()).toEqual([
      'bad_signature',
      'malformed_frame',
      'malformed_frame',
    ]);
    expect(found.rejected?.every(({ frame, source }) => frame !== null && source === 'moderation')).toBe(
      true,
    );
    expect(found.gaps).toEqual([]);
  });

  it('go on after the cursor, and what the labeler no longer has stays an open gap that lands', async () => {
    const { document, sign } = await labeler();
    const frames = [
      frameOf(7, [await sign({})]),
      infoFrame('whatever'),
      frameOf(20, [await sign({ val: 'spam' })]),
    ];
    const own = config();
    const first = await serve(frames.slice(0, 1), document);
    await first.run(own, { maxEvents: 1 });
    const second = await serve(frames.slice(1), document, 15);
    const summary = await second.run(own, { maxEvents: 3 });
    expect(second.relay.cursors).toEqual([7]);
    expect(summary.cursor).toBe(20);
    expect(labels(own).map(({ val }) => val)).toEqual(['porn', 'spam']);
    await land({ config: own });
    const { gaps } = await landed(own, ['gaps']);
    expect(
      gaps
        ?.map(({ kind, state, from_seq, to_seq, source }) => [
          kind,
          state,
          Number(from_seq),
          to_seq === null ? null : Number(to_seq),
          source,
        ])
        .sort(),
    ).toEqual([
      ['outdated_cursor', 'open', 7, 20, 'moderation'],
      ['stopped', 'open', 7, null, 'moderation'],
    ]);
  });

  it('can be taken without checking who signed them', async () => {
    const { document, sign, other } = await labeler();
    const { run } = await serve([frameOf(1, [await sign({}, other)])], document);
    const own = config();
    expect(await run(own, { maxEvents: 1, verify: false })).toMatchObject({ rejected: {}, cursor: 1 });
    expect(labels(own)).toHaveLength(1);
  });
});
