import { sqlText } from '../parquet/engine.ts';

/**
 * Macros by which generated rows draw their chance. All of it is MD5 of (seed, a name, a number): the same seed gives
 * the same rows at any number of threads, and no row depends on how many others there are.
 *
 *   draw(name, n)     a number in [0, 1) with 53 bits
 *   bits(name, n)     64 bits from which part() takes three draws at the price of one hash
 *   part(bits, k)     the k-th of them (0 to 2), in [0, 1), 21 bits each
 *   pick(list, u)     the element of a list that a draw falls on
 *   tid(us, clock)    an atproto timestamp id
 *   code(text, n)     n characters of base32, as DIDs and CIDs have
 *   skewed(u, mean)   a probability with that mean, most of them small
 */
export function drawMacros(seed: string): string[] {
  const tidCharacter = (k: number): string =>
    `substr('234567abcdefghijklmnopqrstuvwxyz', ((((us << 10) | clock) >> ${60 - 5 * k}) & 31)::INTEGER + 1, 1)`;
  return [
    `bits(name, n) AS md5_number_lower(concat(${sqlText(seed)}, '/', name, '/', n))`,
    `draw(name, n) AS (md5_number_lower(concat(${sqlText(seed)}, '/', name, '/', n)) >> 11)::DOUBLE / 9007199254740992`,
    `part(hashed, k) AS ((hashed >> (21 * k)) & 2097151)::DOUBLE / 2097152`,
    `pick(list, u) AS list[1 + floor(u * len(list))::INTEGER]`,
    `code(content, n) AS substr(translate(concat(md5(content), md5(concat(content, '+'))), '0189', 'wxyz'), 1, n)`,
    `tid(us, clock) AS concat(${Array.from({ length: 13 }, (_, k) => tidCharacter(k)).join(', ')})`,
    `skewed(u, mean) AS round(pow(u, (1 - mean) / mean), 6)`,
    `at_uri(did, collection, rkey) AS concat('at://', did, '/', collection, '/', rkey)`,
    `iso_time(us) AS concat(strftime(make_timestamp(us), '%Y-%m-%dT%H:%M:%S.'), lpad((us // 1000 % 1000)::VARCHAR, 3, '0'), 'Z')`,
  ].map((macro) => `CREATE OR REPLACE TEMP MACRO ${macro}`);
}
