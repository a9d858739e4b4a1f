import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyToLake, openEngine, openLake, sqlText, type Lake } from '../../../lake/index.ts';
import { temporaryFolder } from '../../folders.ts';
import { hasVersitygw, startS3, type S3Server } from '../../services/versitygw.ts';

const text = (content: Uint8Array | null) => (content === null ? null : Buffer.from(content).toString());

/** What every part may count on, wherever the lake is. */
const contract = (makeRoot: () => Promise<string>): void => {
  const open = async (): Promise<Lake> => openLake(await makeRoot());

  it('reads what was written, and says null where nothing is', async () => {
    const lake = await open();
    expect(await lake.read('raw/absent.json')).toBeNull();
    expect(await lake.exists('raw/absent.json')).toBe(false);
    await lake.write('raw/here.json', 'first');
    await lake.write('raw/here.json', Buffer.from('second ✓'));
    expect(text(await lake.read('raw/here.json'))).toBe('second ✓');
    expect(await lake.exists('raw/here.json')).toBe(true);
    expect(await lake.exists('raw')).toBe(false);
  });

  it('keeps names as they are: partition keys, percent signs, spaces, letters of any script', async () => {
    const lake = await open();
    const names = [
      'raw/records/collection_group=app.bsky.feed.like/dt=2026-07-04/hour=06/a.parquet',
      'feeds/generation=20261122T101500Z-3f9a1c/inputs/seeds/arms.csv',
      'labels/values/labeler=a%3Ab/one.parquet',
      'odd/with space+plus&and=ü✓.json',
    ];
    for (const name of names) await lake.write(name, name);
    expect((await lake.list('')).map((file) => file.path)).toEqual([...names].sort());
    for (const name of names) expect(text(await lake.read(name))).toBe(name);
  });

  it('lists a folder and nothing whose name only begins like it', async () => {
    const lake = await open();
    for (const name of ['raw/runs/dt=1/a', 'raw/runs/dt=2/b', 'raw/runs_more/c', 'raw/runs.json'])
      await lake.write(name, name);
    const listed = await lake.list('raw/runs');
    expect(listed.map((file) => file.path)).toEqual(['raw/runs/dt=1/a', 'raw/runs/dt=2/b']);
    expect(listed.map((file) => file.bytes)).toEqual([15, 15]);
    for (const { modifiedMs } of listed) expect(Math.abs(Date.now() - modifiedMs)).toBeLessThan(600_000);
    expect(await lake.list('absent')).toEqual([]);
  });

  it('lists more files than one page of a listing holds', async () => {
    const lake = await open();
    const names = Array.from({ length: 1100 }, (_, n) => `many/${String(n).padStart(4, '0')}`);
    for (let at = 0; at < names.length; at += 50)
      await Promise.all(names.slice(at, at + 50).map((name) => lake.write(name, '')));
    expect((await lake.list('many')).map((file) => file.path)).toEqual(names);
  });

  it('creates a file for one of many', async () => {
    const lake = await open();
    const created = await Promise.all(
      Array.from({ length: 12 }, (_, n) => lake.create('once/claim', `${n}`)),
    );
    expect(created.filter(Boolean)).toHaveLength(1);
    expect(text(await lake.read('once/claim'))).toBe(String(created.indexOf(true)));
  });

  it('moves a pointer for one of many publishers that saw the same value, and tells the others', async () => {
    const root = await makeRoot();
    const publishers = Array.from({ length: 12 }, () => openLake(root));
    const begun = await Promise.allSettled(
      publishers.map((lake, n) => lake.swap('feeds/current.json', null, `first ${n}`)),
    );
    expect(begun.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const seen = await publishers[0]!.read('feeds/current.json');
    const outcomes = await Promise.allSettled(
      publishers.map((lake, n) => lake.swap('feeds/current.json', seen, `publisher ${n}`)),
    );
    const winners = outcomes.flatMap(({ status }, n) => (status === 'fulfilled' ? [n] : []));
    expect(winners).toHaveLength(1);
    expect(text(await publishers[0]!.read('feeds/current.json'))).toBe(`publisher ${winners[0]}`);
    for (const outcome of [...begun, ...outcomes])
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ code: 'FT_LAKE_POINTER_RACED' });
  });

  it('does not move a pointer that somebody took away, or that was never there', async () => {
    const lake = await open();
    await expect(lake.swap('p', Buffer.from('seen'), 'next')).rejects.toMatchObject({
      code: 'FT_LAKE_POINTER_RACED',
    });
    expect(await lake.read('p')).toBeNull();
  });

  it('adopts a local file of any size whole, and takes it away from where it was', async () => {
    const lake = await open();
    for (const bytes of [0, 5, 16 * 1024 * 1024, 37 * 1024 * 1024 + 11]) {
      const local = path.join(temporaryFolder(), 'made');
      const content = randomBytes(bytes);
      writeFileSync(local, content);
      await lake.adopt(local, 'raw/big.parquet');
      expect(existsSync(local)).toBe(false);
      const back = path.join(temporaryFolder(), 'back');
      expect(await lake.download('raw/big.parquet', back)).toBe(true);
      expect(readFileSync(back).equals(content)).toBe(true);
      expect((await lake.list('raw')).map((file) => file.bytes)).toEqual([bytes]);
    }
  });

  it('uploads a copy, and downloads none of what is not there', async () => {
    const lake = await open();
    const local = path.join(temporaryFolder(), 'made');
    writeFileSync(local, 'rows');
    await lake.upload(local, 'a/b');
    expect(existsSync(local)).toBe(true);
    expect(text(await lake.read('a/b'))).toBe('rows');
    const target = path.join(temporaryFolder(), 'none');
    expect(await lake.download('a/c', target)).toBe(false);
    expect(existsSync(target)).toBe(false);
  });

  it('removes and purges, also what is not there', async () => {
    const lake = await open();
    for (const name of ['x/a', 'x/ab', 'x/b']) await lake.write(name, name);
    await lake.remove('x/a');
    await lake.remove('x/a');
    await lake.purge('x/b');
    await lake.purge('x/b');
    expect((await lake.list('')).map((file) => file.path)).toEqual(['x/ab']);
  });

  it.each(['../outside', '/etc/passwd', 'raw/../../outside'])('refuses the path %s', async (escape) => {
    const lake = await open();
    expect(() => lake.uri(escape)).toThrow(expect.objectContaining({ code: 'FT_LAKE_PATH' }) as Error);
    await expect(lake.read(escape)).rejects.toMatchObject({ code: 'FT_LAKE_PATH' });
  });

  it('gives DuckDB its files by name and by pattern, with partition keys', async () => {
    const lake = await open();
    const engine = await openEngine();
    try {
      for (const [dt, hour] of [
        ['2026-07-04', '06'],
        ['2026-07-04', '23'],
        ['2026-07-05', '06'],
      ])
        await copyToLake(lake, engine, `SELECT ${hour} AS n`, `t/dt=${dt}/hour=${hour}/a.parquet`);
      await copyToLake(lake, engine, `SELECT 7 AS n`, `odd/labeler=a%3Ab/with space ü.parquet`);
      await engine.run(
        `COPY (SELECT 8 AS n) TO ${sqlText(lake.uri('odd/written.parquet'))} (FORMAT parquet)`,
      );
      const rows = await engine.rows(
        `SELECT dt, hour, n FROM read_parquet(${sqlText(lake.uri('t/*/*/*.parquet'))},
           hive_partitioning = true, hive_types = {'dt': varchar, 'hour': varchar})
         WHERE hour = '06' ORDER BY ALL`,
      );
      expect(rows).toEqual([
        { dt: '2026-07-04', hour: '06', n: 6 },
        { dt: '2026-07-05', hour: '06', n: 6 },
      ]);
      const named = lake.uri('odd/labeler=a%3Ab/with space ü.parquet');
      expect(await engine.rows(`SELECT n FROM read_parquet(${sqlText(named)})`)).toEqual([{ n: 7 }]);
      expect(await engine.rows(`SELECT n FROM ${sqlText(lake.uri('odd/written.parquet'))}`)).toEqual([
        { n: 8 },
      ]);
      const names = await engine.rows<{ filename: string }>(
        `SELECT DISTINCT filename FROM read_parquet(${sqlText(lake.uri('t/*/*/*.parquet'))}) ORDER BY ALL`,
      );
      expect(names.map((row) => row.filename)).toEqual(
        (await lake.list('t')).map((file) => lake.uri(file.path)),
      );
    } finally {
      await engine.close();
    }
  });
};

