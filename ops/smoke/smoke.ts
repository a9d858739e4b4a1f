// npm run smoke -- https://feeds.example.org: checks a deployed server from outside; exits with 1 where something is wrong.
import { smoke } from './checks.ts';

const [url] = process.argv.slice(2);
if (url === undefined || !URL.canParse(url) || !/^https?:/.test(url)) {
  console.error(
    'FT_SMOKE_URL: expected the address of a feed server\n  fix: npm run smoke -- https://feeds.example.org',
  );
  process.exit(2);
}
const results = await smoke({
  url,
  onResult({ name, isOk, found, fix }) {
    console.log(`${isOk ? 'ok  ' : 'FAIL'}  ${name.padEnd(16)} ${found}`);
    if (fix !== null) console.log(`${' '.repeat(23)}fix: ${fix}`);
  },
});
const failed = results.filter((result) => !result.isOk).length;
console.log(failed === 0 ? `${results.length} checks passed` : `${failed} of ${results.length} failed`);
process.exitCode = failed === 0 ? 0 : 1;