describe('a lake in a folder', () => {
  contract(async () => temporaryFolder());
});

describe.skipIf(!hasVersitygw)('a lake in a bucket', () => {
  let server: S3Server;
  let number = 0;
  beforeAll(async () => {
    server = await startS3();
  });
  afterAll(() => server.stop());
  contract(async () => `${await server.bucket(`lake-${++number}`)}/study/one`);

  it('sees and touches nothing outside its prefix', async () => {
    const bucket = await server.bucket('shared-bucket');
    const whole = openLake(bucket);
    const part = openLake(`${bucket}/part`);
    await whole.write('partly/a', 'not ours');
    await part.write('a', 'ours');
    expect((await part.list('')).map((file) => file.path)).toEqual(['a']);
    expect((await whole.list('')).map((file) => file.path)).toEqual(['part/a', 'partly/a']);
  });

  it('purges every version that a bucket kept of a file, and no other file', async () => {
    const lake = openLake(await server.bucket('versioned', { versioned: true }));
    for (const content of ['one', 'two', 'three']) await lake.write('person/posts.parquet', content);
    await lake.remove('person/posts.parquet');
    await lake.write('person/posts.parquet', 'four');
    await lake.write('person/posts.parquet.more', 'kept');
    const { S3 } = await import('@aws-sdk/client-s3');
    const s3 = new S3({ endpoint: server.endpoint, forcePathStyle: true });
    const versions = async (): Promise<number> => {
      const page = await s3.listObjectVersions({ Bucket: 'versioned', Prefix: 'person/' });
      return [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].filter(
        (one) => one.Key === 'person/posts.parquet',
      ).length;
    };
    expect(await versions()).toBe(5);
    await lake.purge('person/posts.parquet');
    expect(await versions()).toBe(0);
    expect((await lake.list('person')).map((file) => file.path)).toEqual(['person/posts.parquet.more']);
    s3.destroy();
  });

  it('sweeps uploads that a killed writer left a day ago, and none of today', async () => {
    const bucket = await server.bucket('uploads');
    const { S3 } = await import('@aws-sdk/client-s3');
    const s3 = new S3({ endpoint: server.endpoint, forcePathStyle: true });
    for (const Key of ['lake/raw/a.parquet', 'lake/raw/b.parquet', 'other/c.parquet']) {
      const { UploadId } = await s3.createMultipartUpload({ Bucket: 'uploads', Key });
      await s3.uploadPart({ Bucket: 'uploads', Key, UploadId, PartNumber: 1, Body: 'half' });
    }
    const lake = openLake(`${bucket}/lake`);
    expect(await lake.sweep(Date.now())).toBe(0);
    expect(await lake.sweep(Date.now() + 2 * 86_400_000)).toBe(2);
    const { Uploads = [] } = await s3.listMultipartUploads({ Bucket: 'uploads' });
    expect(Uploads.map((upload) => upload.Key)).toEqual(['other/c.parquet']);
    s3.destroy();
  });

  it('takes a write for done whose answer was lost, and a refusal for somebody else’s', async () => {
    const { S3Lake } = await import('../../../lake/store/s3/lake.ts');
    const root = await server.bucket('lost-answers');
    const direct = openLake(root);
    const lossy = await startLossyProxy(server.endpoint);
    try {
      const lake = new S3Lake(root, { endpoint: lossy.endpoint, region: 'us-east-1', pathStyle: true });
      lossy.loseNextPut();
      expect(await lake.create('claim', 'mine')).toBe(true);
      expect(lossy.lost).toBe(1);
      lossy.loseNextPut();
      await lake.swap('claim', Buffer.from('mine'), 'mine again');
      expect(lossy.lost).toBe(2);
      expect(text(await direct.read('claim'))).toBe('mine again');
      expect(await lake.create('claim', 'other')).toBe(false);
    } finally {
      await lossy.stop();
    }
  });

  it('says what is wrong: bucket, key, server, name', async () => {
    await expect(openLake('s3://no-such-bucket/x').write('a', 'b')).rejects.toMatchObject({
      code: 'FT_LAKE_S3_BUCKET',
    });
    expect(() => openLake('s3://No_Bucket')).toThrow(
      expect.objectContaining({ code: 'FT_LAKE_S3_URL' }) as Error,
    );
    expect(() => openLake('gs://bucket')).toThrow(
      expect.objectContaining({ code: 'FT_LAKE_UNSUPPORTED' }) as Error,
    );
    const { S3Lake } = await import('../../../lake/store/s3/lake.ts');
    const nowhere = { endpoint: 'http://127.0.0.1:9', region: 'us-east-1', pathStyle: true };
    await expect(new S3Lake('s3://bucket', nowhere).read('a')).rejects.toMatchObject({
      code: 'FT_LAKE_S3_UNREACHABLE',
    });
    const key = process.env.AWS_SECRET_ACCESS_KEY;
    process.env.AWS_SECRET_ACCESS_KEY = 'wrong';
    try {
      const other = { endpoint: `${server.endpoint}/`, region: 'us-east-1', pathStyle: true };
      await expect(new S3Lake('s3://bucket', other).write('a', 'b')).rejects.toMatchObject({
        code: 'FT_LAKE_S3_ACCESS',
      });
    } finally {
      process.env.AWS_SECRET_ACCESS_KEY = key;
    }
  });
});

/** A proxy that passes a PUT on and then breaks the connection instead of answering, when told to. */
async function startLossyProxy(to: string) {
  const http = await import('node:http');
  let lose = false;
  const state = { lost: 0 };
  const target = new URL(to);
  const server = http.createServer((request, response) => {
    const drop = lose && request.method === 'PUT';
    if (drop) lose = false;
    const onward = http.request(
      {
        host: target.hostname,
        port: target.port,
        method: request.method,
        path: request.url,
        headers: request.headers, // its Host stays, since the signature is over it
      },
      (answer) => {
        if (drop) {
          answer.resume().on('end', () => {
            state.lost++;
            request.socket.destroy();
          });
          return;
        }
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    get lost() {
      return state.lost;
    },
    loseNextPut() {
      lose = true;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
